import { openDatabase } from "@edvoyage/db";
import type { CommandId, UserId } from "@edvoyage/protocol";
import {
  AppError,
  createCommandErasure,
  createCommands,
  createNewId,
  systemRandom,
} from "@edvoyage/server/app";
import { describe, expect, onTestFinished, test } from "vitest";
import { DIALECTS, serverDatabase, type TestDialect } from "../support/databases/databases.ts";
import { createFakeClock } from "../support/fakes/fake-clock.ts";
import { somePhone } from "../support/students/phone.ts";

/** Creates commands on a database of their own, with two students. */
const createScene = async (dialect: TestDialect) => {
  const database = await openDatabase(await serverDatabase(dialect));
  onTestFinished(() => database.close());
  const clock = createFakeClock();
  const newId = createNewId(systemRandom);
  const [userId, otherUserId] = [newId<UserId>(clock.now()), newId<UserId>(clock.now())];
  await database.write((tx) =>
    tx.kysely
      .insertInto("users")
      .values([userId, otherUserId].map((id) => ({ id, phone: somePhone(), created_at: clock.now() })))
      .execute(),
  );
  const source = () => ({ userId, commandId: newId<CommandId>(clock.now()) });
  const stored = () => database.read.kysely.selectFrom("commands").select("answer").execute();
  const commands = createCommands({ database, clock });
  return { commands, database, clock, source, stored, userId, otherUserId };
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

  test("an id that belongs to another command is refused, and nothing runs", async () => {
    const { commands, source, stored } = await createScene(dialect);
    const commandSource = source();
    await commands.execute(commandSource, command, async (_tx, at) => ({ at }));
    let runs = 0;
    const act = async () => ({ runs: (runs += 1) });
    const refusal = { reason: "input/invalid", details: { issues: [{ path: "commandId" }] } };

    const otherInput = commands.execute(commandSource, { ...command, input: { name: "Bo" } }, act);
    const otherProcedure = commands.execute(commandSource, { ...command, procedure: "profile.clear" }, act);

    await expect(otherInput).rejects.toMatchObject(refusal);
    await expect(otherProcedure).rejects.toMatchObject(refusal);
    expect(runs).toBe(0);
    expect(await stored()).toHaveLength(1);
  });

  test("a command that arrives again inside its own unit of work is refused, because it has no receipt yet", async () => {
    const { commands, source, stored } = await createScene(dialect);
    const commandSource = source();

    const nested = commands.execute(commandSource, command, (tx, now) =>
      commands.run(tx, { ...commandSource, ...command, now }, async () => ({ at: now })),
    );

    await expect(nested).rejects.toMatchObject({ reason: "input/invalid" });
    expect(await stored()).toEqual([]);
  });

  test("a command without an id runs each time and leaves no receipt", async () => {
    const { commands, source, stored } = await createScene(dialect);
    let runs = 0;
    const act = async () => ({ runs: (runs += 1) });

    await commands.execute({ ...source(), commandId: null }, command, act);
    const second = await commands.execute({ ...source(), commandId: null }, command, act);

    expect(second).toEqual({ runs: 2 });
    expect(await stored()).toEqual([]);
  });

  test("a receipt is stored behind its prefix, and an answer that an earlier version stored is still read", async () => {
    const { commands, database, source, stored } = await createScene(dialect);
    const commandSource = source();
    await commands.execute(commandSource, command, async () => ({ count: 1 }));
    expect(await stored()).toEqual([{ answer: 'receipt:{"count":1}' }]);

    await database.write((tx) => tx.kysely.updateTable("commands").set({ answer: '{"count":7}' }).execute());

    expect(await commands.execute(commandSource, command, async () => ({ count: 2 }))).toEqual({ count: 7 });
  });

  test("a receipt may take 256 bytes, and one byte more is refused", async () => {
    const { commands, source, stored } = await createScene(dialect);
    const receiptOf = (sizeBytes: number) => async () => ({ ["x".repeat(sizeBytes - '{"":1}'.length)]: 1 });

    await commands.execute(source(), command, receiptOf(256));
    await expect(commands.execute(source(), command, receiptOf(257))).rejects.toThrow(
      "A receipt of 257 bytes",
    );

    expect(await stored()).toHaveLength(1);
  });

  test("an erasure deletes the student's commands in batches, and no other student's", async () => {
    const { commands, database, clock, source, stored, otherUserId } = await createScene(dialect);
    await database.write(async (tx) => {
      const act = async () => ({});
      for (let index = 0; index < 501; index += 1)
        await commands.run(tx, { ...source(), ...command, now: clock.now() }, act);
      await commands.run(tx, { ...source(), userId: otherUserId, ...command, now: clock.now() }, act);
    });
    const { userId } = source();
    const batches: number[] = [];

    const erasure = createCommandErasure();
    await erasure.erase(userId, {
      step: async (unit) => {
        const count = await database.write((tx) => unit(tx, clock.now()));
        batches.push(count);
        return count;
      },
      plan: () => {},
      advance: () => {},
    });

    expect(erasure.name).toBe("commands");
    expect(batches).toEqual([500, 1, 0]);
    expect(await stored()).toHaveLength(1);
  });
});
