import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal, joinWorld, type WorldOptions } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect, options: WorldOptions = {}) => {
  const world = await createWorld({ dialect, ...options });
  await world.server.seedIfEmpty();
  const { items: universities } = await world.rpc().universities.list.query({ limit: 5 });
  const { items: courses } = await world.rpc().courses.list.query({ limit: 5 });
  const target = (kind: "university" | "course", index: number) => {
    const id = (kind === "university" ? universities : courses)[index]?.id;
    return { kind, id: id ?? expect.fail("No such sample") };
  };
  const { rpc, user } = await world.device().signIn();
  return { world, rpc, user, target };
};

describe.each(DIALECTS)("a client without Yjs, on %s", (dialect) => {
  test("lists favourites newest first, and learns of each whether it was new", async () => {
    const { world, rpc, target } = await createScene(dialect);
    const targets = [target("university", 0), target("course", 0), target("university", 1)];

    for (const favourite of targets) {
      expect(await rpc.favourites.add.mutate(favourite)).toEqual({ created: true });
      world.clock.advance({ seconds: 1 });
    }
    expect(await rpc.favourites.add.mutate(target("university", 0))).toEqual({ created: false });

    const { items, nextCursor } = await rpc.favourites.list.query();
    const now = world.clock.now();
    expect(items).toEqual(
      targets
        .map((favourite, index) => ({ ...favourite, addedAt: now - (targets.length - index) * 1_000 }))
        .toReversed(),
    );
    expect(nextCursor).toBeNull();
  });

  test("lists favourites of one instant page by page, each once", async () => {
    const { rpc, target } = await createScene(dialect);
    for (let i = 0; i < 5; i += 1) {
      await rpc.favourites.add.mutate(target("university", i));
      await rpc.favourites.add.mutate(target("course", i));
    }

    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await rpc.favourites.list.query({ limit: 3, cursor });
      seen.push(...page.items.map(({ kind, id }) => `${kind}:${id}`));
      cursor = page.nextCursor;
    } while (cursor);

    expect(seen).toHaveLength(10);
    expect(new Set(seen).size).toBe(10);
  });

  test("removes a favourite once", async () => {
    const { rpc, target } = await createScene(dialect);
    await rpc.favourites.add.mutate(target("course", 0));

    expect(await rpc.favourites.remove.mutate(target("course", 0))).toEqual({ removed: true });
    expect(await rpc.favourites.remove.mutate(target("course", 0))).toEqual({ removed: false });

    expect((await rpc.favourites.list.query()).items).toEqual([]);
  });

  test("sees and removes only its own student's favourites", async () => {
    const { world, rpc, target } = await createScene(dialect);
    const other = await world.device().signIn();
    await rpc.favourites.add.mutate(target("course", 0));

    expect((await other.rpc.favourites.list.query()).items).toEqual([]);
    expect(await other.rpc.favourites.remove.mutate(target("course", 0))).toEqual({ removed: false });
    expect((await rpc.favourites.list.query()).items).toHaveLength(1);
  });

  test("cannot add a favourite that does not exist", async () => {
    const { rpc, target } = await createScene(dialect);

    for (const id of [target("course", 0).id, uuidv7(), "x' or '1'='1", "__proto__", ""]) {
      await expectRefusal(rpc.favourites.add.mutate({ kind: "university", id }), "not-found");
    }
    expect((await rpc.favourites.list.query()).items).toEqual([]);
  });

  test("can add favourites up to the limit, which does not count one that exists already", async () => {
    const { rpc, target } = await createScene(dialect, { limits: { favourites: 2 } });
    await rpc.favourites.add.mutate(target("course", 0));
    await rpc.favourites.add.mutate(target("course", 1));

    await expectRefusal(rpc.favourites.add.mutate(target("course", 2)), "limit/reached", {
      limit: "favourites",
    });
    expect(await rpc.favourites.add.mutate(target("course", 1))).toEqual({ created: false });

    await rpc.favourites.remove.mutate(target("course", 0));
    expect(await rpc.favourites.add.mutate(target("course", 2))).toEqual({ created: true });
  });

  test("changes a favourite once per command, however often the command arrives", async () => {
    const { rpc, target } = await createScene(dialect);
    const add = { ...target("course", 0), commandId: uuidv7() };
    const remove = { ...target("course", 0), commandId: uuidv7() };

    const answers = await Promise.all(Array.from({ length: 8 }, () => rpc.favourites.add.mutate(add)));
    expect(answers).toEqual(answers.map(() => ({ created: true })));
    expect(await rpc.favourites.remove.mutate(remove)).toEqual({ removed: true });
    expect(await rpc.favourites.add.mutate(add)).toEqual({ created: true });
    expect(await rpc.favourites.remove.mutate(remove)).toEqual({ removed: true });

    expect((await rpc.favourites.list.query()).items).toEqual([]);
    await expectRefusal(rpc.favourites.add.mutate({ ...add, ...target("course", 1) }), "input/invalid");
    await expectRefusal(rpc.favourites.remove.mutate(add), "input/invalid");
  });

  test("can repeat a refused command under the same id once it is allowed", async () => {
    const { rpc, target } = await createScene(dialect, { limits: { favourites: 1 } });
    await rpc.favourites.add.mutate(target("course", 0));
    const add = { ...target("course", 1), commandId: uuidv7() };
    await expectRefusal(rpc.favourites.add.mutate(add), "limit/reached");

    await rpc.favourites.remove.mutate(target("course", 0));

    expect(await rpc.favourites.add.mutate(add)).toEqual({ created: true });
  });

  test("finds its favourites after a restart", async () => {
    const { world, target } = await createScene(dialect);
    const { token } = await world.device().signIn();
    await world.rpc({ token }).favourites.add.mutate(target("course", 0));

    const { rpc } = await world.restart();

    expect((await rpc({ token }).favourites.list.query()).items).toMatchObject([target("course", 0)]);
    expect(await rpc({ token }).favourites.add.mutate(target("course", 0))).toEqual({ created: false });
  });

  test("gets input/invalid for a cursor that no page returned", async () => {
    const { rpc } = await createScene(dialect);
    const cursors = [
      ["sessions", [1, "a", "course"]],
      ["favourites", [1.5, "a", "course"]],
      ["favourites", [1, "a", "room"]],
      ["favourites", [1]],
    ].map(([list, position]) => Buffer.from(JSON.stringify({ list, position })).toString("base64url"));

    for (const cursor of [...cursors, "x"]) {
      await expectRefusal(rpc.favourites.list.query({ cursor }), "input/invalid");
    }
  });
});

// Needs PostgreSQL; databases.setup.ts prints what was skipped on a machine without one.
describe.skipIf(!DIALECTS.includes("postgres"))("favourites on two nodes", () => {
  test("stay complete when both nodes add them at once", async () => {
    const { world, target } = await createScene("postgres");
    const node = await joinWorld(world);
    const { token } = await world.device().signIn();
    const clients = [world.rpc({ token }), node.rpc({ token })];

    const answers = await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 5 }, (_, index) => client.favourites.add.mutate(target("course", index))),
      ),
    );

    expect(answers.filter(({ created }) => created)).toHaveLength(5);
    for (const client of clients) expect((await client.favourites.list.query()).items).toHaveLength(5);
  });
});
