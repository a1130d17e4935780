import {
  createClient,
  isEdVoyageError,
  type Client,
  type ClientOptions,
  type Problem,
} from "@edvoyage/client-sdk";
import { createDisk, type Disk, type DiskSession } from "./disk.ts";
import type { Fault } from "./faults.ts";
import { createFetch, type SimulatedRequest } from "./http.ts";
import { createMiddlebox, type Middlebox } from "./middlebox.ts";
import { openSimulatedConnection, type SimulatedConnection } from "./connection.ts";
import type { SeededRandom } from "./random.ts";
import { createUplink, type Uplink, type UplinkOptions } from "./uplink.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { createWebSocketClass } from "./web-socket.ts";

/** One run of the app on a device. */
export interface App {
  readonly client: Client;
  /** Whether the app still runs. Ignore what an ended app does. */
  readonly isAlive: boolean;
  /** Resolves when the app can be used. Never settles if it ends earlier. */
  readonly ready: Promise<void>;
}

/** A phone with a disk, a clock, a network, and an app that may end at any moment. */
export interface SimulatedDevice {
  readonly name: string;
  readonly uplink: Uplink;
  readonly middlebox: Middlebox;
  readonly disk: Disk;
  /** Whether the app deletes its data when an admin ends the session. */
  readonly wipesWhenRevoked: boolean;
  readonly app: App | undefined;
  /** Starts the app, unless it already runs. */
  start(): App;
  /** Ends the app without warning, as the operating system does. */
  kill(): void;
  /** Kills the app during its n-th write from now. 0 cancels this. */
  killAtWrite(number: number): void;
  /** Closes the app in the regular way. */
  close(): Promise<void>;
  /** Sets the clock forward or back. */
  moveClock(ms: number): void;
  /** Releases everything that the simulation need not wait for. */
  abandon(): void;
  /** Sets how bad the network is, from 0 to 1. A storm also makes requests arrive twice. */
  setStorm(storm: number): void;
}

export interface DeviceOptions extends Pick<UplinkOptions, "accept"> {
  readonly name: string;
  readonly address: string;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly strike: (fault: Fault) => void;
  readonly onRequest: (request: SimulatedRequest) => void;
  readonly onStarted: (app: App) => void;
  readonly onProblem: (problem: Problem) => void;
  /** Plants a fault. */
  readonly sabotage?: Sabotage;
}

/** Wraps the options of a client to plant a fault. */
export type Sabotage = (options: ClientOptions) => ClientOptions;

const SLOW_DISK_MS = 20;
/** How long an app waits until it tries again to open its data. */
const READY_AGAIN_MS = 5_000;

export const createSimulatedDevice = (options: DeviceOptions): SimulatedDevice => {
  const { name, time, random, strike, onRequest, onStarted, sabotage = (given) => given } = options;
  const uplink = createUplink({ ...options, random: random.fork("uplink") });
  const middlebox = createMiddlebox({ random: random.fork("middlebox"), strike });
  const latencyMs = random.chance(0.3) ? SLOW_DISK_MS : 0;
  const disk = createDisk({ time, random: random.fork("disk"), latencyMs, strike });
  const wipesWhenRevoked = random.chance(0.2);
  let clockOffset = 0;
  let storm = 0;
  let runs = 0;
  const deadConnections: SimulatedConnection[] = [];
  let running: { readonly app: App; readonly session: DiskSession; end: () => void } | undefined;

  /** Tries again while the disk cannot be used, as an app does that shows why. */
  const becomeReady = (client: Client): Promise<void> =>
    client.ready().catch(async (error: unknown) => {
      if (!isEdVoyageError(error) || !error.reason.startsWith("device/")) throw error;
      await new Promise<void>((resolve) => void time.after(READY_AGAIN_MS, resolve));
      return becomeReady(client);
    });

  const start = (): App => {
    if (running) return running.app;
    const runRandom = random.fork(`run ${(runs += 1)}`);
    const session = disk.open();
    let isAlive = true;
    /** Connects. An ended app never gets an answer. */
    const connect = () => {
      if (isAlive) return uplink.connect();
      const line = openDeadConnection(time);
      deadConnections.push(line);
      return line.device;
    };
    const sendNow = createFetch({
      time,
      random: runRandom.fork("fetch"),
      connect,
      repeats: () => storm / 2,
      strike,
      onRequest: (request) => isAlive && onRequest(request),
    });
    const fetchNow = middlebox.wrap(sendNow);
    const client = createClient(
      sabotage({
        url: "http://simulation",
        storage: session.storage,
        deviceName: name,
        wipeWhenRevoked: wipesWhenRevoked,
        fetch: (input, init) => (isAlive ? fetchNow(input, init) : new Promise(() => {})),
        WebSocket: createWebSocketClass({
          connect,
          onConnect: (path) => isAlive && onRequest({ method: "SOCKET", path, body: "" }),
        }),
        network: {
          isOnline: () => uplink.isOnline,
          subscribe: (listener) => uplink.subscribe(() => isAlive && listener()),
        },
        clock: {
          now: () => time.now() + clockOffset,
          after: (delayMs, task) => time.after(delayMs, () => isAlive && task()),
        },
        randomBytes: (count) => runRandom.bytes(count),
        onProblem: (problem) => {
          if (isAlive) options.onProblem(problem);
        },
      }),
    );
    const app: App = {
      client,
      get isAlive() {
        return isAlive;
      },
      ready: becomeReady(client),
    };
    const end = () => {
      isAlive = false;
      running = undefined;
      session.end();
      uplink.abandon();
    };
    running = { app, session, end };
    onStarted(app);
    return app;
  };

  return {
    name,
    uplink,
    middlebox,
    disk,
    wipesWhenRevoked,
    get app() {
      return running?.app;
    },
    start,
    kill: () => {
      if (!running) return;
      strike("killed");
      running.end();
    },
    killAtWrite: (number) => {
      if (running) running.session.killAtWrite(number, running.end);
    },
    close: async () => {
      if (!running) return;
      const { app, end } = running;
      await app.client.close();
      if (app.isAlive) end();
    },
    moveClock: (ms) => {
      strike(ms > 0 ? "clock put forward" : "clock put back");
      clockOffset += ms;
    },
    abandon: () => {
      running?.end();
      uplink.close();
      for (const line of deadConnections) line.close();
    },
    setStorm: (next) => {
      storm = next;
      uplink.setStorm(next);
    },
  };
};

/** Opens a connection that never delivers anything. */
const openDeadConnection = (time: VirtualTime): SimulatedConnection =>
  openSimulatedConnection({
    time,
    delayMs: () => 1,
    address: "nowhere",
    accept: () => false,
    isHeldUp: () => true,
    onPiece: () => false,
    onClosed: () => {},
  });
