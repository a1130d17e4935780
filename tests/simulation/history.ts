// First: it takes the clock over before others look at it.
import { startVirtualTime } from "./virtual-time.ts";
import { getUnixTime } from "lib0/time";
import { checkContacts, contactSteps } from "./contacts.ts";
import { checkCommands, readApplied } from "./commands.ts";
import { BEGUN_FOR_MS, beginWith } from "./beginning.ts";
import { checkChat } from "./chat-check.ts";
import { chatSteps } from "./chat.ts";
import { checkEdits, editSteps } from "./edits.ts";
import type { SimulatedDevice } from "./device.ts";
import type { FaultCounts } from "./faults.ts";
import { createSeededRandom, type SeededRandom } from "./random.ts";
import { pause, signIn } from "./sign-in.ts";
import { troubles, type Step } from "./steps.ts";
import { createSimulatedWorld, type SimulatedWorld, type WorldOptions } from "./world.ts";

/** What became of a history. */
export interface HistoryReport {
  readonly seed: number;
  /** What must never be and was; empty when all is well. */
  readonly violations: readonly string[];
  readonly faults: FaultCounts;
  /** All that happened, line by line. */
  readonly trace: readonly string[];
  /** The same for two histories in which the same happened. */
  readonly hash: string;
  readonly steps: number;
  /** Commands that devices wrote. */
  readonly commands: number;
  /** How much time passed in it. */
  readonly virtualMs: number;
}

const STEPS: readonly Step[] = [...chatSteps, ...contactSteps, ...editSteps, ...troubles];
const SETTLE_WITHIN_MS = 30 * 60_000;
/** Longer than a call may take: what began before all was well is over. */
const QUIET_MS = 40_000;

/** Runs the history of a seed: students, devices, what they do and what befalls them; then heals all, and checks. */
export const runHistory = async (
  seed: number,
  options: Pick<WorldOptions, "sabotage"> = {},
): Promise<HistoryReport> => {
  const beginning = await beginWith(createSeededRandom(seed).fork("beginning").pick([2, 2, 3]));
  const time = startVirtualTime({ afterMs: BEGUN_FOR_MS });
  if (getUnixTime() !== time.now())
    throw new Error("virtual-time.ts has to be loaded before everything else");
  const exitListeners = process.listeners("exit");
  const maxListeners = process.getMaxListeners();
  // Each socket of an app listens, and those of killed ones never stop.
  process.setMaxListeners(0);
  const startedAt = time.now();
  try {
    const world = await createSimulatedWorld({ seed, time, beginning, ...options });
    const steps = await live(world);
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

/** Returns how many steps it took. */
const live = async (world: SimulatedWorld): Promise<number> => {
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

  // One phone after the other: else a student mixes the codes of her phones up, and they are blocked for a while.
  const signIns = world.students.map(async (student) => {
    for (const device of student.devices) await signIn(world, { device, student });
  });
  if (!(await attempt("Not all could sign in at first", Promise.all(signIns)))) return 0;
  const steps = random.between(30, random.pick([35, 45, 100]));
  for (let step = 0; step < steps; step += 1) {
    const device = pickFrom(random, world.devices);
    pickStep(random).begin(world, device);
    await time.advance(drawGapMs(random));
  }
  world.trace.add("everything", "is well again");
  if (await attempt("Not all came to rest", heal(world))) {
    await time.advance(QUIET_MS);
    const appliedOf = readApplied(world);
    checkCommands(world, appliedOf);
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
  if (!first) throw new Error("A world has devices");
  return random.pick([first, ...others]);
};

const TOTAL_WEIGHT = STEPS.reduce((sum, { weight }) => sum + weight, 0);

const pickStep = (random: SeededRandom): Step => {
  let left = random.fraction() * TOTAL_WEIGHT;
  const step = STEPS.find(({ weight }) => (left -= weight) < 0);
  if (!step) throw new Error("There are steps");
  return step;
};

/** Ends all troubles, lets everybody who left something on a device come back for it, and waits until all is sent. */
const heal = async (world: SimulatedWorld): Promise<void> => {
  const { devices, server } = world;
  world.isHealing = true;
  for (const device of devices) {
    device.setStorm(0);
    device.uplink.setOnline(true);
    device.disk.setFull(false);
    device.killAtWrite(0);
  }
  while (!server.isUp) await pause(world, 1_000);
  await Promise.all(devices.map((device) => healDevice(world, device)));
};

const healDevice = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const { students, ledger, edits, inHand } = world;
  while (inHand.has(device)) await pause(world, 1_000);
  const hasLeftSomething = (name: string): boolean =>
    ledger.of({ device: device.name, student: name }).some(({ state }) => state === "waiting") ||
    edits.some((edit) => edit.device === device.name && edit.student === name);
  const guests = students.filter(({ name, devices }) => !devices.includes(device) && hasLeftSomething(name));
  const owners = students.filter((student) => student.devices.includes(device));
  for (const student of [...guests, ...owners]) {
    do await signIn(world, { device, student });
    while (!(await isHeard(world, device)));
    await inStep(world, device);
  }
};

/** Whether the server answers a device as who is signed in there: else it learns only now that it is not. */
const isHeard = async (world: SimulatedWorld, device: SimulatedDevice): Promise<boolean> => {
  const read = await world.act(device, "asks for its sessions", ({ client }) =>
    client.sessions.list({}, { refresh: true }),
  );
  return read.isDone && read.value.source === "server";
};

/** Waits until a device is connected, and all that it has is on the server. */
const inStep = async (world: SimulatedWorld, device: SimulatedDevice): Promise<void> => {
  const isInStep = (): boolean => {
    const status = device.app?.client.isReady ? device.app.client.sync.status : undefined;
    return status?.pending === 0 && status.connection === "online";
  };
  while (!isInStep()) await pause(world, 1_000);
};
