import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { userDocumentName } from "@edvoyage/protocol";
import pg from "pg";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { DIALECTS, rowsOf, writeRows, type TestDialect } from "../../support/databases/databases.ts";
import { createFakeClock, type Span } from "../../support/fakes/fake-clock.ts";
import { connectRaw, untilWithin, type RawClient } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, type World } from "../../support/servers/world.ts";

/** A generous timeout for work that continues after a reply. */
const WATCHDOG = { timeout: 15_000 };
const NO_SESSION = 4401;
const RESTARTING = 1012;

type SignedIn = Awaited<ReturnType<ReturnType<World["device"]>["signIn"]>>;

/** Uses a session at a server, so that it is in the server's memory and has an open socket. */
const useAt = async (world: World, { token, user }: SignedIn) => {
  const rpc = world.rpc({ token });
  await rpc.sessions.validate.query();
  const socket = await connectRaw({ url: world.url, token }, userDocumentName(user.id));
  // One poll before the test, so that everything after it is new to the server. Each timer that is due in this one long step
  // runs once and starts its interval anew: the next poll is a whole interval away, so one that is too slow is noticed.
  world.clock.advance({ seconds: 2 });
  await rpc.sessions.validate.query();
  return { validate: () => rpc.sessions.validate.query(), socket };
};

/** Ends a session as another process would, with a clock that is far behind. */
const endElsewhere = ({ databaseUrl }: World, { session }: SignedIn): Promise<void> =>
  writeRows(
    databaseUrl,
    `update sessions set ended_at = 1, end_reason = 'revoked' where id = '${session.id}'`,
  );

/** Programs for a process that shares nothing with the server but the database. SQLite's locks differ between processes. */
const WRITERS = {
  sqlite: `
    const { default: Sqlite } = await import("better-sqlite3");
    const file = new Sqlite(process.argv[1].slice("sqlite:".length), { fileMustExist: true });
    process.stdout.write(String(file.prepare(process.argv[2]).run().changes));
    file.close();`,
  postgres: `
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: process.argv[1] });
    await client.connect();
    process.stdout.write(String((await client.query(process.argv[2])).rowCount));
    await client.end();`,
} as const;
/** Where the programs find their packages. */
const TESTS = fileURLToPath(new URL("../../", import.meta.url));

/** Changes rows in another process, which has ended by then. Returns how many were changed. */
const writeInOtherProcess = async (
  dialect: TestDialect,
  databaseUrl: string,
  statement: string,
): Promise<number> => {
  const words = ["--input-type=module", "--eval", WRITERS[dialect], databaseUrl, statement];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: TESTS });
  return Number(stdout);
};

/** Waits until a socket is closed, for at most a second of the server's clock, as the docs promise. */
const untilClosed = ({ clock }: World, { socket }: RawClient): Promise<void> =>
  untilWithin({ clock, within: { seconds: 1 } }, () => socket.readyState === WebSocket.CLOSED);

