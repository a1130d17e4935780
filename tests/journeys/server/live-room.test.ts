import { MESSAGE_TYPES } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openGroup, type Student } from "../../support/students/student.ts";
import { connectRaw, connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";

const createScene = async (dialect: TestDialect) => {
  const world = await createWorld({ dialect });
  const [ada, bo, cy] = [await createStudent(world), await createStudent(world), await createStudent(world)];
  const roomId = await openGroup(ada, [bo, cy]);
  /** Opens a segment of the room with a student's stock client. */
  const follow = async ({ token }: Student, segment = 0) => {
    const client = connectStock({ url: world.url, token }, `room/${roomId}/${segment}`);
    await client.synced();
    return client;
  };
  return { world, ada, bo, cy, roomId, follow };
};

describe.each(DIALECTS)("an open room, on %s", (dialect) => {
  test("[SY1] [SY25] shows everybody the same: who joined, what was said, and nothing of what was removed", async () => {
    const { ada, bo, cy, roomId, follow } = await createScene(dialect);
    const clients = [await follow(ada), await follow(bo)];
    const { messageId } = await ada.send(roomId, "Secret");
    await ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Secret 2" });
    await bo.send(roomId, "What?", messageId);

    await ada.rpc.chat.remove.mutate({ roomId, messageId });
    await until(() => clients.every(({ events }) => events().at(-1)?.[1] === "remove"));
    clients.push(await follow(cy));

    for (const { events, texts } of clients) {
      expect(texts()).toEqual(["What?"]);
      expect(events().map((event) => event[1])).toEqual(["joined", "joined", "joined", "message", "remove"]);
      expect(events().map((event) => event[3])).toEqual([ada.id, bo.id, cy.id, bo.id, ada.id]);
    }
  });

  test.each(["leaves", "is removed"])(
    "[SY15] closes at once and for good for a member who %s",
    async (how) => {
      const { ada, bo, roomId, follow } = await createScene(dialect);
      const bosClient = await follow(bo);

      await (how === "leaves"
        ? bo.rpc.chat.rooms.leave.mutate({ roomId })
        : ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id }));
      await ada.send(roomId, "Without Bo");

      expect(await bosClient.closed()).toBe(4403);
      expect(bosClient.texts()).toEqual([]);
    },
  );

  test("[SY16] refuses a newcomer the segments before the one in which they joined", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const dora = await createStudent(world);
    const roomId = await openGroup(ada, [bo], { history: "fromJoining" });
    await ada.send(roomId, "Before Dora");
    await dora.knows(ada);
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [dora.id] });
    const target = { url: world.url, token: dora.token };

    expect(await connectStock(target, `room/${roomId}/0`).closed()).toBe(4403);
    const dorasClient = connectStock(target, `room/${roomId}/1`);
    await dorasClient.synced();
    expect(dorasClient.events()).toMatchObject([
      [1, "joined", expect.any(String), dora.id, expect.any(Number), ada.id],
    ]);
  });

  test("[SY39] tells members who are elsewhere that messages, reading positions and invitations changed their inbox", async () => {
    const { world, ada, bo, roomId } = await createScene(dialect);
    const { received } = await connectRaw({ url: world.url, token: bo.token }, `user/${bo.id}`);
    const hints = () => received.filter((frame) => frame[0] === MESSAGE_TYPES.inbox).length;
    /** Waits until Bo's socket is told of what this act changes. */
    const expectHint = async (act: () => Promise<unknown>): Promise<void> => {
      const before = hints();
      await act();
      await untilWithin({ clock: world.clock, within: { seconds: 1 } }, () => hints() > before);
    };

    await expectHint(() => ada.send(roomId, "Hello"));
    await expectHint(() => ada.rpc.chat.markRead.mutate({ roomId, position: { segment: 0, index: 3 } }));
    await expectHint(() => ada.rpc.chat.rooms.rename.mutate({ roomId, name: "New" }));
    await bo.rpc.contacts.remove.mutate({ userId: ada.id });
    await expectHint(() => ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [bo.id] }));
  });
});
