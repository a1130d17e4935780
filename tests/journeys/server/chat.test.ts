import { v7 as uuidv7 } from "uuid";
import { refusalOf } from "@edvoyage/client-sdk/rpc";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup } from "../../support/students/student.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";
import { createChatScene } from "../../support/students/chat-scene.ts";

describe.each(DIALECTS)("sending a message, on %s", (dialect) => {
  test("stores it at a position, with the command's id as its id, for both members", async () => {
    const { world, ada, bo, roomId } = await createChatScene(dialect);
    const commandId = uuidv7();

    const sent = await ada.rpc.chat.send.mutate({ roomId, text: "Namaste 👋", commandId });
    const answer = await bo.send(roomId, "Hi", sent.messageId);

    expect(sent).toEqual({
      messageId: commandId,
      position: { segment: 0, index: 2 },
      at: world.clock.now(),
    });
    expect((await bo.rpc.chat.history.query({ roomId })).items).toEqual([
      {
        id: answer.messageId,
        position: { segment: 0, index: 3 },
        authorId: bo.id,
        at: answer.at,
        text: "Hi",
        replyTo: sent.messageId,
        editedAt: null,
        reactions: [],
      },
      {
        id: commandId,
        position: { segment: 0, index: 2 },
        authorId: ada.id,
        at: sent.at,
        text: "Namaste 👋",
        replyTo: null,
        editedAt: null,
        reactions: [],
      },
    ]);
  });

  test("stores it once and returns one answer when its command arrives fifty times at once", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect);
    const command = { roomId, text: "Once", commandId: uuidv7() };

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        ada.rpc.chat.send.mutate(
          index % 2 ? command : { ...command, commandId: command.commandId.toUpperCase() },
        ),
      ),
    );

    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await bo.texts(roomId)).toEqual(["Once"]);
  });

  test("assigns each of fifty concurrent messages its own position", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect, { segmentEvents: 10 });
    const texts = Array.from({ length: 50 }, (_, index) => `Message ${index}`);

    const sent = await Promise.all(texts.map((text, index) => (index % 2 ? ada : bo).send(roomId, text)));

    const positions = sent.map(({ position: { segment, index } }) => `${segment}/${index}`);
    expect(new Set(positions).size).toBe(50);
    expect(new Set(await ada.texts(roomId))).toEqual(new Set(texts));
  });

  test("refuses a command id that was used for another content, room or student", async () => {
    const { ada, bo, cy, roomId } = await createChatScene(dialect);
    const other = await openDirect(ada, cy);
    const { messageId: commandId } = await ada.send(roomId, "Mine");

    const issues = { issues: [{ path: "commandId" }] };
    for (const [sender, room, text] of [
      [ada, roomId, "Another text"],
      [ada, other, "Mine"],
      [bo, roomId, "Mine"],
      [cy, other, "Mine"],
    ] as const) {
      await expectRefusal(
        sender.rpc.chat.send.mutate({ roomId: room, text, commandId }),
        "input/invalid",
        issues,
      );
    }
    await expectRefusal(
      ada.rpc.chat.edit.mutate({ roomId, messageId: commandId, text: "Mine", commandId }),
      "input/invalid",
      issues,
    );
    expect(await ada.texts(roomId)).toEqual(["Mine"]);
    expect(await ada.texts(other)).toEqual([]);
  });

  test("stores one message and refuses the other when two students use one id at once", async () => {
    const { ada, bo, cy, roomId } = await createChatScene(dialect);
    const other = await openDirect(cy, bo);

    for (let round = 0; round < 10; round += 1) {
      const commandId = uuidv7();
      const settled = await Promise.allSettled([
        ada.rpc.chat.send.mutate({ roomId, text: "Mine", commandId }),
        cy.rpc.chat.send.mutate({ roomId: other, text: "Mine", commandId }),
      ]);

      const refusals = settled.flatMap((result) =>
        result.status === "rejected" ? [refusalOf(result.reason)] : [],
      );
      expect(refusals).toMatchObject([{ reason: "input/invalid" }]);
    }
    expect((await bo.texts(roomId)).length + (await bo.texts(other)).length).toBe(10);
  });

  test("creates no second message when the command is repeated 91 days later", async () => {
    const world = await createWorld({ dialect });
    const [phone, bo] = [world.device(), await createStudent(world)];
    const { rpc } = await phone.signIn();
    const { id: roomId } = await rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [bo.id] });
    const command = { roomId, text: "Once", commandId: uuidv7() };
    const sent = await rpc.chat.send.mutate(command);

    world.clock.advance({ days: 91 });
    const later = await phone.signIn();

    expect(await later.rpc.chat.send.mutate(command)).toEqual(sent);
    expect((await later.rpc.chat.history.query({ roomId })).items).toHaveLength(1);
  });

  test("succeeds with a refused command once it is allowed", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect);
    const command = { roomId, text: "Sorry", commandId: uuidv7() };
    await bo.blocks(ada);
    await expectRefusal(ada.rpc.chat.send.mutate(command), "forbidden");
    await bo.rpc.contacts.update.mutate({ userId: ada.id, blocked: false });

    await ada.rpc.chat.send.mutate(command);

    expect(await bo.texts(roomId)).toEqual(["Sorry"]);
  });

  test("names the reason of every refusal", async () => {
    const { ada, cy, roomId } = await createChatScene(dialect, { messageCharacters: 10 });
    const other = await openDirect(ada, cy);
    const elsewhere = await ada.send(other, "Elsewhere");

    await expectRefusal(cy.send(roomId, "Hello"), "not-found");
    for (const unknown of [uuidv7(), "", "../../etc"]) {
      await expectRefusal(ada.send(unknown, "Hello"), "not-found");
    }
    await expectRefusal(ada.send("\0", "Hello"), "input/invalid");
    for (const text of ["", " ", "\n\t\u00a0", "a\0b", "\ud800", "a\udc00"]) {
      await expectRefusal(ada.send(roomId, text), "input/invalid");
    }
    await expectRefusal(ada.send(roomId, "12345678901"), "limit/reached", { limit: "messageCharacters" });
    await expectRefusal(ada.send(roomId, "Hello", uuidv7()), "not-found");
    await expectRefusal(ada.send(roomId, "Hello", elsewhere.messageId), "not-found");
    await expectRefusal(ada.send(roomId, "Hello", roomId), "not-found");
    for (const commandId of ["", "x", "5f2b8a4e-8f0e-4c1a-9d55-0123456789ab"]) {
      await expectRefusal(ada.rpc.chat.send.mutate({ roomId, text: "Hello", commandId }), "input/invalid");
    }
    await expectRefusal(ada.rpc.chat.send.mutate({ roomId, text: "Hello" } as never), "input/invalid");
    expect(await ada.texts(roomId)).toEqual([]);
    await ada.send(roomId, "1234567890");
  });

  test.each(["the sender", "the recipient"])(
    "fails in a direct room after a block by %s, as do edits and reactions",
    async (blocker) => {
      const { ada, bo, roomId } = await createChatScene(dialect);
      const { messageId } = await ada.send(roomId, "Before");
      await (blocker === "the recipient" ? bo.blocks(ada) : ada.blocks(bo));
      const { chat } = ada.rpc;

      await expectRefusal(ada.send(roomId, "Hello"), "forbidden");
      await expectRefusal(bo.send(roomId, "Hello"), "forbidden");
      await expectRefusal(chat.edit.mutate({ roomId, messageId, text: "Changed" }), "forbidden");
      await expectRefusal(chat.react.mutate({ roomId, messageId, emoji: "👎" }), "forbidden");
      expect(await bo.texts(roomId)).toEqual(["Before"]);
      await chat.remove.mutate({ roomId, messageId });
      expect(await bo.texts(roomId)).toEqual([null]);
    },
  );

  test("works in a shared group after the members have blocked each other", async () => {
    const { ada, bo, cy } = await createChatScene(dialect);
    const group = await openGroup(cy, [ada, bo]);
    await ada.blocks(bo);

    await bo.send(group, "Hello");

    expect(await ada.texts(group)).toEqual(["Hello"]);
  });

  test("has a rate limit that tells when to retry, and that does not count a repeated command", async () => {
    const { world, ada, bo, roomId } = await createChatScene(dialect, {
      messageBurst: 2,
      messagesPerSecond: 1,
    });
    const command = { roomId, text: "One", commandId: uuidv7() };
    const { messageId } = await ada.rpc.chat.send.mutate(command);
    await ada.send(roomId, "Two");

    const { details } = await expectRefusal(ada.send(roomId, "Three"), "rate/limited");
    expect(details).toEqual({ retryAfterSeconds: 1 });
    await expectRefusal(ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Changed" }), "rate/limited");
    await expectRefusal(ada.rpc.chat.react.mutate({ roomId, messageId, emoji: "👍" }), "rate/limited");
    await ada.rpc.chat.send.mutate(command);
    await bo.send(roomId, "Bo is not Ada");
    world.clock.advance({ seconds: 1 });
    await ada.send(roomId, "Three");
    await expectRefusal(ada.send(roomId, "Four"), "rate/limited");
    expect(await ada.texts(roomId)).toEqual(["One", "Two", "Bo is not Ada", "Three"]);
  });
});

