import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import Sqlite from "better-sqlite3";
import { createRpcClient, type RpcClient } from "@edvoyage/client-sdk/rpc";
import { createLogger, createServer, parseConfig, type Server } from "@edvoyage/server/app";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The real server with its own database file, but without a port. */
export interface SimulatedServer {
  /** Takes a connection. Returns whether the server is up. */
  accept(end: Duplex): boolean;
  readonly isUp: boolean;
  /** Stops the server, and starts it on the same database after `downMs`. */
  restart(downMs: number): Promise<void>;
  /** Calls as the admin, bypassing the network. Works only while the server is up. */
  readonly admin: RpcClient;
  /** Calls with this key, bypassing the network. */
  rpc(token: string): RpcClient;
  /** Returns the code of the last SMS to a phone. */
  codeFor(phone: string): string | undefined;
  /** Runs a query on the database. */
  rows<Row>(query: string): readonly Row[];
  /** Log lines at level `error`. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/** SQL that plants a fault of the server: scripts that run on its database while no server uses it. */
export interface DatabaseDamage {
  /** Runs before the first start. It can create triggers. */
  readonly atStart?: string;
  /** Runs during each restart. */
  readonly atRestart?: string;
}

export interface SimulatedServerOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** The path of its database, which is created if missing. */
  readonly path: string;
  /** Called when the server goes down and all its connections are lost. */
  readonly onDown: () => void;
  /** Plants a fault. */
  readonly damage?: DatabaseDamage | undefined;
}

/** How long the server may take to close, in milliseconds. */
const CLOSE_WITHIN_MS = 10_000;
const SECRETS = {
  secret: "a secret of this simulation alone",
  adminToken: "admin-of-the-simulation-0123456789",
};
const LIMITS = {
  // Rate limits of the sign-in are not under test here: nobody should have to wait for an hour.
  sendsPerHourPerDevice: 1_000,
  sendsPerDayPerPhone: 1_000,
  sendsPerDayPerPhonePerIp: 1_000,
  sendsPerDayPerPhoneForKnownDevices: 1_000,
  signInsGivenBackPerDayPerPhone: 1_000,
  // Few events for each segment, so that logs have many segments.
  segmentEvents: 6,
};
export const startServer = async ({
  time,
  random,
  path,
  onDown,
  damage = {},
}: SimulatedServerOptions): Promise<SimulatedServer> => {
  const codeByPhone = new Map<string, string>();
  const errors: string[] = [];
  const open = (): Promise<Server> =>
    createServer({
      config: parseConfig({
        EDVOYAGE_PORT: "0",
        EDVOYAGE_DATA_DIR: dirname(path),
        EDVOYAGE_DATABASE_URL: `sqlite:${path}`,
        EDVOYAGE_SEED: "none",
        EDVOYAGE_LOG_LEVEL: "error",
        EDVOYAGE_LIMITS: JSON.stringify(LIMITS),
      }),
      secrets: SECRETS,
      clock: time.serverClock,
      random: (sizeBytes) => random.bytes(sizeBytes),
      log: createLogger("error", { write: (line) => void errors.push(line) }),
      pushProvider: undefined,
      smsProvider: {
        name: "file",
        send: async ({ to, code }) => void codeByPhone.set(to, code),
      },
    });

  const inflict = (script: string | undefined): void => {
    if (script === undefined) return;
    const file = new Sqlite(path);
    file.exec(script);
    file.close();
  };
  inflict(damage.atStart);
  let server: Server | undefined = await open();
  const up = (): Server => {
    if (server) return server;
    throw new Error("The server is down");
  };
  const rpc = (token: string): RpcClient =>
    createRpcClient({
      url: "http://simulation",
      token: () => token,
      fetch: (input, init) => up().fetch(input, init),
    });

  return {
    accept: (end) => {
      if (!server) return false;
      void server.accept(end);
      return true;
    },
    get isUp() {
      return server !== undefined;
    },
    restart: async (downMs) => {
      if (!server) return;
      const ending = server;
      server = undefined;
      onDown();
      await ending.close();
      inflict(damage.atRestart);
      await new Promise<void>((resolve) => void time.after(downMs, resolve));
      server = await open();
    },
    rpc,
    admin: rpc(SECRETS.adminToken),
    codeFor: (phone) => codeByPhone.get(phone),
    rows: <Row>(query: string) => {
      const file = new Sqlite(path, { readonly: true });
      const rows = file.prepare<[], Row>(query).all();
      file.close();
      return rows;
    },
    errors,
    close: async () => {
      const closing = server?.close() ?? Promise.resolve();
      server = undefined;
      await time.until(closing, { withinMs: CLOSE_WITHIN_MS });
    },
  };
};
