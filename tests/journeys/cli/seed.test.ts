import type { WorldProgress } from "@edvoyage/server";
import { APPLICATION_STATUSES } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";
import { connectStock } from "../../support/network/sync-client.ts";
import {
  createWorld,
  expectRefusal,
  somePhone,
  type World,
  PRODUCTION,
} from "../../support/servers/world.ts";

/** The content of a seeded world, without what differs between runs. */
const CONTENT = {
  users: "select phone from users",
  profiles: "select name, bio, institution, home_country, preferred_countries from profiles",
  follows: `select a.name as follower, b.name as followed from follows f
    join profiles a on a.user_id = f.follower_id join profiles b on b.user_id = f.followee_id`,
  posts: "select text, link, like_count, comment_count from posts order by position",
  comments: "select text, reply_count from comments order by position",
  rooms: "select kind, name, member_count from rooms",
  entries: "select kind, segment, position from log_entries order by at, segment, position",
  favourites: `select p.name, f.kind, cast(count(*) as integer) as count from favourites f
    join profiles p on p.user_id = f.user_id group by p.name, f.kind`,
  applications: "select course_title, university_name, status, statement from applications",
  moves: "select from_status, to_status, note from application_moves",
};

const ORDERED = new Set(["posts", "comments", "entries"]);

const contentOf = async ({ databaseUrl }: World): Promise<Record<string, unknown[]>> => {
  const content: Record<string, unknown[]> = {};
  for (const [name, query] of Object.entries(CONTENT)) {
    const rows = (await rowsOf(databaseUrl, query)).map((row) => JSON.stringify(row));
    // The two databases sort names differently.
    content[name] = ORDERED.has(name) ? rows : rows.sort();
  }
  return content;
};

/** Calls the seed until the world is complete; returns the last answer with the sum of all additions. */
const build = async (
  { admin }: World,
  { seed = 1, students = 12 }: { readonly seed?: number; readonly students?: number } = {},
): Promise<WorldProgress> => {
  const added: Record<string, number> = {};
  for (;;) {
    const progress = await admin.admin.seed.world.mutate({ seed, students });
    for (const [name, count] of Object.entries(progress.added)) added[name] = (added[name] ?? 0) + count;
    if (progress.state === "built") return { ...progress, added: { ...progress.added, ...added } };
  }
};

const createSeeded = async (dialect: TestDialect, options: { readonly students?: number } = {}) => {
  const world = await createWorld({ dialect });
  return { world, built: await build(world, options) };
};

