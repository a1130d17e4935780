import { openDatabase } from "@edvoyage/db";
import type { CommandId, UserId } from "@edvoyage/protocol";
import { AppError, createCommands, createNewId, systemRandom } from "@edvoyage/server/app";
import { describe, expect, onTestFinished, test } from "vitest";
import { DIALECTS, serverDatabase, type TestDialect } from "../support/databases/databases.ts";
import { createFakeClock } from "../support/fakes/fake-clock.ts";
import { somePhone } from "../support/students/phone.ts";

/** Creates commands on a database of their own, with one student. */
const createScene = async (dialect: TestDialect) => {
  const database = await openDatabase(await serverDatabase(dialect));
  onTestFinished(() => database.close());
  const clock = createFakeClock();
  const newId = createNewId(systemRandom);
  const userId = newId<UserId>(clock.now());
  await database.write((tx) =>
    tx.kysely
      .insertInto("users")
      .values({ id: userId, phone: somePhone(), created_at: clock.now() })
      .execute(),
  );
  const source = () => ({ userId, commandId: newId<CommandId>(clock.now()) });
  const stored = () => database.read.kysely.selectFrom("commands").select("answer").execute();
  return { commands: createCommands({ database, clock }), clock, source, stored, userId };
};

const command = { procedure: "profile.update", input: { name: "Asha" } };

describe.each(DIALECTS)("the receipts of commands, on %s", (dialect) => {
  test("repeated commands get the receipt of the first one, and the command runs once", async () => {
    const { commands, source, userId } = await createScene(dialect);
    const commandSource = source();
    let runs = 0;
    const act = async (_tx: unknown, at: number) => ({
      userId,
      position: { segment: 1, index: 2 },
      at,
      isNew: true,
      readAt: null,
      count: (runs += 1),
    });

    const receipts = await Promise.all([1, 2, 3].map(() => commands.execute(commandSource, command, act)));

    expect(receipts[0]).toMatchObject({ userId, position: { segment: 1, index: 2 }, count: 1 });
    expect(receipts).toEqual([receipts[0], receipts[0], receipts[0]]);
    expect(runs).toBe(1);
  });

  test("an id alone and an empty object are valid receipts", async () => {
    const { commands, source, userId } = await createScene(dialect);
    const [one, other] = [source(), source()];

    for (const _time of ["first", "second"]) {
      expect(await commands.execute(one, command, async () => userId)).toBe(userId);
      expect(await commands.execute(other, command, async () => ({}))).toEqual({});
    }
  });

  test("a receipt with more than ids rolls its command back, and the command may be sent again", async () => {
    const { commands, source, stored, userId } = await createScene(dialect);
    const commandSource = source();
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`user${index}`, userId]));

    await expect(commands.execute(commandSource, command, async () => many)).rejects.toThrow("A receipt of");

    expect(await stored()).toEqual([]);
    expect(await commands.execute(commandSource, command, async () => ({ userId }))).toEqual({ userId });
  });

  test("a receipt with a text, a list or an entity does not compile", async () => {
    const { commands, source, userId } = await createScene(dialect);
    const text: string = "short";

    // @ts-expect-error A plain string is not an id.
    await commands.execute(source(), command, async () => ({ text }));
    // @ts-expect-error A plain string is not a whole receipt either.
    await commands.execute(source(), command, async () => text);
    // @ts-expect-error A list is unbounded.
    await commands.execute(source(), command, async () => ({ ids: [userId] }));
    // @ts-expect-error A list is not a whole receipt either.
    await commands.execute(source(), command, async () => [userId]);
    // @ts-expect-error An entity must be read again instead.
    await commands.execute(source(), command, async () => ({ profile: { id: userId, bio: text } }));
  });

  test("a refusal is not stored, and a receipt is deleted after 90 days", async () => {
    const { commands, clock, source, stored } = await createScene(dialect);
    const refuse = async (): Promise<{ readonly at: number }> => {
      throw new AppError("conflict", "Not now.");
    };
    await expect(commands.execute(source(), command, refuse)).rejects.toMatchObject({ reason: "conflict" });
    expect(await stored()).toEqual([]);
    await commands.execute(source(), command, async (_tx, at) => ({ at }));

    clock.advance({ days: 90 });
    await commands.prune(clock.now());
    expect(await stored()).toHaveLength(1);
    clock.advance({ ms: 1 });
    await commands.prune(clock.now());

    expect(await stored()).toEqual([]);
  });
});
