import { randomUUID } from "node:crypto";
import {
  CLOSE_CODES,
  roomDocumentName,
  userDocumentName,
  type RoomId,
  type UserId,
} from "@edvoyage/protocol";
import { createStudent, openGroup } from "./student.ts";
import { connectRaw, until } from "./sync-client.ts";
import type { World } from "./world.ts";

/** Who opens a document, and what should come of it. */
export interface DocumentCase {
  readonly name: string;
  readonly caller: string;
  readonly token: string | undefined;
  /** `open`, or the close code. */
  readonly expected: "open" | number;
}

const { noSession, forbidden } = CLOSE_CODES;

/** What no document is called, for all that it is near to one that is. */
const malformedNames = (userId: string, roomId: string): string[] => [
  "",
  "user",
  "user/",
  `user/${userId}/`,
  `user/${userId}/0`,
  `user/${userId.toUpperCase()}`,
  `user%2f${userId}`,
  `user/${userId}%00`,
  `/user/${userId}`,
  `User/${userId}`,
  `user/${roomId}`,
  `room/${roomId}`,
  `room/${roomId}/`,
  `room/${roomId}/00`,
  `room/${roomId}/-1`,
  `room/${roomId}/0.0`,
  `room/${roomId}/1e0`,
  `room/${roomId}/0/0`,
  `room/${roomId}/999999999`,
  `room/${roomId}/9999999999`,
  `room/${userId}/0`,
  `room/${randomUUID()}/0`,
  `user/${randomUUID()}`,
];

/**
 * A student's document and a room of two segments, and everybody who might ask for them. The room shows history from
 * joining: one member left in the first segment, and one came in the second.
 */
export const createDocumentCases = async (world: World): Promise<DocumentCase[]> => {
  const student = () => createStudent(world);
  const [owner, other, blocked, former, late] = await Promise.all([
    student(),
    student(),
    student(),
    student(),
    student(),
  ]);
  const ended = await world.device().signIn();
  await ended.rpc.sessions.logout.mutate();
  const roomId = await openGroup(owner, [blocked, former], { history: "fromJoining" });
  await owner.send(roomId, "Said while all were there");
  await former.rpc.chat.rooms.leave.mutate({ roomId });
  await late.knows(owner);
  await owner.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [late.id] });
  await owner.send(roomId, "Said after one had left and one had come");
  await owner.blocks(blocked);

  const tokens: Readonly<Record<string, string | undefined>> = {
    nobody: undefined,
    "somebody with no key of ours": "x".repeat(43),
    "an admin": world.adminToken,
    "a session that is over": ended.token,
    "somebody else": other.token,
    "a former member": former.token,
    "one whom the owner has blocked": blocked.token,
    "one who came late": late.token,
    "the owner": owner.token,
  };
  const segment = (index: number) => roomDocumentName(roomId as RoomId, index);
  const opens: Readonly<Record<string, readonly string[]>> = {
    "the owner": [userDocumentName(owner.id as UserId), segment(0), segment(1)],
    // A block does not end a shared room.
    "one whom the owner has blocked": [segment(0), segment(1)],
    "one who came late": [segment(1)],
  };
  const names = [userDocumentName(owner.id as UserId), segment(0), segment(1), segment(2)];
  const withoutSession = new Set([
    "nobody",
    "somebody with no key of ours",
    "an admin",
    "a session that is over",
  ]);
  return [...names, ...malformedNames(owner.id, roomId)].flatMap((name) =>
    Object.entries(tokens).map(([caller, token]) => ({
      name,
      caller,
      token,
      expected: withoutSession.has(caller) ? noSession : opens[caller]?.includes(name) ? "open" : forbidden,
    })),
  );
};

/** Sync step 1 of who has nothing: asks for all. */
const ASK_FOR_ALL = [0, 0, 1, 0] as const;

/** Opens a document and asks for all of it: `open` when something comes, else the close code and how many bytes came before. */
export const openDocument = async (
  { url }: World,
  { name, token }: DocumentCase,
): Promise<{ readonly outcome: "open" | number; readonly bytes: number }> => {
  const client = await connectRaw({ url, token }, name);
  let code: number | undefined;
  void client.closed.then((closed) => (code = closed));
  client.send(...ASK_FOR_ALL);
  await until(() => code !== undefined || client.received.length > 0);
  const bytes = client.received.reduce((sum, { length }) => sum + length, 0);
  client.socket.terminate();
  return { outcome: code ?? "open", bytes };
};
