import { v7 as uuidv7 } from "uuid";
import { describe, expect, test, vi } from "vitest";
import { DIALECTS, rowsOf, writeRows } from "../support/databases/databases.ts";
import {
  explain,
  fillTables,
  readsOf,
  recordStatements,
  type RunStatement,
} from "../support/databases/query-plan.ts";
import { createStudent, openGroup } from "../support/students/student.ts";
import { createWorld, type World } from "../support/servers/world.ts";

const FILLER_ROWS = 20_000;
/** For work behind a reply: much longer than it takes. */
const WATCHDOG = { timeout: 15_000 };
/** Checks whether any student has a device to push to. It reads a single row, any one. */
const READS_ONE_ROW = 'from "push_tokens" limit ?';

/** Calls each procedure that apps use all day at least once. Returns the statements that the server ran. */
const doEverythingHot = async (world: World): Promise<readonly RunStatement[]> => {
  await world.server.seedIfEmpty();
  const [course] = (await world.rpc().courses.list.query({ limit: 1 })).items;
  const bo = await createStudent(world);
  const { statements } = recordStatements();
  const ada = await createStudent(world);
  const { rpc } = ada;
  const { social, chat } = rpc;

  await rpc.sessions.validate.query();
  await rpc.profile.get.query();
  await rpc.profile.of.query({ userId: bo.id });
  await rpc.contacts.add.mutate({ userId: bo.id });
  await rpc.contacts.list.query();

  const { postId } = await bo.rpc.social.post.mutate({ text: "Hi", mentions: [ada.id], commandId: uuidv7() });
  await social.follow.mutate({ userId: bo.id });
  await social.like.mutate({ postId, commandId: uuidv7() });
  const { commentId } = await social.comment.mutate({ postId, text: "Hi", mentions: [bo.id] });
  await bo.rpc.social.comment.mutate({ postId, parentId: commentId, text: "Hi" });
  await social.report.mutate({ postId, reason: "Spam" });
  await social.get.query({ postId });
  await social.getComment.query({ commentId });
  for (const limit of [1, 20]) {
    await social.feed.query({ limit });
    await social.comments.query({ postId, limit });
    await social.comments.query({ postId, parentId: commentId, limit });
    await social.likes.query({ postId, limit });
    await social.followers.query({ userId: bo.id, limit });
    await social.following.query({ limit });
    await social.studentPosts.query({ userId: bo.id, limit });
  }
  await social.student.query({ userId: bo.id });
  await bo.rpc.social.editPost.mutate({ postId, text: "Ho" });
  await social.unlike.mutate({ postId });
  await social.removeComment.mutate({ commentId });
  await social.unfollow.mutate({ userId: bo.id });
  await bo.rpc.social.removePost.mutate({ postId });

  const roomId = await openGroup(ada, [bo]);
  const { messageId } = await bo.send(roomId, "Hi");
  await chat.react.mutate({ roomId, messageId, emoji: "👍" });
  await bo.rpc.chat.edit.mutate({ roomId, messageId, text: "Ho" });
  await chat.markRead.mutate({ roomId, position: { segment: 0, index: 5 } });
  await chat.history.query({ roomId });
  await chat.rooms.list.query();
  await chat.rooms.get.query({ roomId });
  await bo.rpc.chat.remove.mutate({ roomId, messageId });
  await rpc.inbox.changes.query();
  await rpc.inbox.changes.query({ limit: 2 });
  await rpc.documents.exchange.mutate({ stateVector: "AA==" });
  await rpc.inbox.changes.query({ since: world.clock.now() - 1_000 });
  await rpc.notifications.recent.query();
  await rpc.notifications.markRead.mutate({ all: true });

  await rpc.favourites.add.mutate({ kind: "course", id: course?.id ?? "" });
  await rpc.favourites.list.query();
  await rpc.applications.list.query();
  return statements();
};

/** Returns SQL for a UUID that contains a number below 10^11. */
const uuidOf = (number: string): string => `'00000000-0000-7000-8000-' || (100000000000 + ${number})`;

