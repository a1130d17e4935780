import { shrinkAnswersSql } from "@edvoyage/db";
import { describe, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import { createAccessScene, createStage, type AccessScene } from "../../support/sweeps/access-scene.ts";
import { DIALECTS, rowsOf, writeRows, type TestDialect } from "../../support/databases/databases.ts";
import { namesIn } from "../../support/sweeps/input-fields.ts";
import { callProcedure } from "../../support/network/procedure-call.ts";
import { repetitionCases, type Answer, type RepetitionCase } from "../../support/sweeps/repetition-cases.ts";
import { roundsOf } from "../../support/scale.ts";
import { createStudent } from "../../support/students/student.ts";
import { createWorld, expectRefusal, type World } from "../../support/servers/world.ts";

const CHANGES = roundsOf({ quick: 200, whole: 1_000 });
/** The largest row that one command may leave: two ids, a digest, an instant and a receipt. */
const MAX_ROW_BYTES = 512;
const MARK = "receipt:";

interface StoredCommand {
  readonly user_id: string;
  readonly command_id: string;
  readonly digest: string;
  readonly answer: string;
}

const storedCommands = async ({ databaseUrl }: World): Promise<readonly StoredCommand[]> =>
  (await rowsOf(
    databaseUrl,
    "select user_id, command_id, digest, answer from commands",
  )) as readonly StoredCommand[];

/** Returns the bytes in the columns of a row; an instant has eight. */
const sizeOf = ({ user_id, command_id, digest, answer }: StoredCommand): number =>
  Buffer.byteLength(user_id + command_id + digest + answer) + 8;

const storeOldAnswer = (world: World, commandId: string, answer: unknown): Promise<void> => {
  const json = JSON.stringify(answer).replaceAll("'", "''");
  return writeRows(
    world.databaseUrl,
    `update commands set answer = '${json}' where command_id = '${commandId}'`,
  );
};

/** Stops the server, runs the migration on the answers of earlier versions, and starts the server again. */
const upgrade = async (world: World, dialect: TestDialect): Promise<World> => {
  const start = await world.stop();
  await writeRows(world.databaseUrl, shrinkAnswersSql(dialect));
  return start();
};

/** A profile at every limit, with characters of three bytes. */
const largestProfile = (letter: string) => ({
  name: "Asha",
  bio: letter.repeat(2_000),
  work: Array.from({ length: 20 }, () => ({
    employer: letter.repeat(200),
    title: letter.repeat(200),
    description: letter.repeat(1_000),
    from: "2020-01",
    until: null,
  })),
});

/** Prepares a procedure's case as a command of the owner; each `send` repeats the same command. */
const createCommand = (scene: AccessScene, path: string, { input }: RepetitionCase) => {
  const commandId = uuidv7();
  const inputWithId = { ...input(scene), commandId };
  const target = { url: scene.world.url, token: scene.owner.token };
  return {
    commandId,
    send: async (): Promise<Answer> => {
      const { outcome, body } = await callProcedure(target, { path, type: "mutation" }, inputWithId);
      expect({ path, outcome, body }).toMatchObject({ outcome: "ok" });
      return JSON.parse(body).result.data;
    },
  };
};

describe.each(DIALECTS)("a repeated command, on %s", (dialect) => {
  test(
    "returns the current state for every procedure that takes one, and stores little",
    { timeout: 300_000 },
    async () => {
      const stage = await createStage(dialect);
      const withCommandId = stage.server.procedures.filter(
        ({ access, inputs }) => access === "session" && namesIn(inputs).has("commandId"),
      );
      const paths = withCommandId.map(({ path }) => path);
      expect(Object.keys(repetitionCases).toSorted(), "tests/support/sweeps/repetition-cases.ts").toEqual(
        paths,
      );

      for (const [path, row] of Object.entries(repetitionCases)) {
        const scene = await createAccessScene(stage);
        const { commandId, send } = createCommand(scene, path, row);
        const first = await send();
        expect({ path, answer: await send() }).toEqual({ path, answer: first });
        const now = async () => (row.now ? row.now(scene, first) : first);
        expect({ path, answer: await now() }).toEqual({ path, answer: first });

        await row.later?.(scene, first);
        const later = await now();
        if (row.now && row.later) expect({ path, answer: later }).not.toEqual({ path, answer: first });
        expect({ path, answer: await send() }).toEqual({ path, answer: later });

        const { formerlyKept = (answer: Answer) => answer } = row;
        await storeOldAnswer(stage, commandId, formerlyKept(first));
        expect({ path, answer: await send() }).toEqual({ path, answer: later });

        if (!row.gone) continue;
        await row.gone(scene, first);
        const withoutWords = row.withoutWords?.(scene, first) ?? first;
        expect({ path, answer: await send() }).toEqual({ path, answer: withoutWords });
      }

      const kept = (await storedCommands(stage)).filter(({ answer }) => answer.startsWith(MARK));
      expect(kept.length).toBeGreaterThan(paths.length);
      expect(kept.filter((row) => sizeOf(row) > MAX_ROW_BYTES)).toEqual([]);
      process.stdout.write(`Commands on ${dialect}: ${paths.length} of ${paths.length} procedures (100 %)\n`);
    },
  );

  test("stores only ids for many changes of a large profile", { timeout: 180_000 }, async () => {
    const world = await createWorld({ dialect });
    const { rpc } = await createStudent(world);

    for (let batch = 0; batch < CHANGES / 2; batch += 1) {
      // One request has room for two of them.
      const changes = Array.from({ length: 2 }, (_, index) => ({
        ...largestProfile("अ"),
        name: `${batch}/${index}`,
        commandId: uuidv7(),
      }));
      await Promise.all(changes.map((change) => rpc.profile.update.mutate(change)));
    }

    const kept = await storedCommands(world);
    const bytes = kept.reduce((sum, row) => sum + sizeOf(row), 0);
    process.stdout.write(
      `${CHANGES} profile.update on ${dialect}: ${bytes.toLocaleString("en")} bytes of commands\n`,
    );
    expect(kept).toHaveLength(CHANGES);
    expect(bytes).toBeLessThan(CHANGES * MAX_ROW_BYTES);
  });

  test("stores no text of a student: no statement, emoji, name or nickname", async () => {
    const stage = await createStage(dialect);
    const scene = await createAccessScene(stage);
    const { owner, roomId, messageId, freeCourseId: courseId, stranger } = scene;
    const secret = "Nobody keeps this";

    await owner.rpc.applications.create.mutate({ courseId, fields: { notes: secret }, commandId: uuidv7() });
    await owner.rpc.contacts.add.mutate({
      userId: stranger.user.id,
      nickname: secret,
      commandId: uuidv7(),
    });
    await owner.rpc.chat.rooms.rename.mutate({ roomId, name: secret, commandId: uuidv7() });
    await owner.rpc.chat.react.mutate({ roomId, messageId, emoji: "🦜", commandId: uuidv7() });

    const texts = JSON.stringify(await storedCommands(stage));
    expect(texts).not.toContain(secret);
    expect(texts).not.toContain("🦜");
  });

  test("returns a room as the student sees it now, after a removal and after a return", async () => {
    const stage = await createStage(dialect);
    const { owner, contact, roomId } = await createAccessScene(stage);
    await owner.rpc.chat.rooms.setRole.mutate({ roomId, userId: contact.user.id, role: "admin" });
    const rename = { roomId, name: "Ours", commandId: uuidv7() };
    await contact.rpc.chat.rooms.rename.mutate(rename);

    await owner.rpc.chat.rooms.removeMember.mutate({ roomId, userId: contact.user.id });
    await owner.rpc.chat.rooms.rename.mutate({ roomId, name: "Without them" });
    const outside = await contact.rpc.chat.rooms.rename.mutate(rename);
    await owner.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [contact.user.id] });
    const inside = await contact.rpc.chat.rooms.rename.mutate(rename);

    expect(outside).toMatchObject({ id: roomId, name: null, memberCount: 0, members: [], invited: [] });
    expect(inside).toEqual(await contact.rpc.chat.rooms.get.query({ roomId }));
    expect(inside).toMatchObject({ name: "Without them", role: "member" });
  });

  test("returns a direct room as a direct room after the student has left it", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const open = { kind: "direct" as const, memberIds: [bo.id], commandId: uuidv7() };
    const { id: roomId } = await ada.rpc.chat.rooms.create.mutate(open);
    await ada.rpc.chat.rooms.leave.mutate({ roomId });

    expect(await ada.rpc.chat.rooms.create.mutate(open)).toMatchObject({
      id: roomId,
      kind: "direct",
      peer: null,
      memberCount: 0,
    });
  });

  test("returns the current state after the upgrade has shrunk the answers that earlier versions stored", async () => {
    const world = await createWorld({ dialect });
    await world.server.seedIfEmpty();
    const ada = await createStudent(world);
    const [course] = (await world.rpc().courses.list.query({ limit: 1 })).items;
    const update = { ...largestProfile("a"), commandId: uuidv7() };
    const create = {
      courseId: course?.id ?? "",
      fields: { statement: "s".repeat(5_000) },
      commandId: uuidv7(),
    };
    const open = { kind: "group" as const, memberIds: [], name: "Ours", commandId: uuidv7() };
    const set = { previews: true, commandId: uuidv7() };
    const profile = await ada.rpc.profile.update.mutate(update);
    const application = await ada.rpc.applications.create.mutate(create);
    const { id: roomId } = await ada.rpc.chat.rooms.create.mutate(open);
    const preferences = await ada.rpc.notifications.setPreferences.mutate(set);
    await storeOldAnswer(world, update.commandId, profile);
    await storeOldAnswer(world, create.commandId, application);
    await storeOldAnswer(world, open.commandId, roomId);
    await storeOldAnswer(world, set.commandId, preferences);

    const upgraded = await upgrade(world, dialect);

    const answers = new Map((await storedCommands(upgraded)).map((row) => [row.command_id, row.answer]));
    expect(answers.get(update.commandId)).toBe(`${MARK}{"id":"${ada.id}"}`);
    expect(answers.get(create.commandId)).toBe(`${MARK}{"id":"${create.commandId}"}`);
    expect(answers.get(open.commandId)).toBe(`"${roomId}"`);
    expect(answers.get(set.commandId)).toBe(`${MARK}{}`);
    const { profile: own, applications, chat, notifications } = upgraded.rpc({ token: ada.token });
    await own.update.mutate({ bio: null });
    expect(await own.update.mutate(update)).toEqual({ ...profile, bio: null });
    expect(await applications.create.mutate(create)).toEqual(application);
    expect(await chat.rooms.create.mutate(open)).toMatchObject({ id: roomId, name: "Ours" });
    expect(await notifications.setPreferences.mutate(set)).toEqual(preferences);
    await expectRefusal(own.update.mutate({ name: "Other", commandId: update.commandId }), "input/invalid");
  });

  test("stores a receipt that versions before receipts cannot parse, so that they return none of it", async () => {
    const world = await createWorld({ dialect });
    const { rpc } = await createStudent(world);
    await rpc.profile.update.mutate({ name: "Asha", commandId: uuidv7() });

    const [row] = await storedCommands(world);

    expect(() => JSON.parse(row?.answer ?? "")).toThrow(SyntaxError);
  });
});
