import type { SimulatedDevice } from "./device.ts";
import { waitAtMost, signIn } from "./sign-in.ts";
import { checkRevoked } from "./stored-rows.ts";
import type { SimulatedStudent, SimulatedWorld } from "./world.ts";

/** Something that may happen in a history. */
export interface Step {
  /** How often it happens, relative to other steps. */
  readonly weight: number;
  /** Begins the step on a device. It may continue while other steps happen. */
  begin(world: SimulatedWorld, device: SimulatedDevice): void;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Faults of devices, the network and sessions, independent of what students do. */
export const troubleSteps: readonly Step[] = [
  {
    weight: 6,
    begin: (_world, { uplink }) => uplink.setOnline(!uplink.isOnline),
  },
  {
    weight: 5,
    begin: ({ random }, { uplink }) =>
      uplink.partition(random.between(1, random.pick([2, 20, 60])) * SECOND_MS),
  },
  {
    weight: 8,
    begin: ({ random }, device) => device.setStorm(random.pick([0, 0.05, 0.2, 0.5])),
  },
  {
    weight: 6,
    begin: (world, device) => {
      device.start();
      device.killAtWrite(world.random.between(1, 6));
      world.time.after(world.random.between(1, 30) * SECOND_MS, () => void device.start());
    },
  },
  {
    weight: 4,
    begin: (world, device) => {
      device.kill();
      world.time.after(world.random.between(1, 20_000), () => void device.start());
    },
  },
  {
    weight: 3,
    begin: (world, device) => {
      world.trace.add(device.name, "is closed");
      void device.close().then(() => device.start());
    },
  },
  {
    weight: 1,
    begin: ({ server, random, violations }) => {
      server.restart(random.between(0, 20_000)).catch((error: unknown) => {
        violations.push(`The server did not come back: ${String(error)}`);
      });
    },
  },
  {
    weight: 3,
    begin: ({ random, signInStates }, device) => {
      signInStates.expectEnd(device.name, "clock moved");
      device.moveClock(
        random.pick([-1, 1]) * random.between(1, random.pick([MINUTE_MS, DAY_MS, 40 * DAY_MS])),
      );
    },
  },
  {
    weight: 2,
    begin: ({ random, time, faults, trace }) => {
      const ms = random.pick([-1, 1]) * random.between(1, random.pick([SECOND_MS, MINUTE_MS, HOUR_MS]));
      const fault = ms > 0 ? "server's clock put forward" : "server's clock put back";
      faults[fault] += 1;
      trace.add("server", `* ${fault} by ${Math.abs(ms)} ms`);
      time.moveServerClock(ms);
    },
  },
  {
    weight: 1,
    begin: (world, device) => {
      world.signInStates.expectEnd(device.name, "data deleted");
      for (const student of world.students) world.expectWipe(device, student);
      void device.disk.deleteAll();
    },
  },
  {
    weight: 2,
    begin: ({ random, time }, { disk }) => {
      disk.setFailing(random.pick(["full", "failed"]));
      time.after(random.between(1, random.pick([20_000, 200_000])), () => disk.setFailing(undefined));
    },
  },
  {
    weight: 3,
    begin: ({ random, time }, { middlebox }) => {
      middlebox.setShare(random.pick([0.1, 0.3, 1]));
      time.after(random.between(1, 60_000), () => middlebox.setShare(0));
    },
  },
  {
    weight: 3,
    begin: ({ random, time }, { middlebox }) => {
      middlebox.refuseSome(true);
      time.after(random.between(1, 300_000), () => middlebox.refuseSome(false));
    },
  },
  {
    weight: 2,
    begin: ({ random, time }, { middlebox }) => {
      middlebox.loseKeys(true);
      time.after(random.between(1, 60_000), () => middlebox.loseKeys(false));
    },
  },
  {
    weight: 2,
    begin: (world, device) => void revokeByAdmin(world, device),
  },
  {
    weight: 3,
    begin: (world, device) => void signOut(world, device),
  },
  {
    weight: 10,
    begin: (world, device) => void signInSomebody(world, device),
  },
  {
    weight: 4,
    begin: (world, device) => void retryOrDiscard(world, device),
  },
  {
    weight: 3,
    begin: (world, device) =>
      void world.act(device, "flushes", ({ client }) => client.sync.flush({ timeoutMs: 20 * SECOND_MS })),
  },
];

/** Returns the student whose device it is. */
const ownerOf = ({ students }: SimulatedWorld, device: SimulatedDevice): SimulatedStudent => {
  const owner = students.find(({ devices }) => devices.includes(device));
  if (!owner) throw new Error("The device belongs to no student");
  return owner;
};

const revokeByAdmin = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const { server, trace, faults } = world;
  const status = device.app?.client.auth.status;
  const student = world.studentOn(device);
  if (!student || status?.state !== "signedIn" || !server.isUp) return;
  faults["signed out by an admin"] += 1;
  trace.add(device.name, "* signed out by an admin");
  world.signInStates.expectEnd(device.name, "revoked");
  if (device.wipesWhenRevoked) world.expectWipe(device, student);
  // The server may stop meanwhile, before or after the session has ended.
  const { sessionId } = status;
  await server.admin.admin.sessions.revoke.mutate({ sessionId }).then(
    () => checkRevoked(world, sessionId),
    () => {},
  );
};

const signOut = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const student = world.studentOn(device);
  if (!student || world.devicesInUse.has(device)) return;
  const pending = world.random.pick(["keep", "keep", "discard", "flush"]);
  if (pending === "discard") world.expectWipe(device, student);
  expectEditsAgain(world, device);
  world.devicesInUse.add(device);
  world.signInStates.expectEnd(device.name, "signed out");
  const signedOut = world.act(device, `signs ${student.name} out (${pending})`, ({ client }) =>
    client.auth.signOut({ pending }),
  );
  const ended = signedOut.then((outcome) => {
    const isRefused = !outcome.isDone && outcome.reason === "outbox/not-empty";
    if (isRefused) world.signInStates.callOff(device.name, "signed out");
  });
  await waitAtMost(world, MINUTE_MS, ended);
  world.devicesInUse.delete(device);
};

/** Usually the owner signs in again; sometimes another student borrows the phone. */
const signInSomebody = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const [first, ...others] = world.students;
  if (!first || world.devicesInUse.has(device)) return;
  world.devicesInUse.add(device);
  const student = world.random.chance(0.8) ? ownerOf(world, device) : world.random.pick([first, ...others]);
  let isWanted = true;
  world.time.after(MINUTE_MS, () => (isWanted = false));
  expectEditsAgain(world, device);
  await signIn(world, { device, student, isWanted: () => isWanted && !world.isHealing });
  world.devicesInUse.delete(device);
};

/** Unsent edits of a student on a device are applied again when the student signs in again. */
const expectEditsAgain = ({ edits }: SimulatedWorld, { name }: SimulatedDevice): void => {
  for (const edit of edits) if (edit.device === name) edit.mayBeMadeAgain = true;
};

const retryOrDiscard = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const app = device.app;
  const failed = app?.client.isReady && app.client.outbox.list().find(({ state }) => state === "failed");
  if (!failed) return;
  const { id, procedure } = failed;
  if (world.random.chance(0.5)) {
    world.ledger.expectRetry(id);
    await world.act(device, `retries ${procedure}`, ({ client }) => client.outbox.retry(id));
  } else {
    world.ledger.expectDiscard(id);
    await world.act(device, `discards ${procedure}`, ({ client }) => client.outbox.discard(id));
  }
};
