import { randomUUID } from "node:crypto";
import {
  CLOSE_CODES,
  roomDocumentName,
  userDocumentName,
  type RoomId,
  type UserId,
} from "@edvoyage/protocol";
import { createStudent, openGroup } from "../students/student.ts";
import { connectRaw, until } from "../network/sync-client.ts";
import type { World } from "../servers/world.ts";

/** A caller that opens a document, and the expected result. */
export interface DocumentCase {
  readonly name: string;
  readonly caller: string;
  readonly token: string | undefined;
  /** `open`, or the expected close code. */
  readonly expected: "open" | number;
}

const { noSession, forbidden } = CLOSE_CODES;

/** Returns names that resemble document names but are not. */
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
 * Builds a student's document and a room with two segments, and every kind of caller that may ask for them. The room
 * shows history from joining: one member left during the first segment, and one joined in the second.
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
    "a caller with an unknown key": "x".repeat(43),
    "an admin": world.adminToken,
    "a session that has ended": ended.token,
    "another student": other.token,
    "a former member": former.token,
    "a member blocked by the owner": blocked.token,
    "a member who joined later": late.token,
    "the owner": owner.token,
  };
  const segment = (index: number) => roomDocumentName(roomId as RoomId, index);
  const opens: Readonly<Record<string, readonly string[]>> = {
    "the owner": [userDocumentName(owner.id as UserId), segment(0), segment(1)],
    // A block does not remove anybody from a shared room.
    "a member blocked by the owner": [segment(0), segment(1)],
    "a member who joined later": [segment(1)],
  };
  const names = [userDocumentName(owner.id as UserId), segment(0), segment(1), segment(2)];
  const withoutSession = new Set([
    "nobody",
    "a caller with an unknown key",
    "an admin",
    "a session that has ended",
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

/** Sync step 1 of a client with an empty document: requests everything. */
const ASK_FOR_ALL = [0, 0, 1, 0] as const;

/**
 * Opens a document and requests all of it. Returns `open` if anything arrives, otherwise the close code, and how many
 * bytes arrived.
 */
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
