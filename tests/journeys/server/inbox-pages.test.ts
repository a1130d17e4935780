import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../../support/students/student.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect, rooms: number) => {
  const world = await createWorld({ dialect });
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomIds: string[] = [];
  for (let index = 0; index < rooms; index += 1) {
    roomIds.push(await openGroup(ada, [bo]));
    // Some rooms have the same instant: it alone is no order.
    if (index % 2 === 1) world.clock.advance({ seconds: 1 });
  }
  return { world, ada, bo, roomIds };
};

/** Reads all pages. `between` runs after each page except the last. */
const walk = async (
  { rpc }: Student,
  input: { readonly since?: number; readonly cursor?: string; readonly limit: number },
  between: () => Promise<unknown> = async () => {},
) => {
  const pages = [await rpc.inbox.changes.query(input)];
  for (let last = pages[0]; last?.hasMore; last = pages.at(-1)) {
    await between();
    pages.push(await rpc.inbox.changes.query({ cursor: last.cursor, limit: input.limit }));
  }
  return { pages, ids: pages.flatMap(({ rooms }) => rooms.map(({ id }) => id)) };
};

describe.each(DIALECTS)("the pages of the inbox, on %s", (dialect) => {
  test("have each room once, in the order of the whole answer", async () => {
    const { ada } = await createScene(dialect, 7);
    const whole = await ada.rpc.inbox.changes.query();

    const { pages, ids } = await walk(ada, { limit: 3 });

    expect(ids).toEqual(whole.rooms.map(({ id }) => id));
    expect(pages.map(({ rooms }) => rooms.length)).toEqual([3, 3, 1]);
    expect(whole.hasMore).toBe(false);
  });

  test("have one instant, from which the cursor of the last page continues", async () => {
    const { world, ada, bo, roomIds } = await createScene(dialect, 5);
    world.clock.advance({ minutes: 1 });
    const startedAt = world.clock.now();
    const [changedRoom = ""] = roomIds;

    const { pages } = await walk(ada, { limit: 2 }, async () => {
      world.clock.advance({ minutes: 1 });
      await bo.send(changedRoom, "Meanwhile");
    });
    const next = await ada.rpc.inbox.changes.query({ cursor: pages.at(-1)?.cursor ?? "" });

    // The changed room is before the first page now, and the walk does not meet it.
    expect(pages.map(({ serverNow }) => serverNow)).toEqual([startedAt, startedAt]);
    expect(next.rooms.map(({ id }) => id)).toEqual([changedRoom]);
  });

  test("after the first have of the other lists only what changed during the walk", async () => {
    const { world, ada, bo, roomIds } = await createScene(dialect, 3);
    world.clock.advance({ minutes: 1 });
    const cy = await createStudent(world);
    const direct = await openDirect(bo, cy);
    await ada.rpc.profile.update.mutate({ name: "Ada" });
    const leaving = await openGroup(cy, [ada, bo]);
    world.clock.advance({ minutes: 1 });

    const { pages } = await walk(ada, { limit: 2 }, async () => {
      await ada.rpc.chat.rooms.leave.mutate({ roomId: leaving });
    });

    const [first, second] = pages;
    expect(first?.areas.map(({ area }) => area)).toContain("profile");
    expect(second?.areas).toEqual([]);
    expect(second?.rooms.filter(({ state }) => state === "left").map(({ id }) => id)).toEqual([leaving]);
    expect(pages.flatMap(({ rooms }) => rooms.map(({ id }) => id))).not.toContain(direct);
    expect(new Set(pages.flatMap(({ rooms }) => rooms.map(({ id }) => id)))).toEqual(
      new Set([...roomIds, leaving]),
    );
  });

  test("work for changes since an instant, too", async () => {
    const { world, ada, bo, roomIds } = await createScene(dialect, 6);
    world.clock.advance({ minutes: 1 });
    const since = world.clock.now();
    for (const roomId of roomIds.slice(0, 3)) await bo.send(roomId, "New");

    const { pages, ids } = await walk(ada, { since, limit: 2 });

    expect(pages).toHaveLength(2);
    expect([...ids].sort()).toEqual(roomIds.slice(0, 3).sort());
  });

  test("have cursors that work nowhere else", async () => {
    const { ada } = await createScene(dialect, 1);

    for (const cursor of ["x", Buffer.from(`{"list":"favourites","position":[1]}`).toString("base64url")]) {
      await expectRefusal(ada.rpc.inbox.changes.query({ cursor }), "input/invalid");
    }
  });
});
