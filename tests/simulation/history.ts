// Import this first: it replaces the clock before other modules read it.
import { startVirtualTime } from "./virtual-time.ts";
import { getUnixTime } from "lib0/time";
import { checkContacts, contactSteps } from "./contacts.ts";
import { checkCommands, readApplied } from "./commands.ts";
import { checkRemoved } from "./stored-rows.ts";
import { HISTORY_STARTS_AFTER_MS, beginWith } from "./beginning.ts";
import { checkChat } from "./chat-check.ts";
import { chatSteps } from "./chat.ts";
import { checkEdits, editSteps } from "./edits.ts";
import type { SimulatedDevice } from "./device.ts";
import type { FaultCounts } from "./faults.ts";
import { createSeededRandom, type SeededRandom } from "./random.ts";
import { pause, signIn } from "./sign-in.ts";
import { troubleSteps, type Step } from "./steps.ts";
import { createSimulatedWorld, type SimulatedWorld, type WorldOptions } from "./world.ts";

/** The result of a history. */
export interface HistoryReport {
  readonly seed: number;
  /** Descriptions of what must never happen and did. Empty when all is well. */
  readonly violations: readonly string[];
  readonly faults: FaultCounts;
  /** Everything that happened, line by line. */
  readonly trace: readonly string[];
  /** A hash of the trace: equal for two histories with the same events. */
  readonly hash: string;
  readonly steps: number;
  /** How many commands devices wrote. */
  readonly commands: number;
  /** How much virtual time passed. */
  readonly virtualMs: number;
}

const STEPS: readonly Step[] = [...chatSteps, ...contactSteps, ...editSteps, ...troubleSteps];
const SETTLE_WITHIN_MS = 30 * 60_000;
/** Longer than any call may take, and than a lane waits: read marks, which nobody waits for, have been sent by then. */
const QUIET_MS = 90_000;

/**
 * Runs the history of a seed: students act on their devices and faults strike; then all faults are healed, and the
 * result is checked.
 */
export const runHistory = async (
  seed: number,
  options: Pick<WorldOptions, "sabotage" | "damage"> = {},
): Promise<HistoryReport> => {
  const beginning = await beginWith(createSeededRandom(seed).fork("beginning").pick([2, 2, 3]));
  const time = startVirtualTime({ afterMs: HISTORY_STARTS_AFTER_MS });
  if (getUnixTime() !== time.now())
    throw new Error("virtual-time.ts must be imported before every other module");
  const exitListeners = process.listeners("exit");
  const maxListeners = process.getMaxListeners();
  // Each socket of an app adds a listener, and sockets of killed apps never remove theirs.
  process.setMaxListeners(0);
  const startedAt = time.now();
  try {
    const world = await createSimulatedWorld({ seed, time, beginning, ...options });
    const steps = await runSteps(world);
    const { violations, faults, trace, ledger } = world;
    await world.close();
    return {
      seed,
      violations,
      faults,
      trace: trace.lines,
      hash: trace.hash(),
      steps,
      commands: ledger.commands.length,
      virtualMs: time.now() - startedAt,
    };
  } finally {
    time.close();
    process.setMaxListeners(maxListeners);
    for (const listener of process.listeners("exit")) {
      if (!exitListeners.includes(listener)) process.off("exit", listener);
    }
  }
};