describe.each(DIALECTS)("the history of a room, on %s", (dialect) => {
  test("comes newest first in pages, across segments", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect, { segmentEvents: 4 });
    const texts = Array.from({ length: 10 }, (_, index) => `Message ${index}`);
    for (const text of texts) await ada.send(roomId, text);

    const seen: (string | null)[] = [];
    let before: { segment: number; index: number } | null = null;
    do {
      const page: Awaited<ReturnType<typeof bo.rpc.chat.history.query>> = await bo.rpc.chat.history.query({
        roomId,
        limit: 3,
        before,
      });
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ text }) => text));
      before = page.nextCursor;
    } while (before);

    expect(seen).toEqual(texts.toReversed());
  });

  test("accepts a cursor outside the room's positions, and rejects a malformed one", async () => {
    const { ada, roomId } = await createChatScene(dialect);
    await ada.send(roomId, "Hello");
    const history = (before: unknown) => ada.rpc.chat.history.query({ roomId, before: before as never });

    expect((await history({ segment: 2 ** 31 - 1, index: 2 ** 31 - 1 })).items).toHaveLength(1);
    expect((await history({ segment: 0, index: -1 })).items).toEqual([]);
    for (const before of ["x", {}, { segment: -1, index: 0 }, { segment: 0.5, index: 0 }]) {
      await expectRefusal(history(before), "input/invalid");
    }
    await expectRefusal(history({ segment: 2 ** 31, index: 0 }), "input/invalid");
    await expectRefusal(ada.rpc.chat.history.query({ roomId, limit: 101 }), "input/invalid");
  });
});

