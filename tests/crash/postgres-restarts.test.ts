import { randomBytes } from "node:crypto";
import { createRpcClient, refusalOf } from "@edvoyage/client-sdk/rpc";
import { roomDocumentName, userDocumentName } from "@edvoyage/protocol";
import { v7 } from "uuid";
import { describe, expect, onTestFinished, test } from "vitest";
import { YKeyValue } from "y-utility/y-keyvalue";
import { nodeEnvironment, runPostgresRestarts } from "../soak/postgres-restarts.ts";
import { DIALECTS, temporaryFolder } from "../support/databases/databases.ts";
import { withKillMoments } from "../support/kill-moments.ts";
import { somePhone } from "../support/students/phone.ts";
import { startPostgres, type TestPostgres } from "../support/databases/postgres.ts";
import { startServerProcess } from "../support/servers/server-process.ts";
import { connectStock, until } from "../support/network/sync-client.ts";

/** A fifth of what `npm run soak -- postgres-restarts` does. */
const TROUBLE = { terminations: 20, restarts: 2 };
/** The target is one second, but a machine that is busy with other tests takes longer. */
const FIRST_SUCCESS_WITHIN_MS = 5_000;

/** Starts a PostgreSQL that this test may restart. It is stopped when the test ends. */
const startOwnPostgres = async (): Promise<TestPostgres> => {
  const postgres = (await startPostgres()) ?? expect.fail("No PostgreSQL can be started");
  onTestFinished(postgres.stop);
  return postgres;
};

// Without PostgreSQL, the setup prints what was not run (databases.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("two nodes on a PostgreSQL that fails", () => {
  test(
    `survive ${TROUBLE.terminations} terminated connections and ${TROUBLE.restarts} restarts under load, and keep what they acknowledged`,
    () =>
      withKillMoments(async ({ seed }) => {
        const postgres = await startOwnPostgres();

        const report = await runPostgresRestarts({
          postgres,
          startNode: (environment) => startServerProcess(temporaryFolder(), environment),
          trouble: { ...TROUBLE, seed },
        });

        process.stdout.write(`PostgreSQL fails under load: ${JSON.stringify(report)}\n`);
        expect(report).toMatchObject({
          ...TROUBLE,
          deadNodes: 0,
          unanswered: 0,
          withoutRetryAfter: 0,
          messages: { lost: 0, twice: 0 },
          sessions: { lost: 0, twice: 0 },
        });
        expect(
          Object.keys(report.statuses).filter((status) => !["200", "429", "503"].includes(status)),
        ).toEqual([]);
        expect(report.messages.acknowledged).toBeGreaterThan(0);
        expect(report.sessions.acknowledged).toBeGreaterThan(0);
        expect(Math.max(...report.firstSuccessAfterMs)).toBeLessThan(FIRST_SUCCESS_WITHIN_MS);
      }),
    180_000,
  );

  test("keep quiet sockets open, so that writes during and after a restart arrive at both", async () => {
    const postgres = await startOwnPostgres();
    const environment = nodeEnvironment(postgres.url);
    const one = await startServerProcess(temporaryFolder(), environment);
    const two = await startServerProcess(temporaryFolder(), environment);
    const { auth } = createRpcClient({ url: one.url });
    const [phone, deviceId] = [somePhone(), randomBytes(16).toString("base64url")];
    const { challengeId } = await auth.requestCode.mutate({ phone, deviceId });
    const code = one.sms().at(-1)?.code ?? "";
    const { token, user } = await auth.verifyCode.mutate({ challengeId, code, deviceId });
    const rpc = createRpcClient({ url: one.url, token: () => token });
    const group = { kind: "group" as const, name: "Through a restart", memberIds: [], commandId: v7() };
    const { id: roomId } = await rpc.chat.rooms.create.mutate(group);
    /** Repeats a message until the server accepts it, as an outbox does. */
    const send = (text: string) => {
      const command = { roomId, text, commandId: v7() };
      return until(() =>
        rpc.chat.send.mutate(command).then(
          () => true,
          (error: unknown) =>
            refusalOf(error)?.reason === "server/unavailable" ? false : Promise.reject(error),
        ),
      );
    };
    const connectTo = (url: string, name: string) => connectStock({ url, token }, name);
    const rooms = [one, two].map(({ url }) => connectTo(url, roomDocumentName(roomId, 0)));
    const documents = [one, two].map(({ url }) => connectTo(url, userDocumentName(user.id)));
    const settings = documents.map(({ doc }) => new YKeyValue<unknown>(doc.getArray("settings")));
    const untilEverywhere = (key: string) => until(() => settings.every((own) => own.has(key)));
    for (const client of [...rooms, ...documents]) await client.synced();
    // Nothing is in flight after this point: a socket is closed if it sends during an outage, so that its client sends
    // again.
    for (const [index, own] of settings.entries()) own.set(`before, by ${index}`, true);
    await send("before the restart");
    for (const index of settings.keys()) await untilEverywhere(`before, by ${index}`);
    await until(() => rooms.every((client) => client.texts().includes("before the restart")));
    const closes: unknown[] = [];
    for (const client of [...rooms, ...documents.slice(0, 1)])
      client.provider.on("connection-close", (event) => closes.push(event?.code));

    const restarting = postgres.restart();
    settings[1]?.set("during", true);
    await restarting;
    await send("after the restart");
    settings[0]?.set("after", true);

    await until(() => rooms.every((client) => client.texts().includes("after the restart")));
    await untilEverywhere("during");
    await untilEverywhere("after");
    expect(closes).toEqual([]);
  }, 180_000);
});