/** Lets the students act and the faults strike. Returns how many steps were taken. */
const runSteps = async (world: SimulatedWorld): Promise<number> => {
  const { time, random, server, violations } = world;
  const attempt = async (what: string, promise: Promise<unknown>): Promise<boolean> => {
    try {
      await time.until(promise, { withinMs: SETTLE_WITHIN_MS });
      return true;
    } catch (error) {
      violations.push(`${what}: ${error instanceof Error ? (error.stack ?? "") : String(error)}`);
      return false;
    }
  };

  // One phone after the other: otherwise a student mixes up the codes of two phones, and is blocked for a while.
  const signIns = world.students.map(async (student) => {
    for (const device of student.devices) await signIn(world, { device, student });
  });
  if (!(await attempt("Not every student could sign in at the start", Promise.all(signIns)))) return 0;
  const steps = random.between(30, random.pick([35, 45, 100]));
  for (let step = 0; step < steps; step += 1) {
    const device = pickFrom(random, world.devices);
    pickStep(random).begin(world, device);
    await time.advance(drawGapMs(random));
  }
  world.trace.add("everything", "is well again");
  if (await attempt("Not every device was synced in the end", heal(world))) {
    await time.advance(QUIET_MS);
    const appliedOf = readApplied(world);
    checkCommands(world, appliedOf);
    checkRemoved(world);
    await attempt("Rooms could not be read", checkChat(world, appliedOf));
    await attempt("Contacts could not be read", checkContacts(world, appliedOf));
    await attempt("Edits could not be read", checkEdits(world));
  }
  for (const line of server.errors) violations.push(`The server logged a fault: ${line}`);
  return steps;
};

const drawGapMs = (random: SeededRandom): number => {
  const longest = random.pick([1, 50, 300, 300, 1_000, 5_000, 5_000, 30_000]);
  return random.between(0, longest);
};

const pickFrom = (random: SeededRandom, devices: readonly SimulatedDevice[]): SimulatedDevice => {
  const [first, ...others] = devices;
  if (!first) throw new Error("The world has no devices");
  return random.pick([first, ...others]);
};

const TOTAL_WEIGHT = STEPS.reduce((sum, { weight }) => sum + weight, 0);

const pickStep = (random: SeededRandom): Step => {
  let left = random.fraction() * TOTAL_WEIGHT;
  const step = STEPS.find(({ weight }) => (left -= weight) < 0);
  if (!step) throw new Error("No step was drawn");
  return step;
};

/** Ends all faults, signs in everybody who left something unsent on a device, and waits until everything is sent. */
const heal = async (world: SimulatedWorld): Promise<void> => {
  const { devices, server } = world;
  world.isHealing = true;
  for (const device of devices) {
    device.setStorm(0);
    device.uplink.setOnline(true);
    device.disk.setFailing(undefined);
    device.middlebox.setShare(0);
    device.middlebox.refuseSome(false);
    device.middlebox.loseKeys(false);
    device.killAtWrite(0);
  }
  while (!server.isUp) await pause(world, 1_000);
  await Promise.all(devices.map((device) => healDevice(world, device)));
};

const healDevice = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const { students, ledger, edits, devicesInUse } = world;
  while (devicesInUse.has(device)) await pause(world, 1_000);
  const hasLeftSomething = (name: string): boolean =>
    ledger.of({ device: device.name, student: name }).some(({ state }) => state === "waiting") ||
    edits.some((edit) => edit.device === device.name && edit.student === name);
  const guests = students.filter(({ name, devices }) => !devices.includes(device) && hasLeftSomething(name));
  const owners = students.filter((student) => student.devices.includes(device));
  for (const student of [...guests, ...owners]) {
    await signIn(world, { device, student });
    while (!(await isSessionAccepted(world, device))) {
      await pause(world, 1_000);
      await signIn(world, { device, student });
    }
    await waitUntilSynced(world, device);
  }
};

/** Returns whether the server still accepts the session on a device. The device may learn only now that it has ended. */
const isSessionAccepted = async (world: SimulatedWorld, device: SimulatedDevice): Promise<boolean> => {
  const read = await world.act(device, "asks for its sessions", ({ client }) =>
    client.sessions.list({}, { refresh: true }),
  );
  return read.isDone && read.value.source === "server";
};

/** Waits until a device is connected and has sent everything. */
const waitUntilSynced = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const isSynced = (): boolean => {
    const status = device.app?.client.isReady ? device.app.client.sync.status : undefined;
    // Without sockets an app learns only what it watches. Sockets are tried again every five minutes.
    return status?.pending === 0 && status.connection === "online" && status.transport === "socket";
  };
  while (!isSynced()) await pause(world, 1_000);
};
