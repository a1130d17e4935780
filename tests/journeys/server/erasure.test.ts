import { existsSync } from "node:fs";
import { createOfflineErasure, restoreFromBackup, systemRandom } from "@edvoyage/server/app";
import { openDatabase, type Database } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { findInDatabaseFiles } from "../../support/databases/database-files.ts";
import { DIALECTS, rowsOf } from "../../support/databases/databases.ts";
import { createDice, createMarkedStudent, filler } from "../../support/students/marked-student.ts";
import { createStudent, openGroup } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld, type World } from "../../support/servers/world.ts";

const fileOf = ({ databaseUrl }: Pick<World, "databaseUrl">): string => databaseUrl.slice("sqlite:".length);

/** Creates students who chat with each other, change their profiles, and fill database pages. */
const createCrowd = async (world: World, dice: (sides: number) => number, size: number) => {
  const crowd = await Promise.all(Array.from({ length: size }, () => createStudent(world)));
  const [first, ...rest] = crowd;
  if (!first) throw new Error("The crowd is empty");
  const roomId = await openGroup(first, rest);
  const chatter = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(
        crowd.map(async (student) => {
          await student.send(roomId, filler(dice, 600));
          if (dice(3) === 0) await student.rpc.profile.update.mutate({ bio: filler(dice, 1_500) });
        }),
      );
    }
  };
  await chatter(15);
  return { crowd, chatter };
};

const untilScrubbed = (world: World, userId: string) =>
  until(async () => {
    const progress = await world.admin.admin.users.erasure.query({ userId }).catch(() => undefined);
    return progress?.state === "scrubbed";
  });

describe("an erased student", () => {
  test.each([1, 2, 3])(
    "leaves no trace in any byte of the SQLite files, whatever else they contain (seed %i)",
    async (seed) => {
      const dice = createDice(seed);
      const world = await createWorld();
      const { crowd, chatter } = await createCrowd(world, dice, 25);
      const options = { dice, messages: 40 };
      const deleted = await createMarkedStudent(world, crowd, options);
      await chatter(5);
      const erased = await createMarkedStudent(world, [...crowd, deleted], options);
      await chatter(5);
      const marks = [...deleted.marks, ...erased.marks];
      const before = findInDatabaseFiles(fileOf(world), marks);

      await deleted.rpc.account.delete.mutate();
      await world.admin.admin.users.erase.mutate({ userId: erased.id });
      await untilScrubbed(world, erased.id);
      const between = findInDatabaseFiles(fileOf(world), erased.marks);
      world.clock.advance({ days: 8 });
      await untilScrubbed(world, deleted.id);

      // Before the erasure nearly all marks are found, except edits that were compacted away: the search works.
      expect(before.length).toBeGreaterThan(marks.length * 0.9);
      expect(between).toEqual([]);
      expect(findInDatabaseFiles(fileOf(world), marks)).toEqual([]);
      expect(await rowsOf(world.databaseUrl, "pragma integrity_check")).toEqual([{ integrity_check: "ok" }]);
    },
  );

  test("stays erased after a backup is restored, even from its bytes, while one who undid the deletion returns", async () => {
    const dice = createDice(7);
    const world = await createWorld();
    const { crowd } = await createCrowd(world, dice, 8);
    const options = { dice, messages: 10 };
    const erased = await createMarkedStudent(world, crowd, options);
    const leaving = await createStudent(world);
    const device = world.device();
    const backAgain = await device.signIn();
    await backAgain.rpc.account.delete.mutate();
    const backup = await world.admin.admin.database.backup.mutate({});
    await device.signIn();
    await leaving.rpc.account.delete.mutate();
    await world.admin.admin.users.erase.mutate({ userId: erased.id });
    await untilScrubbed(world, erased.id);
    const reopen = await world.stop();

    const restoration = await restoreFromBackup({
      source: backup.path,
      databaseUrl: world.databaseUrl,
      clock: world.clock,
      random: systemRandom,
      onProgress: async () => {},
      signal: new AbortController().signal,
    });
    const left = findInDatabaseFiles(fileOf(world), erased.marks);
    world.clock.advance({ days: 8 });
    const restored = await reopen();
    await untilScrubbed(restored, leaving.id);

    expect(findInDatabaseFiles(backup.path, erased.marks).length).toBeGreaterThan(0);
    expect(restoration.erasures).toMatchObject({ state: "done", students: 1 });
    expect(left).toEqual([]);
    expect(existsSync(`${fileOf(world)}.restoring.lock`)).toBe(false);
    const users = await restored.admin.admin.users.list.query({ limit: 100 });
    expect(users.items.map(({ id }) => id)).not.toContain(erased.id);
    expect(users.items).toContainEqual(expect.objectContaining({ id: backAgain.user.id, state: "active" }));
  });
});

