import { openDatabase } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import {
  createAreas,
  createCommands,
  createNewId,
  createNotifications,
  systemRandom,
  type NewNotification,
} from "@edvoyage/server/app";
import { describe, expect, onTestFinished, test } from "vitest";
import { DIALECTS, serverDatabase, type TestDialect } from "../support/databases/databases.ts";
import { createFakeClock } from "../support/fakes/fake-clock.ts";
import { somePhone } from "../support/students/phone.ts";

/** Creates notifications on a database of their own, with two students. */
const createScene = async (dialect: TestDialect) => {
  const database = await openDatabase(await serverDatabase(dialect));
  onTestFinished(() => database.close());
  const clock = createFakeClock();
  const newId = createNewId(systemRandom);
  const notified: UserId[] = [];
  const areas = createAreas({
    read: database.read,
    clock,
    inboxChanged: (userId) => void notified.push(userId),
  });
  const commands = createCommands({ database, clock });
  const notifications = createNotifications({
    database,
    commands,
    areas,
    push: { notified: async () => {} },
    newId,
  });
  const someone = async (): Promise<UserId> => {
    const id = newId<UserId>(clock.now());
    await database.write((tx) =>
      tx.kysely.insertInto("users").values({ id, phone: somePhone(), created_at: clock.now() }).execute(),
    );
    return id;
  };
  const [ada, bo] = [await someone(), await someone()];
  const add = (change: Partial<NewNotification> = {}) => {
    const liked = { userId: ada, kind: "liked", actorId: bo, subject: { kind: "post", id: "p1" } } as const;
    return database.write((tx) => notifications.add(tx, { ...liked, ...change }, clock.now()));
  };
  const kinds = async (userId = ada) =>
    (await notifications.recent(userId, { limit: 100 })).items.map(({ kind }) => kind);
  const block = (owner_id: UserId, contact_id: UserId) =>
    database.write((tx) =>
      tx.kysely
        .insertInto("contacts")
        .values({
          owner_id,
          contact_id,
          id: contact_id,
          nickname: null,
          is_favourite: 0,
          is_blocked: 1,
          created_at: 0,
          updated_at: 0,
        })
        .execute(),
    );
  return { database, clock, notifications, notified, someone, ada, bo, add, kinds, block };
};

describe.each(DIALECTS)("the notifications of students, on %s", (dialect) => {
  test("a repeat and one's own action notify nobody; another actor, kind or subject does", async () => {
    const { add, ada, bo, kinds, notified, someone } = await createScene(dialect);

    await add();
    await add();
    await add({ userId: bo });
    expect(await kinds()).toEqual(["liked"]);
    expect(await kinds(bo)).toEqual([]);
    expect(notified).toEqual([ada]);

    await add({ actorId: await someone() });
    await add({ kind: "commented" });
    await add({ subject: { kind: "post", id: "p2" } });
    expect(await kinds()).toHaveLength(4);
  });

  test("an event without an actor notifies each time", async () => {
    const { add, notifications, ada } = await createScene(dialect);
    const moved = { kind: "moved", actorId: null, subject: { kind: "application", id: "a1" } } as const;

    await add({ ...moved, status: "interview" });
    await add({ ...moved, status: "accepted" });

    const { items } = await notifications.recent(ada, { limit: 20 });
    expect(items).toMatchObject([
      { kind: "moved", actor: null, status: "accepted" },
      { status: "interview" },
    ]);
  });

  test.each(["blocks", "is blocked by"])(
    "a student who %s another gets no notification about the other",
    async (which) => {
      const { add, ada, bo, kinds, block } = await createScene(dialect);
      await (which === "blocks" ? block(ada, bo) : block(bo, ada));

      await add();

      expect(await kinds()).toEqual([]);
    },
  );

  test("a failed unit of work notifies nobody", async () => {
    const { database, clock, notifications, ada, bo, kinds, notified } = await createScene(dialect);

    const failing = database.write(async (tx) => {
      const followed = { userId: ada, kind: "followed", actorId: bo } as const;
      await notifications.add(tx, { ...followed, subject: { kind: "student", id: bo } }, clock.now());
      throw new Error("changed its mind");
    });

    await expect(failing).rejects.toThrow("changed its mind");
    expect({ kinds: await kinds(), notified }).toEqual({ kinds: [], notified: [] });
  });

  test("keeps the newest 1,000, and read ones for 90 days", async () => {
    const { database, clock, notifications, add, ada, bo } = await createScene(dialect);
    await database.write(async (tx) => {
      for (let index = 0; index < 1_005; index += 1) {
        const subject = { kind: "post", id: `p${index}` } as const;
        await notifications.add(tx, { userId: ada, kind: "liked", actorId: bo, subject }, clock.now());
      }
    });
    const subjects = async () => {
      const ids: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await notifications.recent(ada, { cursor, limit: 100 });
        ids.push(...page.items.map(({ subject }) => subject.id));
        cursor = page.nextCursor;
      }
      return ids;
    };
    expect(await subjects()).toEqual(Array.from({ length: 1_000 }, (_, index) => `p${1_004 - index}`));

    await notifications.markRead({ userId: ada, commandId: null }, { all: true });
    await add({ subject: { kind: "post", id: "unread" } });
    clock.advance({ days: 90 });
    await notifications.prune(clock.now());
    expect(await subjects()).toHaveLength(1_000);
    clock.advance({ ms: 1 });
    await notifications.prune(clock.now());
    expect(await subjects()).toEqual(["unread"]);
  });

  test("counts unread notifications, and returns those that arrived or were read since a time", async () => {
    const { clock, notifications, add, ada } = await createScene(dialect);
    await add();
    clock.advance({ minutes: 1 });
    const since = clock.now();
    await add({ kind: "commented" });

    expect(await notifications.changes(ada, 0)).toMatchObject({ unread: 2, items: [{}, {}] });
    expect(await notifications.changes(ada, since)).toMatchObject({
      unread: 2,
      items: [{ kind: "commented" }],
    });
    clock.advance({ minutes: 1 });
    const [oldest] = (await notifications.changes(ada, 0)).items.slice(-1);
    await notifications.markRead({ userId: ada, commandId: null }, { ids: oldest ? [oldest.id] : [] });
    const changed = await notifications.changes(ada, clock.now());
    expect(changed).toMatchObject({ unread: 1, items: [{ id: oldest?.id, readAt: clock.now() }] });
  });
});
