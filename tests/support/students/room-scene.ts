import type { TestDialect } from "../databases/databases.ts";
import { createStudent, type Student } from "./student.ts";
import { createWorld, type WorldOptions } from "../servers/world.ts";

/** Creates a world with three students. */
export const createRoomScene = async (dialect: TestDialect, limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ dialect, limits });
  const [ada, bo, cy] = [await createStudent(world), await createStudent(world), await createStudent(world)];
  return { world, ada, bo, cy };
};

/** Returns the role of each member of a room. */
export const rolesOf = async (student: Student, roomId: string): Promise<Record<string, string>> => {
  const { members } = await student.rpc.chat.rooms.get.query({ roomId });
  return Object.fromEntries(members.map(({ userId, role }) => [userId, role]));
};

/** Returns the rooms of a student. */
export const roomIds = async ({ rpc }: Student): Promise<string[]> =>
  (await rpc.chat.rooms.list.query({ limit: 100 })).items.map(({ id }) => id);
