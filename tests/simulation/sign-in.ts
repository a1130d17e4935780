import type { SimulatedDevice } from "./device.ts";
import type { SimulatedStudent, SimulatedWorld } from "./world.ts";

export interface SignInOptions {
  readonly device: SimulatedDevice;
  readonly student: SimulatedStudent;
  /** Whether it is still worth trying; always, unless told. */
  readonly isWanted?: () => boolean;
}

/** How long a student waits before she tries again, in milliseconds. */
const AGAIN_MS = 10_000;
/** How long she waits for an app that may have ended meanwhile, in milliseconds. */
const PATIENCE_MS = 70_000;

/** Makes a student sign in on a device, however often it takes. */
export const signIn = async (
  world: SimulatedWorld,
  { device, student, isWanted = () => true }: SignInOptions,
): Promise<void> => {
  const isIn = (): boolean =>
    world.studentOn(device) === student && device.app?.client.auth.state === "signedIn";
  while (isWanted()) {
    await orAfter(world, PATIENCE_MS, device.start().ready);
    if (isIn()) return;
    await orAfter(world, PATIENCE_MS, attempt(world, device, student));
    if (!isIn()) await pause(world, AGAIN_MS);
  }
};

const attempt = async (
  world: SimulatedWorld,
  device: SimulatedDevice,
  student: SimulatedStudent,
): Promise<void> => {
  const asked = await world.act(device, `asks for a code for ${student.name}`, ({ client }) =>
    client.auth.requestCode(student.phone),
  );
  if (!asked.isDone) return;
  const code = world.server.codeFor(student.phone) ?? "";
  const answered = await world.act(device, `answers with the code of ${student.name}`, ({ client }) =>
    client.auth.verifyCode(code),
  );
  if (!answered.isDone) return;
  world.ledger.expectWipe({ device: device.name, student: student.name }, false);
  world.standing.signedIn(device.name);
  if (device.app) world.standing.look(device.name, device.app.client.auth.status);
};

/** Waits in virtual time. */
export const pause = ({ time }: SimulatedWorld, ms: number): Promise<void> =>
  new Promise((resolve) => void time.after(ms, resolve));

/** Waits for what may never come. */
export const orAfter = async (
  world: SimulatedWorld,
  ms: number,
  promise: Promise<unknown>,
): Promise<void> => {
  await Promise.race([promise.catch(() => {}), pause(world, ms)]);
};