describe.each(DIALECTS)("the query plans of everyday statements, on %s", (dialect) => {
  test(
    "no statement reads a whole table, and no list of the social area sorts rows that it does not return",
    { timeout: 180_000 },
    async () => {
      const world = await createWorld({ dialect });
      const ran = await doEverythingHot(world);

      if (dialect === "postgres")
        await fillTables(world.databaseUrl, { rowCount: FILLER_ROWS, statements: ran });
      const plans = await explain(dialect, world.databaseUrl, ran);

      // If the recorder recorded nothing, all checks below would pass.
      for (const table of [
        "users",
        "sessions",
        "commands",
        "posts",
        "likes",
        "notifications",
        "log_entries",
      ]) {
        expect(
          ran.some(({ sql }) => sql.includes(`"${table}"`)),
          table,
        ).toBe(true);
      }
      expect(ran.length).toBeGreaterThan(80);
      const scanning = plans.filter(({ scanned, sql }) => scanned.length > 0 && !sql.includes(READS_ONE_ROW));
      expect(scanning).toEqual([]);
      const pages = plans.filter(
        ({ sql }) =>
          /from "(posts|comments|likes|follows|notifications)".* order by .* limit /s.test(sql) &&
          !sql.includes("first_authors"),
      );
      expect(pages.length).toBeGreaterThanOrEqual(6);
      expect(
        pages.filter(({ sorts, isGeneric }) => sorts && isGeneric).map(({ sql, steps }) => ({ sql, steps })),
      ).toEqual([]);
    },
  );

  test("active students are read from two indexes in order, for live sessions and for ended ones", async () => {
    const world = await createWorld({ dialect });
    await (await createStudent(world)).rpc.sessions.logout.mutate();
    await createStudent(world);
    const { statements } = recordStatements();

    const text = await (await fetch(`${world.url}/metrics`)).text();

    expect(text).toMatch(/^edvoyage_students_active 2$/m);
    const counting = statements().filter(({ sql }) => /_at" as "at"/.test(sql));
    expect(counting).toHaveLength(2);
    if (dialect === "postgres")
      await fillTables(world.databaseUrl, { rowCount: FILLER_ROWS, statements: counting });
    const plans = await explain(dialect, world.databaseUrl, counting);
    expect(plans.flatMap(({ scanned }) => scanned)).toEqual([]);
    for (const { sql, steps, sorts } of plans) {
      if (dialect === "sqlite") expect(sorts).toBe(false);
      const index = sql.includes('"last_seen_at" as "at"') ? "live_sessions_by_last_seen" : "ended_sessions";
      expect(steps.join("\n")).toContain(index);
    }
  });

  test("a sign-in reads ten of the 3,000 devices that a phone number has seen, from an index in order", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();
    for (const statement of [
      `${numbersTo(3_000)} insert into phone_devices (phone, device_key, signed_in_at)
         select '${student.phone}', 'device-' || i, i from n`,
      `${numbersTo(3_000)} insert into phone_devices (phone, device_key, blocked_until)
         select '${student.phone}', 'stranger-' || i, i from n`,
      ...(dialect === "postgres" ? ["vacuum analyze"] : []),
    ])
      await writeRows(world.databaseUrl, statement);
    const { statements } = recordStatements();

    await student.requestCode();

    const newest = statements().filter(({ sql }) => sql.includes('"signed_in_at" is not null'));
    expect(newest).toHaveLength(1);
    const plans = await explain(dialect, world.databaseUrl, newest);
    for (const { steps, sorts, scanned } of plans) {
      expect(steps.join("\n")).toContain("phone_devices_by_sign_in");
      expect({ sorts, scanned }).toEqual({ sorts: false, scanned: [] });
    }
    for (const statement of newest) {
      const [read] = await readsOf(dialect, world.databaseUrl, statement);
      if (dialect === "postgres") expect(read?.rows).toBe(10);
      else expect(read?.isIndexOnly).toBe(true);
    }
  });

  test("numbers with a spent daily budget are found among the messages of that day, not of the month", async () => {
    const world = await createWorld({ dialect });
    await world.device().signIn();
    for (const statement of [
      `${numbersTo(20_000)} insert into sends (id, phone, device_key, challenge_id, ip, at, known, state)
         select '00000000-0000-7000-8000-' || (100000000000 + i), 'phone-' || i, 'd', 'c', 'ip', i, 1, 'counted' from n`,
      ...(dialect === "postgres" ? ["vacuum analyze"] : []),
    ])
      await writeRows(world.databaseUrl, statement);
    const { statements } = recordStatements();

    await world.admin.admin.numbers.list.query();

    const listing = statements().filter(({ sql }) => sql.includes('"troubled"'));
    expect(listing).toHaveLength(1);
    // PostgreSQL plans the admin's query for its values each time. A generic plan would not know that a day has few
    // rows.
    const plans = (await explain(dialect, world.databaseUrl, listing)).filter(
      ({ isGeneric }) => dialect === "sqlite" || !isGeneric,
    );
    expect(plans.flatMap(({ scanned }) => scanned)).not.toContain("sends");
    expect(plans[0]?.steps.filter((step) => step.includes("sends"))).toHaveLength(1);
  });

  test("the log of ended sessions is read from the last position on, and its old rows by time", async () => {
    const world = await createWorld({ dialect });
    const { rpc } = await createStudent(world);
    await rpc.sessions.logout.mutate();
    await writeRows(world.databaseUrl, "update session_ends set logged_at = 0");
    const { statements } = recordStatements();

    world.clock.advance({ hours: 1 });
    const logStatements = () => statements().filter(({ sql }) => sql.includes('"session_ends"'));
    await vi.waitFor(() => expect(logStatements()).toHaveLength(3), WATCHDOG);
    if (dialect === "postgres")
      await fillTables(world.databaseUrl, { rowCount: FILLER_ROWS, statements: logStatements() });
    const plans = await explain(dialect, world.databaseUrl, logStatements());

    const scanned = plans.filter(({ isGeneric }) => isGeneric).flatMap((plan) => plan.scanned);
    // SQLite keeps the counter in this table, with one row for each table that has a counter.
    expect(scanned.filter((table) => table !== "sqlite_sequence")).toEqual([]);
  });

  test("the feed of a student who follows 500 others, among 10,000 posts, reads only the posts of its page", async () => {
    const world = await createWorld({ dialect });
    const ada = await createStudent(world);
    for (const statement of [
      `${numbersTo(600)} insert into users (id, phone, created_at) select ${uuidOf("i")}, 'phone-' || i, 0 from n`,
      `${numbersTo(500)} insert into follows (follower_id, followee_id, at) select '${ada.id}', ${uuidOf("i")}, 0 from n`,
      // Recent posts are spread evenly over the authors; of the older ones, one author wrote a third.
      `${numbersTo(10_000)} insert into posts (id, author_id, text, has_mentions, created_at)
         select ${uuidOf("i")}, ${uuidOf("case when i < 5000 and i % 3 = 0 then 1 else 1 + i * 7 % 600 end")}, 'Hello', 0, i from n`,
      ...(dialect === "postgres" ? ["vacuum analyze"] : []),
    ])
      await writeRows(world.databaseUrl, statement);
    const expected = await rowsOf(
      world.databaseUrl,
      `select id from posts where author_id in (select followee_id from follows) order by position desc`,
    );
    const { statements } = recordStatements();

    const page = await ada.rpc.social.feed.query();
    const [feed] = statements().filter(({ sql }) => sql.includes("first_authors"));
    const seen = [...page.items];
    for (let cursor = page.nextCursor; cursor !== null;) {
      const next = await ada.rpc.social.feed.query({ cursor, limit: 100 });
      seen.push(...next.items);
      cursor = next.nextCursor;
    }

    expect(seen.map(({ id }) => ({ id }))).toEqual(expected);
    expect(seen.length).toBeGreaterThan(8_000);
    expect(feed).toBeDefined();
    if (!feed) return;
    const read = (await readsOf(dialect, world.databaseUrl, feed)).filter(({ table }) => table === "posts");
    const [indexReads, rowReads] = [
      read.filter((step) => step.isIndexOnly),
      read.filter((step) => !step.isIndexOnly),
    ];
    if (dialect === "sqlite") {
      expect(rowReads.map(({ isOfOneRow }) => isOfOneRow)).toEqual([true]);
      expect(indexReads.length).toBeGreaterThan(0);
      // Sorting all posts of the 500 authors would be a separate step.
      expect(indexReads.filter(({ isOfOneRow }) => !isOfOneRow)).toEqual([]);
    } else {
      // One more than the page, to find out whether there is a next page.
      expect(rowReads.map(({ rows }) => rows)).toEqual([21]);
      // The newest post of each author, including the reader, and then little more than the page.
      expect(indexReads.reduce((sum, { rows }) => sum + (rows ?? 0), 0)).toBeLessThanOrEqual(501 + 2 * 21);
    }
  });
});

/** Returns a table expression `n (i)` with the numbers from 1 to `last`. */
const numbersTo = (last: number): string =>
  `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${last})`;
