import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import Sqlite from "better-sqlite3";
import { createRpcClient, type RpcClient } from "@edvoyage/client-sdk/rpc";
import { createLogger, createServer, parseConfig, type Server } from "@edvoyage/server/app";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The real server, with a database file of its own, and no port. */
export interface SimulatedServer {
  /** Takes a connection; returns whether anybody is there to take it. */
  accept(end: Duplex): boolean;
  readonly isUp: boolean;
  /** Ends it, and starts it again on the same database after so long. */
  restart(downMs: number): Promise<void>;
  /** Calls as the admin, past the network. Only while it is up. */
  readonly admin: RpcClient;
  /** Calls as whoever has this key, past the network. */
  rpc(token: string): RpcClient;
  /** The code of the last message to a phone. */
  codeFor(phone: string): string | undefined;
  /** What a query finds in the database. */
  rows<Row>(query: string): readonly Row[];
  /** What it logged as its own faults. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

export interface SimulatedServerOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** Where its database is, or will be. */
  readonly path: string;
  /** Called when all connections are lost with it. */
  readonly onDown: () => void;
}

/** How long it may take to end, in milliseconds. */
const CLOSE_WITHIN_MS = 10_000;
const SECRETS = {
  secret: "a secret of this simulation alone",
  adminToken: "admin-of-the-simulation-0123456789",
};
const LIMITS = {
  // How students sign in is not what is tried here: nobody shall have to wait for an hour.
  sendsPerHourPerDevice: 1_000,
  sendsPerDayPerPhone: 1_000,
  sendsPerDayPerPhonePerIp: 1_000,
  sendsPerDayPerPhoneForKnownDevices: 1_000,
  signInsGivenBackPerDayPerPhone: 1_000,
  // So that logs have many segments.
  segmentEvents: 6,
};
export const startServer = async ({
  time,
  random,
  path,
  onDown,
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
