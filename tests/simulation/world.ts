import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import { isEdVoyageError } from "@edvoyage/client-sdk";
import { dropCopy, type Beginning, type KnownStudent } from "./beginning.ts";
import { createSimulatedDevice, type App, type Sabotage, type SimulatedDevice } from "./device.ts";
import { noFaults, type Fault, type FaultCounts } from "./faults.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createSeededRandom, type SeededRandom } from "./random.ts";
import type { NotedEdit, NotedMessage } from "./noted.ts";
import { startServer, type DatabaseDamage, type SimulatedServer } from "./server.ts";
import { createSignInStates, type SignInStates } from "./sign-in-states.ts";
import { createTrace, type Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A student of a history, with the student's phones. */
export interface SimulatedStudent extends KnownStudent {
  readonly devices: readonly SimulatedDevice[];
}

/** Everything that takes part in a history. */
export interface SimulatedWorld {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly server: SimulatedServer;
  readonly students: readonly SimulatedStudent[];
  readonly devices: readonly SimulatedDevice[];
  readonly ledger: Ledger;
  readonly signInStates: SignInStates;
  readonly trace: Trace;
  readonly faults: FaultCounts;
  /** Descriptions of what must never happen and did. */
  readonly violations: string[];
  /** Edits of documents that apps were asked to make, in order. */
  readonly edits: NotedEdit[];
  /** Messages that apps have reported as stored, by id. */
  readonly messages: Map<string, NotedMessage>;
  /** Rooms that students share. */
  readonly rooms: readonly SimulatedRoom[];
  /** Calls as a student, bypassing all devices and the network. Works only while the server is up. */
  witness(student: SimulatedStudent): RpcClient;
  /** From now on, all data of a student on a device may be deleted. */
  expectWipe(device: SimulatedDevice, student: SimulatedStudent): void;
  /** Sent commands by id. Unlike the ledger, it also has commands of apps that ended before they could show them. */
  readonly sent: ReadonlyMap<string, SentCommand>;
  /** Set while all faults are being ended: steps that keep retrying give up. */
  isHealing: boolean;
  /** Phones on which somebody is signing in or out. */
  readonly devicesInUse: Set<SimulatedDevice>;
  /** Returns the student who is shown on a device. */
  studentOn(device: SimulatedDevice): SimulatedStudent | undefined;
  /** Makes an app do something, and traces the outcome. Never settles if the app ends earlier. */
  act<T>(device: SimulatedDevice, what: string, call: (app: App) => Promise<T>): Promise<Outcome<T>>;
  close(): Promise<void>;
}

/** A room of some students. */
export interface SimulatedRoom {
  readonly id: string;
  readonly name: string;
  readonly members: readonly SimulatedStudent[];
}

/** The outcome of an SDK call. */
export type Outcome<T> =
  | { readonly isDone: true; readonly value: T }
  | { readonly isDone: false; readonly reason: string };

/** A command that left a device. */
export interface SentCommand {
  readonly device: string;
  /** The procedure's name, such as `contacts.add`. */
  readonly procedure: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly at: number;
  /** How often it was sent. */
  times: number;
}

/** Options of a simulated world. */
export interface WorldOptions {
  readonly seed: number;
  readonly time: VirtualTime;
  readonly beginning: Beginning;
  /** Plants a fault around each device's SDK. */
  readonly sabotage?: Sabotage | undefined;
  /** Plants a fault of the server. */
  readonly damage?: DatabaseDamage | undefined;
}

/** Starts a server, and the devices of two or three students. Nobody is signed in on them yet. */
export const createSimulatedWorld = async ({
  seed,
  time,
  beginning,
  sabotage,
  damage,
}: WorldOptions): Promise<SimulatedWorld> => {
  const random = createSeededRandom(seed);
  const trace = createTrace(time);
  const faults = noFaults();
  const violations: string[] = [];
  const sent = new Map<string, SentCommand>();
  const reportViolation = (what: string): void => {
    trace.add("!", what);
    violations.push(what);
  };
  /** The devices whose data was deleted under a running app, which has not said so yet. */
  const losses = new Set<string>();
  const strike = (who: string, fault: Fault): void => {
    faults[fault] += 1;
    if (fault === "data deleted") losses.add(who);
    trace.add(who, `* ${fault}`);
  };
  const ledger = createLedger({ now: time.now, onBroken: reportViolation });
  const devices: SimulatedDevice[] = [];
  const signInStates = createSignInStates({
    wipesWhenRevoked: (name) => devices.some((device) => device.name === name && device.wipesWhenRevoked),
    onBroken: reportViolation,
  });
  const path = beginning.copy();
  const server = await startServer({
    time,
    path,
    random: random.fork("server"),
    damage,
    onDown: () => {
      strike("server", "server restarted");
      for (const { uplink } of devices) uplink.lose();
    },
  });

  const watch = (device: SimulatedDevice, { client, ready }: App): void => {
    const { name } = device;
    losses.delete(name);
    const look = (): void => {
      if (device.app?.client !== client || !client.isReady) return;
      signInStates.look(name, client.auth.status);
      const student = world.studentOn(device);
      if (student) ledger.note({ device: name, student: student.name }, client.outbox.list(), device.disk);
    };
    // The student and the outbox change together, so look at them after both have changed.
    client.outbox.onChange(() => queueMicrotask(look));
    ready.then(look, (error: unknown) => {
      if (!isEdVoyageError(error)) reportViolation(`${name} did not start: ${String(error)}`);
    });
    client.auth.onChange(({ state, student }) => {
      if (device.app?.client !== client) return;
      trace.add(name, `is ${state} as ${nameOf(student?.id)}`);
      look();
    });
  };

  const createDevice = (name: string, index: number): SimulatedDevice => {
    const device: SimulatedDevice = createSimulatedDevice({
      name,
      address: `10.0.0.${index + 1}`,
      time,
      random: random.fork(name),
      accept: server.accept,
      strike: (fault) => strike(name, fault),
      onRequest: ({ method, path, body }) => {
        trace.add(name, `${method} ${path}`);
        if (method !== "POST") return;
        if (path === "/trpc/auth.verifyCode") signInStates.expectEnd(name, "signing in");
        if (path.startsWith("/trpc/chat.")) trace.add(name, `  ${body}`);
        const { commandId, ...input }: { readonly commandId?: string } = JSON.parse(body);
        const procedure = path.slice("/trpc/".length);
        if (commandId === undefined) return;
        const command = sent.get(commandId) ?? { device: name, procedure, input, at: time.now(), times: 0 };
        command.times += 1;
        sent.set(commandId, command);
      },
      onStarted: (app) => watch(device, app),
      onProblem: ({ kind, message, cause }) => {
        trace.add(name, `reports ${kind}: ${message}`);
        if (kind === "storage-lost" && losses.delete(name)) return;
        // Nothing here damages a record, forks a history or is refused. A failing disk is not a fault of the SDK.
        if (!device.disk.isFailing)
          reportViolation(`${name} reported ${kind}: ${message} ${describe(cause)}`);
      },
      ...(sabotage ? { sabotage } : {}),
    });
    devices.push(device);
    return device;
  };

  const students = beginning.students.map((student, index): SimulatedStudent => {
    const count = random.pick([1, 1, 1, 2, 2, 3]);
    const devices = Array.from({ length: count }, (_, at) =>
      createDevice(`${student.name}${at + 1}`, index * 3 + at),
    );
    return { ...student, devices };
  });
  const rooms = beginning.rooms.map(({ id, name, members }): SimulatedRoom => ({
    id,
    name,
    members: students.slice(0, members),
  }));
  const nameOf = (id: string | undefined): string =>
    students.find((student) => student.id === id)?.name ?? (id === undefined ? "nobody" : "somebody new");

  const world: SimulatedWorld = {
    time,
    random: random.fork("steps"),
    server,
    students,
    devices,
    ledger,
    signInStates,
    trace,
    faults,
    violations,
    sent,
    edits: [],
    messages: new Map(),
    rooms,
    witness: ({ token }) => server.rpc(token),
    expectWipe: (device, student) => {
      ledger.expectWipe({ device: device.name, student: student.name }, true);
      const isHere = (noted: { readonly device: string; readonly student: string }): boolean =>
        noted.device === device.name && noted.student === student.name;
      for (const edit of world.edits.filter(isHere)) edit.mayBeUndone = true;
      for (const message of [...world.messages.values()].filter(isHere)) message.mayBeDiscarded = true;
    },
    isHealing: false,
    devicesInUse: new Set(),
    studentOn: (device) => {
      const { app } = device;
      const phone = app?.client.isReady ? app.client.auth.status.student?.phone : undefined;
      return students.find((student) => student.phone === phone);
    },
    act: (device, what, call) => {
      const app = device.start();
      trace.add(device.name, what);
      return new Promise((resolve) => {
        const end = (outcome: string, settled: Parameters<typeof resolve>[0]): void => {
          if (!app.isAlive) return;
          trace.add(device.name, `${what} → ${outcome}`);
          resolve(settled);
        };
        app.ready
          .then(() => call(app))
          .then(
            (value) => end("done", { isDone: true, value }),
            (error: unknown) => {
              if (app.isAlive && !isEdVoyageError(error)) reportViolation(`${what} threw ${describe(error)}`);
              const reason = isEdVoyageError(error) ? error.reason : "fault";
              end(reason, { isDone: false, reason });
            },
          );
      });
    },
    close: async () => {
      await server.close();
      for (const device of devices) device.abandon();
      dropCopy(path);
      // Let the devices react to the closing within virtual time.
      await time.advance(0);
    },
  };
  return world;
};

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? "") : String(error));
