import type { Queries, UnitOfWork } from "@edvoyage/db";
import type { RoomId, UserId } from "@edvoyage/protocol";
import {
  BEFORE_ALL_IDS,
  collectAfter,
  giveWay,
  type ErasurePart,
  type ExportPart,
} from "../account/personal-data.ts";
import type { AuthoredEntry, RoomLogs } from "../sync/room-logs.ts";
import type { SyncHints } from "../sync/sync.ts";
import type { Membership } from "./membership.ts";
import { roomQueries as queries } from "./rooms.store.ts";

/** Returns every room that a student is or was in, in the order of their ids. */
const roomsEverJoined = (read: Queries, userId: UserId) =>
  collectAfter((after, limit) => read.all(queries.everJoined, { userId, after: toRoomId(after), limit }), {
    before: BEFORE_ALL_IDS,
    keyOf: ({ room_id: id }) => id,
  });

type JoinedRoom = Awaited<ReturnType<typeof roomsEverJoined>>[number];

/** Exports a student's rooms, invitations, and all messages, edits and reactions that they did not remove. */
export const createChatExport = ({
  read,
  logs,
}: {
  readonly read: Queries;
  readonly logs: Pick<RoomLogs, "authored">;
}): readonly ExportPart[] => [
  {
    name: "rooms",
    tables: ["rooms", "room_members"],
    read: async (userId) => (await roomsEverJoined(read, userId)).map(roomToExport),
  },
  {
    name: "invitations",
    tables: ["room_invitations"],
    read: async (userId) =>
      (await read.all(queries.invitationsOf, { userId })).map((row) => ({
        roomId: row.room_id,
        name: row.name,
        invitedBy: row.invited_by,
        at: row.at,
      })),
  },
  {
    name: "messages",
    tables: ["log_entries"],
    read: async (userId) => {
      const entries: unknown[] = [];
      for (const { room_id: id, head_segment: head } of await roomsEverJoined(read, userId)) {
        for (let segment = 0; segment <= head; segment += 1) {
          const found = await logs.authored(read, userId, { id, segment });
          entries.push(...found.map((entry) => entryToExport(entry, { id, segment })));
          await giveWay();
        }
      }
      return entries;
    },
  },
];

export interface ChatErasureDeps {
  readonly read: Queries;
  readonly logs: Pick<RoomLogs, "authored" | "redact" | "drop">;
  readonly membership: Membership;
  readonly hints: Pick<SyncHints, "logChanged">;
}

/**
 * Erases a student from chat. The student leaves each room in the normal way, so ownership passes to another member. Their
 * messages, edits and reactions are then redacted like removed messages, here and on every reader's device. A room with no
 * members left is deleted as a whole.
 */
export const createChatErasure = ({
  read,
  logs,
  membership,
  hints,
}: ChatErasureDeps): readonly ErasurePart[] => {
  const leaveOne = async (tx: UnitOfWork, userId: UserId, now: number): Promise<number> => {
    const room = await tx.first(queries.anyCurrentRoom, { userId });
    if (!room) return 0;
    const { room_id: roomId } = room;
    await tx.lock(`log:${roomId}`);
    const member = await tx.first(queries.member, { roomId, userId });
    if (!member || member.left_at !== null) return 1;
    await membership.leave(tx, { roomId, userId, by: userId, now });
    return 1;
  };

  const redactSegment = async (
    tx: UnitOfWork,
    userId: UserId,
    { id, segment, now }: { readonly id: RoomId; readonly segment: number; readonly now: number },
  ): Promise<number> => {
    await tx.lock(`log:${id}`);
    const content = (await logs.authored(tx, userId, { id, segment })).filter(isContent);
    await logs.redact(tx, id, { places: content.map(({ index }) => ({ segment, index })), now });
    tx.onCommit(() => hints.logChanged(id));
    return content.length;
  };

  return [
    {
      name: "memberships",
      erase: async (userId, run) => {
        while ((await run.step((tx, now) => leaveOne(tx, userId, now))) > 0);
      },
      settle: async (tx, userId, now) => {
        while ((await leaveOne(tx, userId, now)) > 0);
      },
    },
    {
      name: "entries of rooms",
      erase: async (userId, run) => {
        const rooms = await roomsEverJoined(read, userId);
        run.plan(rooms.reduce((sum, { head_segment: head }) => sum + head + 1, 0));
        for (const { room_id: id, head_segment: head } of rooms) {
          for (let segment = 0; segment <= head; segment += 1) {
            const hasContent = (await logs.authored(read, userId, { id, segment })).some(isContent);
            if (hasContent) await run.step((tx, now) => redactSegment(tx, userId, { id, segment, now }));
            else await giveWay();
            run.advance();
          }
        }
      },
    },
    {
      name: "abandoned rooms",
      erase: async (userId, run) => {
        for (const { room_id: roomId } of await roomsEverJoined(read, userId)) {
          const isAbandoned = await run.step(async (tx) => {
            await tx.lock(`log:${roomId}`);
            return (await tx.first(queries.abandon, { roomId })) ? 1 : 0;
          });
          if (isAbandoned === 0) continue;
          let hasMore = true;
          while (hasMore) {
            await run.step(async (tx) => {
              hasMore = await logs.drop(tx, roomId);
              return 0;
            });
          }
        }
      },
    },
  ];
};

/** Joining and leaving are no content: such an entry only says that somebody was there. */
const isContent = ({ kind }: AuthoredEntry): boolean =>
  kind === "message" || kind === "edit" || kind === "reaction";

const toRoomId = (text: string): RoomId => text as RoomId;

const roomToExport = (row: JoinedRoom) => ({
  id: row.room_id,
  kind: row.kind,
  // After leaving, a student may read neither the room's messages nor its new name.
  name: row.left_at === null ? row.name : null,
  role: row.role,
  peerId: row.peer_id,
  joinedAt: row.joined_at,
  leftAt: row.left_at,
  readUpTo: { segment: row.read_segment, index: row.read_position },
});

const entryToExport = (
  { id, kind, event, index }: AuthoredEntry,
  place: { readonly id: RoomId; readonly segment: number },
) => {
  const [, , , , at, first, second] = event;
  const common = { roomId: place.id, position: { segment: place.segment, index }, kind, id, at };
  switch (kind) {
    case "message":
      return { ...common, text: first, replyTo: second };
    case "edit":
      return { ...common, messageId: first, text: second };
    case "reaction":
      return { ...common, messageId: first, emoji: second };
    case "remove":
      return { ...common, messageId: first };
    default:
      return common;
  }
};
