import { expect } from "vitest";
import type { TestDialect } from "../databases/databases.ts";
import { createStudent, openDirect, type Student } from "./student.ts";
import { createWorld, type WorldOptions } from "../servers/world.ts";

/** Creates a world with three students, of whom two share a room. */
export const createChatScene = async (dialect: TestDialect, limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ dialect, limits });
  const [ada, bo, cy] = [await createStudent(world), await createStudent(world), await createStudent(world)];
  return { world, ada, bo, cy, roomId: await openDirect(ada, bo) };
};

/** Returns the newest event of a room. */
export const newestOf = async ({ rpc }: Student, roomId: string) => {
  const newest = (await rpc.chat.history.query({ roomId, limit: 1 })).items[0];
  return newest ?? expect.fail("the room is empty");
};

/** Returns the number of events after this index in the newest segment; 0 when it is the newest. */
export const eventsAfter = async ({ rpc }: Student, roomId: string, index: number): Promise<number> => {
  const { rooms } = await rpc.inbox.changes.query();
  const room = rooms.find(({ id }) => id === roomId);
  return room?.state === "member" ? room.head.index - index : expect.fail("not in the room");
};
