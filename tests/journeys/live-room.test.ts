import { MESSAGE_TYPES } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DIALECTS, type TestDialect } from "../support/databases.ts";
import { createStudent, openGroup, type Student } from "../support/student.ts";
import { connectRaw, connectStock, until } from "../support/sync-client.ts";
import { createWorld } from "../support/world.ts";

const createScene = async (dialect: TestDialect) => {
  const world = await createWorld({ dialect });
  const [ada, bo, cy] = [await createStudent(world), await createStudent(world), await createStudent(world)];
  const roomId = await openGroup(ada, [bo, cy]);
  /** A student's stock client of a segment of the room. */
  const follow = async ({ token }: Student, segment = 0) => {
    const client = connectStock({ url: world.url, token }, `room/${roomId}/${segment}`);
    await client.synced();
    return client;
  };
  return { world, ada, bo, cy, roomId, follow };
};

describe.each(DIALECTS)("a room that is open on screens, on %s", (dialect) => {
  test("shows all the same: who came, what was said, and nothing of what was removed", async () => {
    const { ada, bo, cy, roomId, follow } = await createScene(dialect);
    const screens = [await follow(ada), await follow(bo)];
    const { messageId } = await ada.send(roomId, "Secret");
    await ada.rpc.chat.edit.mutate({ roomId, messageId, text: "Secret 2" });
    await bo.send(roomId, "What?", messageId);

    await ada.rpc.chat.remove.mutate({ roomId, messageId });
    await until(() => screens.every(({ events }) => events().at(-1)?.[1] === "remove"));
    screens.push(await follow(cy));

    for (const { events, texts } of screens) {
      expect(texts()).toEqual(["What?"]);
      expect(events().map((event) => event[1])).toEqual(["joined", "joined", "joined", "message", "remove"]);
      expect(events().map((event) => event[3])).toEqual([ada.id, bo.id, cy.id, bo.id, ada.id]);
    }
  });

  test.each(["leaves", "is removed"])("closes to one who %s, at once and for good", async (how) => {
    const { ada, bo, roomId, follow } = await createScene(dialect);
    const screen = await follow(bo);

    await (how === "leaves"
      ? bo.rpc.chat.rooms.leave.mutate({ roomId })
      : ada.rpc.chat.rooms.removeMember.mutate({ roomId, userId: bo.id }));
    await ada.send(roomId, "Without Bo");

    expect(await screen.closed()).toBe(4403);
    expect(screen.texts()).toEqual([]);
  });

  test("is not open to a newcomer before the segment in which she joined", async () => {
    const { world, ada, bo } = await createScene(dialect);
    const dora = await createStudent(world);
    const roomId = await openGroup(ada, [bo], { history: "fromJoining" });
    await ada.send(roomId, "Before Dora");
    await dora.knows(ada);
    await ada.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [dora.id] });
    const target = { url: world.url, token: dora.token };

    expect(await connectStock(target, `room/${roomId}/0`).closed()).toBe(4403);
    const screen = connectStock(target, `room/${roomId}/1`);
    await screen.synced();
    expect(screen.events()).toMatchObject([
      [1, "joined", expect.any(String), dora.id, expect.any(Number), ada.id],
    ]);
  });

  test("tells those who are elsewhere that their inbox changed: of messages, reading and invitations", async () => {
    const { world, ada, bo, roomId } = await createScene(dialect);
    const { received } = await connectRaw({ url: world.url, token: bo.token }, `user/${bo.id}`);
    const hints = () => received.filter((frame) => frame[0] === MESSAGE_TYPES.inbox).length;
    /** Whether Bo is told of what is done now. */
    const tells = async (act: () => Promise<unknown>): Promise<void> => {
      const before = hints();
      await act();
      await until(() => {
        world.clock.advance({ ms: 500 });
        return hints() > before;
      });
    };

    await tells(() => ada.send(roomId, "Hello"));
    await tells(() => ada.rpc.chat.markRead.mutate({ roomId, position: { segment: 0, index: 3 } }));
    await tells(() => ada.rpc.chat.rooms.rename.mutate({ roomId, name: "New" }));
    await bo.rpc.contacts.remove.mutate({ userId: ada.id });
    await tells(() => ada.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [bo.id] }));
  });
});