/** Wraps a database whose writes all fail after the first `writes`, as if the process had died. */
const dyingAfter = (database: Database, writes: number): Database => {
  let left = writes;
  const dieOr = <T>(act: () => Promise<T>): Promise<T> => {
    left -= 1;
    return left < 0 ? Promise.reject(new Error("killed")) : act();
  };
  return {
    ...database,
    write: (unit) => dieOr(() => database.write(unit)),
    scrub: () => dieOr(() => database.scrub()),
  };
};

const DAY_MS = 86_400_000;

/** Returns everything that is left of a student who owned a group, and of the student's rooms. */
const remainsOf = async (database: Database, userId: string) => {
  const { kysely } = database.read;
  const members = await kysely.selectFrom("room_members").selectAll().orderBy("joined_at").execute();
  const rooms = await kysely.selectFrom("rooms").selectAll().execute();
  const entries = await kysely
    .selectFrom("log_entries")
    .selectAll()
    .where("author_id", "=", userId)
    .execute();
  const audit = await kysely.selectFrom("audit_log").selectAll().where("user_id", "=", userId).execute();
  const inside = (roomId: string) => members.filter((row) => row.room_id === roomId && row.left_at === null);
  return {
    users: (await kysely.selectFrom("users").selectAll().where("id", "=", toUserId(userId)).execute()).length,
    said: entries
      .filter(({ bytes }) => bytes !== null)
      .map(({ kind }) => kind)
      .sort(),
    roomsWithWrongCount: rooms.filter(({ id, member_count: count }) => count !== inside(id).length).length,
    ownersOfGroups: rooms
      .filter(({ kind }) => kind === "group")
      .map(({ id }) => inside(id).filter(({ role }) => role === "owner").length),
    posts: (await kysely.selectFrom("posts").selectAll().execute()).map((row) => [
      row.like_count,
      row.comment_count,
      row.report_count,
    ]),
    countsOfOthers: (await kysely.selectFrom("social_counts").selectAll().orderBy("user_id").execute())
      .map(({ posts, followers, following }) => ({ posts, followers, following }))
      .filter(({ posts }) => posts > 0),
    mentions: (await kysely.selectFrom("mentions").selectAll().execute()).length,
    erasedInAudit: audit.filter(({ action }) => action === "account.erased").length,
    journal: (await kysely.selectFrom("erasures").selectAll().execute()).map((row) => ({
      isOfStudent: row.user_id === userId,
      phone: row.phone,
      isScrubbed: row.scrubbed_at !== null,
    })),
  };
};

const toUserId = (text: string) => text as UserId;

describe.each(DIALECTS)("a killed erasure, on %s", (dialect) => {
  test("has the same result as an uninterrupted one after the next start, whichever write it was killed before", async () => {
    const remains: unknown[] = [];
    let deaths = 0;

    for (const isMortal of [false, true]) {
      const world = await createWorld({ dialect });
      const others = [await createStudent(world), await createStudent(world)];
      const victim = await createMarkedStudent(world, others, { dice: createDice(3), messages: 3 });
      await openGroup(victim, others);
      await victim.rpc.account.delete.mutate();
      await world.stop();
      const database = await openDatabase(world.databaseUrl);
      onTestFinished(() => database.close());
      const clock = {
        now: () => world.clock.now() + 8 * DAY_MS,
        monotonicNow: () => world.clock.now() + 8 * DAY_MS,
        every: () => () => {},
      };
      // Each attempt survives one write more than the one before, so each write is once the first to fail.
      for (let writes = 1, isDone = false; !isDone; writes += 1) {
        const attemptDatabase = isMortal ? dyingAfter(database, writes) : database;
        isDone = await createOfflineErasure({ database: attemptDatabase, clock, random: systemRandom })
          .run()
          .then(
            () => true,
            () => false,
          );
        if (!isDone) deaths += 1;
      }
      remains.push(await remainsOf(database, victim.id));
    }

    expect(deaths).toBeGreaterThan(5);
    expect(remains[1]).toEqual(remains[0]);
    expect(remains[0]).toMatchObject({
      users: 0,
      roomsWithWrongCount: 0,
      ownersOfGroups: [1, 1],
      posts: Array.from({ length: 5 }, () => [0, 0, 0]),
      countsOfOthers: [{ posts: 5, followers: 0, following: 0 }],
      mentions: 0,
      erasedInAudit: 1,
      journal: [{ isOfStudent: true, phone: null, isScrubbed: true }],
    });
    expect(remains[0]).toHaveProperty("said", expect.not.arrayContaining(["message", "edit", "reaction"]));
  });
});
