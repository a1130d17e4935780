import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf } from "../../support/databases/databases.ts";
import { openGroup, type Student } from "../../support/students/student.ts";
import { expectRefusal } from "../../support/servers/world.ts";
import { createChatScene, newestOf, eventsAfter } from "../../support/students/chat-scene.ts";

describe.each(DIALECTS)("changing a message, on %s", (dialect) => {
  test("shows everybody its author's newest edit", async () => {
    const { world, ada, bo, roomId } = await createChatScene(dialect);
    const { messageId } = await ada.send(roomId, "Helo");
    world.clock.advance({ seconds: 5 });

    await ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Hallo" });
    const edit = await ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Hello" });

    expect(edit).toEqual({ messageId, position: { segment: 0, index: 4 }, at: world.clock.now() });
    expect(await newestOf(bo, roomId)).toMatchObject({ id: messageId, text: "Hello", editedAt: edit.at });
  });

  test("refuses an edit of a message that is foreign, unknown or removed, and a text that is empty or too long", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect, { messageCharacters: 10 });
    const { messageId } = await ada.send(roomId, "Hello");
    const edit = (student: Student, text: string, id = messageId) =>
      student.rpc.chat.edit.mutate({ roomId, messageId: id, text });

    await expectRefusal(edit(bo, "Mine"), "forbidden");
    await expectRefusal(edit(ada, "Mine", uuidv7() as never), "not-found");
    for (const text of ["", "  ", "\0", "\ud800"]) await expectRefusal(edit(ada, text), "input/invalid");
    await expectRefusal(edit(ada, "12345678901"), "limit/reached", { limit: "messageCharacters" });
    await ada.rpc.chat.remove.mutate({ roomId, messageId });
    await expectRefusal(edit(ada, "Back"), "conflict");
    expect(await bo.texts(roomId)).toEqual([null]);
  });

  test("deletes a removed message and its edits for good, and repeats the answer of the first removal", async () => {
    const { world, ada, bo, roomId } = await createChatScene(dialect);
    const { messageId } = await ada.send(roomId, "Secret");
    await ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Secret 2" });
    await bo.rpc.chat.react.mutate({ roomId, messageId, emoji: "😮" });

    const removal = await ada.rpc.chat.remove.mutate({ roomId, messageId });
    world.clock.advance({ seconds: 5 });
    const repeated = await ada.rpc.chat.remove.mutate({ roomId, messageId });

    expect(removal.position).toEqual({ segment: 0, index: 5 });
    expect(repeated).toEqual(removal);
    expect(await eventsAfter(ada, roomId, 5)).toBe(0);
    const kept = "select kind from log_entries where bytes is not null order by position";
    expect(await rowsOf(world.databaseUrl, kept)).toEqual(
      ["joined", "joined", "reaction", "remove"].map((kind) => ({ kind })),
    );
    expect(await newestOf(bo, roomId)).toMatchObject({ id: messageId, text: null, editedAt: null });
    await expectRefusal(bo.rpc.chat.react.mutate({ roomId, messageId, emoji: "👍" }), "conflict");
    expect((await bo.send(roomId, "What was it?", messageId)).position.index).toBe(6);
  });

  test("removes a message once when ten removals arrive at once", async () => {
    const { ada, roomId } = await createChatScene(dialect);
    const { messageId, position } = await ada.send(roomId, "Secret");

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ada.rpc.chat.remove.mutate({ roomId, messageId })),
    );

    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await eventsAfter(ada, roomId, position.index)).toBe(1);
  });

  test("lets the owner and admins of a group remove others' messages, but nobody in a direct room", async () => {
    const { ada, bo, cy, roomId } = await createChatScene(dialect);
    const group = await openGroup(ada, [bo, cy]);
    const direct = await bo.send(roomId, "Mine");
    const first = await cy.send(group, "First");
    const second = await ada.send(group, "Second");
    const remove = (student: Student, id: string, messageId: string) =>
      student.rpc.chat.remove.mutate({ roomId: id, messageId });

    await expectRefusal(remove(ada, roomId, direct.messageId), "forbidden");
    await expectRefusal(remove(bo, group, first.messageId), "forbidden");
    await expectRefusal(remove(bo, group, direct.messageId), "not-found");
    await ada.rpc.chat.rooms.setRole.mutate({ roomId: group, userId: bo.id, role: "admin" });
    await remove(bo, group, second.messageId);
    await remove(ada, group, first.messageId);

    expect(await cy.texts(group)).toEqual([null, null]);
  });

  test("keeps one reaction per student, which can be replaced and withdrawn", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect);
    const { messageId } = await ada.send(roomId, "Admitted!");
    const react = (student: Student, emoji: string | null) =>
      student.rpc.chat.react.mutate({ roomId, messageId, emoji });

    await react(bo, "👍");
    const party = await react(bo, "🎉");
    await react(ada, "❤️");
    expect((await newestOf(ada, roomId)).reactions).toEqual([
      { userId: bo.id, emoji: "🎉" },
      { userId: ada.id, emoji: "❤️" },
    ]);
    expect(await react(bo, "🎉")).toEqual(party);
    expect(await eventsAfter(ada, roomId, party.position?.index ?? 0)).toBe(1);
    await react(bo, null);
    await react(bo, null);
    expect((await newestOf(ada, roomId)).reactions).toEqual([{ userId: ada.id, emoji: "❤️" }]);
    expect(await eventsAfter(ada, roomId, party.position?.index ?? 0)).toBe(2);
  });

  test("ignores the withdrawal of a missing reaction, and refuses a reaction that is not an emoji", async () => {
    const { ada, roomId } = await createChatScene(dialect);
    const { messageId, position } = await ada.send(roomId, "Hello");
    const react = (emoji: string | null, id: string = messageId) =>
      ada.rpc.chat.react.mutate({ roomId, messageId: id, emoji });

    expect(await react(null)).toMatchObject({ position: null, emoji: null });
    for (const emoji of ["", "a", "👍👍", "<script>", "\0", "\ud83d", "👍".repeat(17)]) {
      await expectRefusal(react(emoji), "input/invalid");
    }
    await expectRefusal(react("👍", uuidv7()), "not-found");
    expect(await eventsAfter(ada, roomId, position.index)).toBe(0);
  });

  test("writes edits, removals and reactions for a sealed segment to the newest one", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect, { segmentEvents: 4 });
    const [one, two] = [await ada.send(roomId, "One"), await ada.send(roomId, "Two")];
    for (const text of ["Three", "Four", "Five"]) await ada.send(roomId, text);
    expect(one.position).toEqual({ segment: 0, index: 2 });
    expect(two.position).toEqual({ segment: 1, index: 0 });

    const edit = await ada.rpc.chat.edit.mutate({ roomId, messageId: one.messageId, text: "1" });
    await bo.rpc.chat.react.mutate({ roomId, messageId: one.messageId, emoji: "👍" });
    await ada.rpc.chat.edit.mutate({ roomId, messageId: two.messageId, text: "2" });
    await ada.rpc.chat.remove.mutate({ roomId, messageId: two.messageId });

    expect(edit.position.segment).toBeGreaterThan(one.position.segment);
    expect(await bo.texts(roomId)).toEqual(["1", null, "Three", "Four", "Five"]);
    const { items } = await bo.rpc.chat.history.query({ roomId });
    expect(items.at(-1)?.reactions).toEqual([{ userId: bo.id, emoji: "👍" }]);
  });

  test("applies a command of each kind only once", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect);
    const { messageId } = await ada.send(roomId, "One");
    const [edit, reaction, read] = [uuidv7(), uuidv7(), uuidv7()];
    const twice = async <Answer>(call: () => Promise<Answer>) => {
      const [first, second] = await Promise.all([call(), call()]);
      expect(second).toEqual(first);
      return first;
    };

    await twice(() => ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Two", commandId: edit }));
    await twice(() => bo.rpc.chat.react.mutate({ roomId, messageId, emoji: "👍", commandId: reaction }));
    const position = { segment: 0, index: 2 };
    await twice(() => bo.rpc.chat.markRead.mutate({ roomId, position, commandId: read }));
    const removal = await twice(() => ada.rpc.chat.remove.mutate({ roomId, messageId, commandId: uuidv7() }));

    expect(removal.position).toEqual({ segment: 0, index: 5 });
  });
});
