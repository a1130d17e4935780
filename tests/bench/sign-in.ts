import { measure, type Connection } from "./load.ts";
import type { ServerKind } from "./servers.ts";
import {
  createBenchWorld,
  createUser,
  rounds,
  SECONDS,
  signIn,
  signInAll,
  table,
  type Started,
} from "./world.ts";

/** Long enough for the JIT compiler to optimise the hot code. */
const WARM_UP_SECONDS = 3;
/** So many that no number signs in more than a few times: the server bounds the messages to a number. */
const USERS = 50_000;
const SIGNED_IN_USERS = 500;

/** Measures validating sessions and signing in, compared to the frameworks alone and the disk alone. */
export const benchSignIn = async (): Promise<void> => {
  const world = await createBenchWorld();
  const started = new Map<ServerKind, Started>();
  for (const kind of [
    "node-hello",
    "fastify-hello",
    "trpc-hello",
    "edvoyage",
    "edvoyage-uncached",
    "two-writes",
  ] as const) {
    started.set(kind, await world.start(kind));
  }
  const portOf = (kind: ServerKind): number => started.get(kind)?.port ?? 0;
  try {
    const users = Array.from({ length: USERS }, (_, index) => createUser(index));
    const keys = await signInAll(portOf("edvoyage"), users.slice(0, SIGNED_IN_USERS));
    const uncachedKeys = await signInAll(portOf("edvoyage-uncached"), users.slice(0, SIGNED_IN_USERS));

    const hello = (connection: Connection): Promise<string> => connection.request("GET /trpc/hello");
    const validate = (tokens: readonly string[]) => (connection: Connection, turn: number) =>
      connection.request(
        `GET /trpc/sessions.validate`,
        undefined,
        `authorization: Bearer ${tokens[turn % tokens.length] ?? ""}`,
      );
    const contenders = [
      ["node:http hello", "node-hello", hello],
      ["Fastify hello", "fastify-hello", hello],
      ["tRPC's Fastify adapter, hello", "trpc-hello", hello],
      ["EdVoyage, validate a session", "edvoyage", validate(keys)],
      ["EdVoyage, validate, no cache", "edvoyage-uncached", validate(uncachedKeys)],
    ] as const;
    for (const connections of [1, 50]) {
      const rows = await rounds(
        contenders.map(
          ([name, kind, act]) =>
            [
              name,
              () =>
                measure(portOf(kind), {
                  connections,
                  seconds: SECONDS,
                  warmUpSeconds: WARM_UP_SECONDS,
                  act: async (c, turn) => void (await act(c, turn)),
                }),
            ] as const,
        ),
      );
      table(
        `Validating a session, ${connections} connection${connections > 1 ? "s" : ""}`,
        "calls/s",
        rows,
        "tRPC's Fastify adapter, hello",
      );
    }
    const cycles = [
      [
        "two durable writes, no rule (floor)",
        "two-writes",
        async (connection: Connection) => {
          await connection.request("POST /write", "{}");
          await connection.request("POST /write", "{}");
        },
      ],
      [
        "EdVoyage, request a code and verify it",
        "edvoyage",
        (connection: Connection, turn: number) =>
          signIn(connection, users[turn % USERS] ?? createUser(0)).then(() => {}),
      ],
    ] as const;
    for (const connections of [1, 16]) {
      const rows = await rounds(
        cycles.map(
          ([name, kind, act]) =>
            [
              name,
              () =>
                measure(portOf(kind), { connections, seconds: SECONDS, warmUpSeconds: WARM_UP_SECONDS, act }),
            ] as const,
        ),
      );
      table(
        `Signing in, every step fsynced, ${connections} connection${connections > 1 ? "s" : ""}`,
        "cycles/s",
        rows,
        "two durable writes, no rule (floor)",
      );
    }
  } finally {
    await world.close();
  }
};
