import type { SimulatedDevice } from "./device.ts";
import type { SimulatedStudent, SimulatedWorld } from "./world.ts";

export interface SignInOptions {
  readonly device: SimulatedDevice;
  readonly student: SimulatedStudent;
  /** Whether to keep trying. Default: always. */
  readonly isWanted?: () => boolean;
}

/** How long a student waits before the next try, in milliseconds. */
const RETRY_AFTER_MS = 10_000;
/** How long a student waits for an app that may have ended meanwhile, in milliseconds. */
const PATIENCE_MS = 70_000;

/** Signs a student in on a device, with as many tries as it takes. */
export const signIn = async (
  world: SimulatedWorld,
  { device, student, isWanted = () => true }: SignInOptions,
): Promise<void> => {
  const isSignedIn = (): boolean =>
    world.studentOn(device) === student && device.app?.client.auth.state === "signedIn";
  while (isWanted()) {
    await waitAtMost(world, PATIENCE_MS, device.start().ready);
    if (isSignedIn()) return;
    await waitAtMost(world, PATIENCE_MS, attempt(world, device, student));
    if (!isSignedIn()) await pause(world, RETRY_AFTER_MS);
  }
};

const attempt = async (
  world: SimulatedWorld,
  device: SimulatedDevice,
  student: SimulatedStudent,
): Promise<void> => {
  const requested = await world.act(device, `asks for a code for ${student.name}`, ({ client }) =>
    client.auth.requestCode(student.phone),
  );
  if (!requested.isDone) return;
  const code = world.server.codeFor(student.phone) ?? "";
  const verified = await world.act(device, `answers with the code of ${student.name}`, ({ client }) =>
    client.auth.verifyCode(code),
  );
  if (!verified.isDone) return;
  world.ledger.expectWipe({ device: device.name, student: student.name }, false);
  world.signInStates.signedIn(device.name);
  if (device.app?.client.isReady) world.signInStates.look(device.name, device.app.client.auth.status);
};

/** Waits in virtual time. */
export const pause = ({ time }: SimulatedWorld, ms: number): Promise<void> =>
  new Promise((resolve) => void time.after(ms, resolve));

/** Waits for a promise that may never settle, but at most this long. */
export const waitAtMost = async (
  world: SimulatedWorld,
  ms: number,
  promise: Promise<unknown>,
): Promise<void> => {
  await Promise.race([promise.catch(() => {}), pause(world, ms)]);
};