describe.each(DIALECTS)("a session that another process ended, on %s", (dialect) => {
  test("[SY12] [SI41] fails at the first request after a pause of 66 seconds, and its socket is closed", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate, socket } = await useAt(world, signedIn);

    await endElsewhere(world, signedIn);
    world.clock.advance({ seconds: 66 });

    await expectRefusal(validate(), "session/revoked");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("[SY12] [SI41] fails within a second, whatever time its end has", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate, socket } = await useAt(world, signedIn);

    await endElsewhere(world, signedIn);
    world.clock.advance({ seconds: 1 });

    await expectRefusal(validate(), "session/revoked");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("[SY12] [SI41] has its socket closed within a second although nobody uses the session", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { socket } = await useAt(world, signedIn);

    await endElsewhere(world, signedIn);
    await untilClosed(world, socket);

    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("[SY12] [SI41] has its socket closed within a second, and no other, when a process of its own writes the end", async () => {
    const world = await createWorld({ dialect });
    const [ended, kept] = [await world.device().signIn(), await world.device().signIn()];
    const [endedUse, keptUse] = [await useAt(world, ended), await useAt(world, kept)];

    const changed = await writeInOtherProcess(
      dialect,
      world.databaseUrl,
      `update sessions set ended_at = 1, end_reason = 'revoked' where id = '${ended.session.id}'`,
    );
    await untilClosed(world, endedUse.socket);

    expect(changed).toBe(1);
    expect(await endedUse.socket.closed).toBe(NO_SESSION);
    await expectRefusal(endedUse.validate(), "session/revoked");
    expect(keptUse.socket.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("[SI41] fails at the first request after the clock was set back by an hour", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate } = await useAt(world, signedIn);

    await endElsewhere(world, signedIn);
    world.clock.set({ hours: -1 });

    await expectRefusal(validate(), "session/revoked");
  });

  test("[SY12] [SI41] fails within a second when its row is deleted", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate, socket } = await useAt(world, signedIn);

    await writeRows(world.databaseUrl, `delete from users where id = '${signedIn.user.id}'`);
    world.clock.advance({ seconds: 1 });

    await expectRefusal(validate(), "session/unknown");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("[SY12] [SI41] fails while the table of session ends cannot be read, and its socket is closed once it can", async () => {
    const world = await createWorld({ dialect });
    const { clock, databaseUrl } = world;
    const [ended, kept] = [await world.device().signIn(), await world.device().signIn()];
    const [endedUse, keptUse] = [await useAt(world, ended), await useAt(world, kept)];

    await endElsewhere(world, ended);
    await writeRows(databaseUrl, "alter table session_ends rename to away");
    for (let seconds = 0; seconds < 70; seconds += 1) {
      clock.advance({ seconds: 1 });
      if (seconds % 10 === 0) await expectRefusal(endedUse.validate(), "session/revoked");
    }
    await keptUse.validate();
    // The table is empty, as it would be after an hour, so the session's own row is read.
    await writeRows(databaseUrl, "delete from away");
    await writeRows(databaseUrl, "alter table away rename to session_ends");
    clock.advance({ ms: 400 });

    expect(await endedUse.socket.closed).toBe(NO_SESSION);
    await expectRefusal(endedUse.validate(), "session/revoked");
    await keptUse.validate();
    expect(keptUse.socket.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("[SI41] fails at the first request after a pause that is longer than the table of session ends reaches back", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate } = await useAt(world, signedIn);

    await endElsewhere(world, signedIn);
    await writeRows(world.databaseUrl, "delete from session_ends");
    world.clock.advance({ minutes: 70 });

    await expectRefusal(validate(), "session/revoked");
  });

  test.each([
    ["deleted", "session/unknown", (id: string) => `delete from sessions where id = '${id}'`],
    [
      "ended",
      "session/revoked",
      (id: string) => `update sessions set ended_at = 1, end_reason = 'revoked' where id = '${id}'`,
    ],
  ] as const)(
    "[SI41] fails without a row in the table of session ends, once a use of the session finds its own row %s",
    async (_what, reason, statement) => {
      const world = await createWorld({ dialect });
      const signedIn = await world.device().signIn();
      const { validate, socket } = await useAt(world, signedIn);

      await writeRows(world.databaseUrl, statement(signedIn.session.id));
      await writeRows(world.databaseUrl, "delete from session_ends");
      world.clock.advance({ minutes: 1 });
      await validate();

      await vi.waitFor(() => expectRefusal(validate(), reason), WATCHDOG);
      expect(await socket.closed).toBe(NO_SESSION);
    },
  );

  test("stays in the table of session ends for an hour by the database's own clock", async () => {
    const world = await createWorld({ dialect });
    const { rpc, session } = await world.device().signIn();
    await rpc.sessions.logout.mutate();
    await writeRows(
      world.databaseUrl,
      "insert into session_ends (session_id, logged_at) select 'old', logged_at - 3600001 from session_ends",
    );

    world.clock.advance({ hours: 1 });

    await vi.waitFor(async () => {
      const rows = await rowsOf(world.databaseUrl, "select session_id from session_ends");
      expect(rows).toEqual([{ session_id: session.id }]);
    }, WATCHDOG);
  });

  test("appears in the table of session ends once, however often it is ended", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    await signedIn.rpc.sessions.logout.mutate();

    await endElsewhere(world, signedIn);
    await writeRows(world.databaseUrl, `delete from sessions where id = '${signedIn.session.id}'`);

    const rows = await rowsOf(world.databaseUrl, "select session_id from session_ends");
    expect(rows).toEqual([{ session_id: signedIn.session.id }]);
  });
});

// Needs PostgreSQL; databases.setup.ts prints what was skipped on a machine without one.
describe.skipIf(!DIALECTS.includes("postgres"))("two servers on one PostgreSQL with different clocks", () => {
  test.each<[string, Span]>([
    ["70 seconds ahead", { seconds: 70 }],
    ["70 seconds behind", { seconds: -70 }],
    ["an hour ahead", { hours: 1 }],
    ["an hour behind", { hours: -1 }],
  ])(
    "[SY12] [SI41] refuse within a second a session that one of them ends, when the other is %s",
    async (_how, ahead) => {
      const one = await createWorld({ dialect: "postgres" });
      const other = await joinWorld(one, { clock: createFakeClock(ahead) });
      const signedIn = await one.device().signIn();
      const { validate, socket } = await useAt(other, signedIn);

      await signedIn.rpc.sessions.logout.mutate();
      other.clock.advance({ seconds: 1 });

      await expectRefusal(validate(), "session/revoked");
      expect(await socket.closed).toBe(NO_SESSION);
    },
  );

  test("[SY12] [SI41] close within a second the sockets of a session that the other ended, although nobody uses it", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const other = await joinWorld(one, { clock: createFakeClock() });
    const signedIn = await one.device().signIn();
    const { socket } = await useAt(other, signedIn);

    await signedIn.rpc.sessions.logout.mutate();
    await untilClosed(other, socket);

    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("[SI35] keep a session that the other has used later", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const ahead = await joinWorld(one, { clock: createFakeClock({ seconds: 70 }) });
    const signedIn = await one.device().signIn();
    const { validate, socket } = await useAt(one, signedIn);
    await ahead.rpc({ token: signedIn.token }).sessions.validate.query();
    const seen = String(ahead.clock.now());
    const row = async () =>
      rowsOf(
        one.databaseUrl,
        `select last_seen_at, xmin::text as written_by from sessions where id = '${signedIn.session.id}'`,
      );
    await vi.waitFor(async () => expect(await row()).toMatchObject([{ last_seen_at: seen }]), WATCHDOG);
    const before = await row();

    one.clock.advance({ seconds: 61 });
    await validate();

    // The use is stored after the reply.
    await vi.waitFor(async () => expect(await row()).not.toEqual(before), WATCHDOG);
    expect(await row()).toMatchObject([{ last_seen_at: seen }]);
    await validate();
    await one.stop();
    expect(await socket.closed).toBe(RESTARTING);
  });

  test("[SY12] [SI41] notice an end that was written before others and committed after those were read", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const [committedLate, committedEarly] = [await one.device().signIn(), await one.device().signIn()];
    const [lateUse, earlyUse] = [await useAt(one, committedLate), await useAt(one, committedEarly)];
    const client = new pg.Client({ connectionString: one.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());

    await client.query("begin");
    await client.query("update sessions set ended_at = 1, end_reason = 'revoked' where id = $1", [
      committedLate.session.id,
    ]);
    await endElsewhere(one, committedEarly);
    one.clock.advance({ seconds: 1 });
    await expectRefusal(earlyUse.validate(), "session/revoked");
    await lateUse.validate();
    await client.query("commit");
    one.clock.advance({ seconds: 1 });

    await expectRefusal(lateUse.validate(), "session/revoked");
    expect(await lateUse.socket.closed).toBe(NO_SESSION);
  });
});
