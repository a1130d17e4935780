import { createRpcClient, refusalOf, type RpcClient, type Refusal } from "@edvoyage/client-sdk/rpc";
import {
  createLogger,
  createServer,
  parseConfig,
  prepareDataDir,
  systemRandom,
  type PushMessage,
  type PushProvider,
  type Server,
  type SmsMessage,
  type SmsProvider,
} from "@edvoyage/server/app";
import type { LimitName } from "@edvoyage/protocol";
import { expect, onTestFinished } from "vitest";
import { serverDatabase, temporaryFolder, type TestDialect } from "../databases/databases.ts";
import { checkAnswers } from "./answer-check.ts";
import { createDevice, type Device, type DeviceOptions } from "../students/device.ts";
export { somePhone } from "../students/phone.ts";
import { createFakeClock, type FakeClock } from "../fakes/fake-clock.ts";

export interface WorldOptions {
  readonly dialect?: TestDialect;
  readonly limits?: Partial<Record<LimitName, number>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: a provider that keeps all messages in `sms`. */
  readonly smsProvider?: SmsProvider;
  /** Default: a provider that accepts all pushes and keeps them in `pushes`. */
  readonly pushProvider?: PushProvider;
}

/** The environment of a server in production. Messages are still kept in `sms`. */
export const PRODUCTION = {
  EDVOYAGE_ENV: "production",
  EDVOYAGE_SECRET: "kZ8wq3vT1xLr6NpYb0JdFhSgUmCeAi27RoQt",
  EDVOYAGE_ADMIN_TOKEN: "P5dLw9cXa2VuGz7HsKn4EjBy1MfTqRi8OoWb",
  EDVOYAGE_SMS: "webhook",
  EDVOYAGE_SMS_WEBHOOK_URL: "https://sms.example.org/send",
  EDVOYAGE_SMS_WEBHOOK_SECRET: "wJ4nHc6Rk0",
} as const;

/** A server with everything around it. It is closed when the test ends. */
export interface World {
  readonly url: string;
  readonly clock: FakeClock;
  /** SMS in the order in which they were sent. */
  readonly sms: SmsMessage[];
  /** Pushes in the order in which they were sent. */
  readonly pushes: PushMessage[];
  /** Returns everything that the server logged, as one text. */
  readonly logged: () => string;
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly adminToken: string;
  readonly server: Server;
  /** The procedures with a successful answer so far. Every answer is checked: see `checkAnswers`. */
  readonly answered: ReadonlySet<string>;
  /** Creates a client. Default: without a key. `ip`: the address that the server sees. */
  rpc(options?: { readonly token?: string | undefined; readonly ip?: string | undefined }): RpcClient;
  readonly admin: RpcClient;
  /** Creates a phone that receives the SMS for its number. */
  device(options?: DeviceOptions): Device;
  /** Stops the server and starts another one on the same database and secrets. */
  restart(): Promise<World>;
  /** Stops the server. Resolves with a function that starts another one on the same database and secrets. */
  stop(): Promise<() => Promise<World>>;
}

export const createWorld = async (options: WorldOptions = {}): Promise<World> => {
  const databaseUrl = await serverDatabase(options.dialect ?? "sqlite");
  return openWorld(options, {
    databaseUrl,
    dataDir: temporaryFolder(),
    clock: createFakeClock(),
    sms: [],
    pushes: [],
  });
};

/**
 * Starts a second server on the database and with the secrets of a world. Only PostgreSQL allows two servers. Default
 * clock: world's.
 */
export const joinWorld = (
  world: World,
  { clock = world.clock, ...options }: WorldOptions & { readonly clock?: FakeClock } = {},
): Promise<World> => openWorld(options, { ...world, clock });

type WorldEnvironment = Pick<World, "databaseUrl" | "dataDir" | "clock" | "sms" | "pushes">;

const openWorld = async (
  options: WorldOptions,
  { databaseUrl, dataDir, clock, sms, pushes }: WorldEnvironment,
): Promise<World> => {
  const config = parseConfig({
    EDVOYAGE_PORT: "0",
    EDVOYAGE_DATA_DIR: dataDir,
    EDVOYAGE_DATABASE_URL: databaseUrl,
    EDVOYAGE_SEED: "none",
    EDVOYAGE_LOG_LEVEL: "debug",
    EDVOYAGE_LIMITS: JSON.stringify(options.limits ?? {}),
    // Tests set their client address with x-forwarded-for.
    EDVOYAGE_TRUSTED_PROXIES: "127.0.0.1",
    ...options.environment,
  });
  const lines: string[] = [];
  const log = createLogger(config.logLevel, { write: (line) => void lines.push(line) });
  const secrets = await prepareDataDir(config, { random: systemRandom, log });
  const server = await createServer({
    config,
    secrets,
    clock,
    random: systemRandom,
    log,
    pushProvider: options.pushProvider ?? {
      name: "file",
      batchSize: 100,
      serves: ["expo", "fcm"],
      send: async (messages) => {
        pushes.push(...messages);
        return messages.map(() => ({ state: "taken" }));
      },
    },
    smsProvider: options.smsProvider ?? { name: "file", send: async (message) => void sms.push(message) },
  });
  const url = await server.listen();
  const { answered, finish } = checkAnswers({ url, procedures: server.procedures });
  onTestFinished(finish);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await server.close();
    isOpen = false;
  };
  onTestFinished(close);

  const rpc: World["rpc"] = ({ token, ip } = {}) =>
    createRpcClient({
      url,
      token: () => token,
      fetch: (input, init) => {
        const headers = new Headers(init?.headers);
        if (ip) headers.set("x-forwarded-for", ip);
        return fetch(input, { ...init, headers });
      },
    });
  const stop = async () => {
    await close();
    return () => openWorld(options, { databaseUrl, dataDir, clock, sms, pushes });
  };
  return {
    url,
    clock,
    sms,
    pushes,
    logged: () => lines.join(""),
    databaseUrl,
    dataDir,
    adminToken: secrets.adminToken,
    server,
    answered,
    rpc,
    admin: rpc({ token: secrets.adminToken }),
    device: (deviceOptions) => createDevice({ rpc, sms }, deviceOptions),
    stop,
    restart: async () => (await stop())(),
  };
};

/** Asserts that a call is refused for a reason, and that the details contain these facts. */
export const expectRefusal = async (
  call: Promise<unknown>,
  reason: Refusal["reason"],
  details: Readonly<Record<string, unknown>> = {},
): Promise<Refusal> => {
  const refusal = refusalOf(
    await call.then(
      (value) => expect.fail(`answered ${JSON.stringify(value)} instead of ${reason}`),
      (error: unknown) => error,
    ),
  );
  expect(refusal).toMatchObject({ reason, details });
  return refusal ?? expect.fail("not a refusal");
};
