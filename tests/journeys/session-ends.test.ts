import { userDocumentName } from "@edvoyage/protocol";
import pg from "pg";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { DIALECTS, rowsOf, writeRows } from "../support/databases.ts";
import { createFakeClock, type Span } from "../support/fake-clock.ts";
import { connectRaw } from "../support/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, type World } from "../support/world.ts";

/** For what happens behind a reply: far from what it takes. */
const WATCHDOG = { timeout: 15_000 };
const NO_SESSION = 4401;
const RESTARTING = 1012;

type SignedIn = Awaited<ReturnType<ReturnType<World["device"]>["signIn"]>>;

/** The session in use at a server: in its memory, and with an open socket. */
const useAt = async (world: World, { token, user }: SignedIn) => {
  const rpc = world.rpc({ token });
  await rpc.sessions.validate.query();
  const socket = await connectRaw({ url: world.url, token }, userDocumentName(user.id));
  // A poll while nothing is the matter: what comes after it is what was missed.
  world.clock.advance({ ms: 400 });
  await rpc.sessions.validate.query();
  return { validate: () => rpc.sessions.validate.query(), socket };
};

/** Ends it as another process would, by a clock that is far behind. */
const endBeside = ({ databaseUrl }: World, { session }: SignedIn): Promise<void> =>
  writeRows(
    databaseUrl,
    `update sessions set ended_at = 1, end_reason = 'revoked' where id = '${session.id}'`,
  );

describe.each(DIALECTS)("a session that another process ended, on %s", (dialect) => {
  test("is refused at the first request after a pause of 66 seconds, and its socket is closed", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate, socket } = await useAt(world, signedIn);

    await endBeside(world, signedIn);
    world.clock.advance({ seconds: 66 });

    await expectRefusal(validate(), "session/revoked");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("is refused within a second, whatever instant its end bears", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate, socket } = await useAt(world, signedIn);

    await endBeside(world, signedIn);
    world.clock.advance({ seconds: 1 });

    await expectRefusal(validate(), "session/revoked");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("is refused at the first request after the clock was set back by an hour", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate } = await useAt(world, signedIn);

    await endBeside(world, signedIn);
    world.clock.advance({ hours: -1 });

    await expectRefusal(validate(), "session/revoked");
  });

  test("is refused within a second when its row is deleted", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate, socket } = await useAt(world, signedIn);

    await writeRows(world.databaseUrl, `delete from users where id = '${signedIn.user.id}'`);
    world.clock.advance({ seconds: 1 });

    await expectRefusal(validate(), "session/required");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("is refused while the log of ends cannot be read, and its socket is closed once it can", async () => {
    const world = await createWorld({ dialect });
    const { clock, databaseUrl } = world;
    const [ended, kept] = [await world.device().signIn(), await world.device().signIn()];
    const [gone, stays] = [await useAt(world, ended), await useAt(world, kept)];

    await endBeside(world, ended);
    await writeRows(databaseUrl, "alter table session_ends rename to away");
    for (let seconds = 0; seconds < 70; seconds += 1) {
      clock.advance({ seconds: 1 });
      if (seconds % 10 === 0) await expectRefusal(gone.validate(), "session/revoked");
    }
    await stays.validate();
    // As after an hour: the row is read, not the log.
    await writeRows(databaseUrl, "delete from away");
    await writeRows(databaseUrl, "alter table away rename to session_ends");
    clock.advance({ ms: 400 });

    expect(await gone.socket.closed).toBe(NO_SESSION);
    await expectRefusal(gone.validate(), "session/revoked");
    await stays.validate();
    expect(stays.socket.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("is refused at the first request after a pause that is longer than the log reaches back", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    const { validate } = await useAt(world, signedIn);

    await endBeside(world, signedIn);
    await writeRows(world.databaseUrl, "delete from session_ends");
    world.clock.advance({ minutes: 70 });

    await expectRefusal(validate(), "session/revoked");
  });

  test.each([
    ["deleted", "session/required", (id: string) => `delete from sessions where id = '${id}'`],
    [
      "ended",
      "session/revoked",
      (id: string) => `update sessions set ended_at = 1, end_reason = 'revoked' where id = '${id}'`,
    ],
  ] as const)(
    "is refused once its use finds the row %s, without any log",
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

  test("is in the log for an hour by the database's own clock", async () => {
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

  test("is logged once, however often it is ended", async () => {
    const world = await createWorld({ dialect });
    const signedIn = await world.device().signIn();
    await signedIn.rpc.sessions.logout.mutate();

    await endBeside(world, signedIn);
    await writeRows(world.databaseUrl, `delete from sessions where id = '${signedIn.session.id}'`);

    const rows = await rowsOf(world.databaseUrl, "select session_id from session_ends");
    expect(rows).toEqual([{ session_id: signedIn.session.id }]);
  });
});

// Needs PostgreSQL; a machine without one is told loudly what was not run (postgres.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("two servers on one PostgreSQL whose clocks differ", () => {
  test.each<[string, Span]>([
    ["70 seconds ahead", { seconds: 70 }],
    ["70 seconds behind", { seconds: -70 }],
    ["an hour ahead", { hours: 1 }],
    ["an hour behind", { hours: -1 }],
  ])("what one ends is refused within a second by the other, which is %s", async (_how, ahead) => {
    const one = await createWorld({ dialect: "postgres" });
    const other = await joinWorld(one, { clock: createFakeClock(ahead) });
    const signedIn = await one.device().signIn();
    const { validate, socket } = await useAt(other, signedIn);

    await signedIn.rpc.sessions.logout.mutate();
    other.clock.advance({ seconds: 1 });

    await expectRefusal(validate(), "session/revoked");
    expect(await socket.closed).toBe(NO_SESSION);
  });

  test("a session that the other saw used later is not taken for ended", async () => {
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

    // Its use is written behind the reply.
    await vi.waitFor(async () => expect(await row()).not.toEqual(before), WATCHDOG);
    expect(await row()).toMatchObject([{ last_seen_at: seen }]);
    await validate();
    await one.stop();
    expect(await socket.closed).toBe(RESTARTING);
  });

  test("an end is not missed that was written before others and committed after they were read", async () => {
    const one = await createWorld({ dialect: "postgres" });
    const [late, early] = [await one.device().signIn(), await one.device().signIn()];
    const [slow, quick] = [await useAt(one, late), await useAt(one, early)];
    const client = new pg.Client({ connectionString: one.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());

    await client.query("begin");
    await client.query("update sessions set ended_at = 1, end_reason = 'revoked' where id = $1", [
      late.session.id,
    ]);
    await endBeside(one, early);
    one.clock.advance({ seconds: 1 });
    await expectRefusal(quick.validate(), "session/revoked");
    await slow.validate();
    await client.query("commit");
    one.clock.advance({ seconds: 1 });

    await expectRefusal(slow.validate(), "session/revoked");
    expect(await slow.socket.closed).toBe(NO_SESSION);
  });
});