describe.each(DIALECTS)("a seeded world, on %s", (dialect) => {
  test("looks weeks old to a developer who signs in as one of its students", async () => {
    const { world, built } = await createSeeded(dialect);

    const { rpc, isNewUser, user } = await world.device({ phone: built.signInAs?.phone ?? "" }).signIn();

    expect(isNewUser).toBe(false);
    expect((await rpc.profile.get.query()).name).toBe(built.signInAs?.name);
    expect((await rpc.social.feed.query({ limit: 100 })).items.length).toBeGreaterThan(5);
    expect((await rpc.favourites.list.query()).items.length).toBeGreaterThan(0);
    expect((await rpc.applications.list.query()).items.length).toBeGreaterThan(0);
    expect((await rpc.contacts.list.query()).items.length).toBeGreaterThan(0);
    const inbox = await rpc.inbox.changes.query();
    expect(inbox.rooms.some((room) => room.state === "member" && room.unread > 0)).toBe(true);
    expect(inbox.unreadNotifications).toBeGreaterThan(3);
    const exported = await rpc.account.export.query();
    expect(exported).toMatchObject({ user: { id: user.id } });
  });

  test("has applications in every state, each with the steps that led there", async () => {
    const { world } = await createSeeded(dialect);

    for (const status of APPLICATION_STATUSES) {
      const { items } = await world.admin.admin.applications.list.query({ status, limit: 100 });
      expect(items.length, status).toBeGreaterThan(0);
      const { history, documents } = await world.admin.admin.applications.show.query({
        applicationId: items[0]?.id ?? "",
      });
      expect(history.at(-1)).toMatchObject({ to: status });
      expect(history[0]).toMatchObject({ from: null, to: "draft" });
      if (status !== "draft") expect(documents.length).toBeGreaterThan(1);
    }
  });

  test("contains the reported number of everything, and each stored count matches its rows", async () => {
    const { world, built } = await createSeeded(dialect);
    const countOf = async (from: string): Promise<number> => {
      const [row] = (await rowsOf(world.databaseUrl, `select count(*) as n from ${from}`)) as { n: number }[];
      return Number(row?.n);
    };

    expect(built.added).toEqual({
      universities: await countOf("universities"),
      courses: await countOf("courses"),
      students: await countOf("users"),
      contacts: await countOf("contacts"),
      follows: await countOf("follows"),
      posts: await countOf("posts"),
      comments: await countOf("comments"),
      likes: await countOf("likes"),
      rooms: await countOf("rooms"),
      messages: await countOf("log_entries where kind = 'message'"),
      reactions: await countOf("log_entries where kind = 'reaction'"),
      applications: await countOf("applications"),
      favourites: await countOf("favourites"),
    });
    expect(Object.values(built.added).every((count) => count > 0)).toBe(true);
    const mismatches = await Promise.all([
      countOf("posts p where like_count <> (select count(*) from likes l where l.post_id = p.id)"),
      countOf("posts p where comment_count <> (select count(*) from comments c where c.post_id = p.id)"),
      countOf("comments p where reply_count <> (select count(*) from comments c where c.parent_id = p.id)"),
      countOf("social_counts s where posts <> (select count(*) from posts p where p.author_id = s.user_id)"),
      countOf(
        "social_counts s where followers <> (select count(*) from follows f where f.followee_id = s.user_id)",
      ),
      countOf(
        "rooms r where member_count <> (select count(*) from room_members m where m.room_id = r.id and m.left_at is null)",
      ),
    ]);
    expect(mismatches).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("has its events in the weeks before it was created, in the order in which they happened", async () => {
    const { world } = await createSeeded(dialect);
    const now = world.clock.now();
    const timesOf = async (query: string): Promise<number[]> =>
      ((await rowsOf(world.databaseUrl, query)) as { at: number }[]).map(({ at }) => Number(at));
    const created = await timesOf("select created_at as at from users");
    const lists = [
      await timesOf("select created_at as at from posts order by position"),
      await timesOf("select created_at as at from comments order by position"),
      await timesOf("select at from follows order by position"),
      await timesOf(
        "select at from log_entries where log_id = (select id from rooms order by created_at, id limit 1) order by segment, position",
      ),
    ];

    for (const times of lists) {
      expect(times).toEqual(times.toSorted((one, other) => one - other));
      expect(new Set(times).size).toBeGreaterThan(times.length / 2);
      expect(Math.min(...times)).toBeGreaterThan(Math.max(...created));
      expect(Math.max(...times)).toBeLessThan(now);
    }
    expect(await timesOf("select at from notifications where at >= read_at")).toEqual([]);
    expect(now - Math.min(...created)).toBeLessThan(90 * 24 * 3_600_000);
  });

  test("has a room of several segments, which the stock client reads just as the history shows it", async () => {
    const { world } = await createSeeded(dialect);
    const [room] = (await rowsOf(
      world.databaseUrl,
      `select r.id, u.phone from rooms r join users u on u.id = r.created_by
       where r.id = (select log_id from log_entries group by log_id order by count(*) desc limit 1)`,
    )) as { id: string; phone: string }[];
    const { rpc, token } = await world.device({ phone: room?.phone ?? "" }).signIn();
    const roomId = room?.id ?? "";

    const segments = [0, 1].map((segment) =>
      connectStock({ url: world.url, token }, `room/${roomId}/${segment}`),
    );
    await Promise.all(segments.map(({ synced }) => synced()));
    const history = [];
    let before = null;
    do {
      const page: Awaited<ReturnType<typeof rpc.chat.history.query>> = await rpc.chat.history.query({
        roomId,
        limit: 100,
        ...(before ? { before } : {}),
      });
      history.push(...page.items);
      before = page.nextCursor;
    } while (before);

    const events = segments.flatMap((segment) => segment.events());
    const eventMessages = events.flatMap((event) =>
      event[1] === "message" ? [[event[2], event[3], event[4]]] : [],
    );
    const historyMessages = history
      .filter(({ text }) => text !== null)
      .map(({ id, authorId, at }) => [id, authorId, at]);
    expect(events.length).toBeGreaterThan(256);
    expect(segments[0]?.events().at(-1)).toEqual([1, "next", 1]);
    expect(eventMessages).toEqual(historyMessages.reverse());
    expect(history.some(({ reactions }) => reactions.length > 0)).toBe(true);
  });

  test("stays the same when it is added twice, and has the same content wherever it is created", async () => {
    const { world } = await createSeeded(dialect);
    const first = await contentOf(world);
    const other = await createWorld();
    other.clock.advance({ days: 100 });

    world.clock.advance({ days: 100 });
    const repeated = await build(world);
    await build(other);

    expect(Object.values(repeated.added).every((count) => count === 0)).toBe(true);
    expect(await contentOf(world)).toEqual(first);
    expect(await contentOf(other)).toEqual(first);
  });

  test("continues where it was interrupted", async () => {
    const world = await createWorld({ dialect });
    const reference = await createSeeded("sqlite");

    const started = await world.admin.admin.seed.world.mutate({ students: 12 });
    const restarted = await world.restart();
    await build(restarted);

    expect(started).toMatchObject({ state: "building", signInAs: null });
    expect(started.done).toBeLessThan(started.acts);
    expect(await contentOf(restarted)).toEqual(await contentOf(reference.world));
  });

  test("exists once when two clients build it at the same time", async () => {
    const world = await createWorld({ dialect });
    const reference = await createSeeded("sqlite");

    const both = await Promise.all([build(world), build(world)]);

    expect((both[0]?.added.students ?? 0) + (both[1]?.added.students ?? 0)).toBe(12);
    expect(await contentOf(world)).toEqual(await contentOf(reference.world));
  });

  test("leaves real students unchanged, and adds other students under another seed", async () => {
    const world = await createWorld({ dialect });
    const [real, friend] = [
      await createStudent(world),
      await createStudent(world, { phone: "+12025550100" }),
    ];
    await real.send(await openDirect(real, friend), "Hello");
    await real.rpc.social.follow.mutate({ userId: friend.id });
    const exported = async () => {
      const { exportedAt: _exportedAt, ...rest } = await real.rpc.account.export.query();
      return { ...rest, sessions: [] };
    };
    const before = await exported();

    const first = await build(world);
    const second = await build(world, { seed: 2 });

    expect(await exported()).toEqual(before);
    expect(first.signInAs?.phone).toBe("+12025550101");
    expect(second.signInAs?.phone).toBe("+12025550113");
    expect(second.signInAs?.name).not.toBe(first.signInAs?.name);
    expect(second.added.students).toBe(12);
    const { items } = await world.admin.admin.audit.list.query({ limit: 100 });
    expect(items.filter(({ action }) => action === "world.seeded").map(({ reason }) => reason)).toEqual([
      "seed 2 with 12 students",
      "seed 1 with 12 students",
    ]);
    expect(items.some(({ action }) => action === "application.moved")).toBe(false);
  });
});

describe("a request to seed a world", () => {
  test("fails in production unless production is allowed explicitly", async () => {
    const world = await createWorld({ environment: PRODUCTION });
    const { world: seedWorld } = world.admin.admin.seed;

    await expectRefusal(seedWorld.mutate({ students: 12 }), "forbidden");

    expect(await rowsOf(world.databaseUrl, "select id from users")).toEqual([]);
    expect(await seedWorld.mutate({ students: 12, evenInProduction: true })).toMatchObject({
      added: { students: 12 },
    });
  });

  test("fails for another number of students under a seed that is already used", async () => {
    const { world } = await createSeeded("sqlite");

    await expectRefusal(world.admin.admin.seed.world.mutate({ students: 13 }), "conflict");
  });

  test.each([{ students: 11 }, { students: 1_001 }, { seed: -1 }, { seed: 1.5 }, { seed: 2 ** 31 }])(
    "fails with invalid numbers: %j",
    async (input) => {
      const { admin } = await createWorld();

      await expectRefusal(admin.admin.seed.world.mutate(input), "input/invalid");
    },
  );

  test("uses only phone numbers that nobody can have", async () => {
    const { world } = await createSeeded("sqlite", { students: 110 });

    const phones = (await rowsOf(world.databaseUrl, "select phone from users")) as { phone: string }[];

    expect(phones).toHaveLength(110);
    for (const { phone } of phones) expect(phone).toMatch(/^\+1\d{3}55501\d{2}$/);
    expect(phones.map(({ phone }) => phone)).not.toContain(somePhone());
  });
});
