import { randomBytes } from "node:crypto";
import type { PushOutcome, PushProvider } from "@edvoyage/server/app";
import { rowsOf, type TestDialect } from "../databases/databases.ts";
import { createStudent, openDirect, type Student } from "./student.ts";
import { until } from "../network/sync-client.ts";
import { createWorld, type World, type WorldOptions } from "../servers/world.ts";

const someToken = () => `ExponentPushToken[${randomBytes(16).toString("hex")}]`;

/** Registers a student's phone for pushes; returns its token. */
export const register = async ({ rpc }: Pick<Student, "rpc">, token = someToken()) => {
  await rpc.push.register.mutate({ provider: "expo", token, platform: "ios" });
  return token;
};

/** Creates two students in one room, one of whom has a phone with pushes. */
export const createPushScene = async (dialect: TestDialect, options: WorldOptions = {}) => {
  const world = await createWorld({ dialect, ...options });
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const token = await register(ada);
  return { world, ada, bo, token, roomId: await openDirect(ada, bo) };
};

/** Counts the rows of a table. */
export const count = async ({ databaseUrl }: World, table: string): Promise<number> =>
  (await rowsOf(databaseUrl, `select 1 from ${table}`)).length;

/** Waits until no push is left to send. */
export const untilAllSent = (world: World) =>
  until(async () => (await count(world, "push_events")) + (await count(world, "push_deliveries")) === 0);

/** Returns the texts of the sent pushes. */
export const bodies = ({ pushes }: World) => pushes.map(({ body }) => body);

/** A provider that takes one outcome after another, one per message; `sent` holds the bodies it received. */
export const createProvider = (...outcomes: (PushOutcome | "throws")[]) => {
  const sent: string[] = [];
  const provider: PushProvider = {
    name: "expo",
    batchSize: 100,
    serves: ["expo"],
    send: async (messages) =>
      messages.map(({ body }) => {
        const outcome = outcomes.shift() ?? { state: "taken" };
        sent.push(body);
        if (outcome === "throws") throw new Error("unknown outcome");
        return outcome;
      }),
  };
  return { provider, sent };
};

/** A provider that answers nothing before `release()`, and takes every message. */
export const createHeldProvider = () => {
  const sent: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const provider: PushProvider = {
    name: "expo",
    batchSize: 100,
    serves: ["expo"],
    send: async (messages) => {
      for (const { body } of messages) sent.push(body);
      await released;
      return messages.map(() => ({ state: "taken" }));
    },
  };
  return { provider, sent, release };
};