describe.each(DIALECTS)("marking a room as read, on %s", (dialect) => {
  test("never moves the position back, nor past the end", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect, { segmentEvents: 4 });
    for (const text of ["1", "2", "3"]) await ada.send(roomId, text);
    const read = async (segment: number, index: number) =>
      (await bo.rpc.chat.markRead.mutate({ roomId, position: { segment, index } })).position;

    expect(await read(1, 0)).toEqual({ segment: 1, index: 0 });
    expect(await read(0, 2)).toEqual({ segment: 1, index: 0 });
    expect(await read(7, 300)).toEqual({ segment: 1, index: 1 });
    expect(await read(1, 0)).toEqual({ segment: 1, index: 1 });
    await ada.send(roomId, "4");
    expect(await read(1, 2)).toEqual({ segment: 1, index: 2 });
  });

  test("keeps the furthest position of several devices", async () => {
    const { ada, bo, roomId } = await createChatScene(dialect);
    for (let index = 0; index < 20; index += 1) await ada.send(roomId, `${index}`);

    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        bo.rpc.chat.markRead.mutate({ roomId, position: { segment: 0, index: ((index * 7) % 20) + 2 } }),
      ),
    );

    const last = await bo.rpc.chat.markRead.mutate({ roomId, position: { segment: 0, index: 0 } });
    expect(last.position).toEqual({ segment: 0, index: 21 });
  });
});
