import { prepare, type Queries } from "@edvoyage/db";
import type { RoomId, UserId } from "@edvoyage/protocol";
import type { LogAccess } from "../sync/sync.ts";

const membership = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("from_segment")
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId)
    .where("left_at", "is", null),
);

const members = prepare<{ roomId: RoomId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("user_id")
    .where("room_id", "=", param.roomId)
    .where("left_at", "is", null),
);

const formerMembers = prepare<{ roomId: RoomId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("user_id")
    .where("room_id", "=", param.roomId)
    .where("left_at", "is not", null),
);

/** A room's log is read by its members, each from the segment in which she joined or from the first. */
export const createRoomAccess = ({ read }: { readonly read: Queries }): LogAccess => ({
  firstReadableSegment: async (roomId, userId) =>
    (await read.first(membership, { roomId, userId }))?.from_segment,
  formerReaders: async (roomId) => (await read.all(formerMembers, { roomId })).map((row) => row.user_id),
  readers: async (roomId) => (await read.all(members, { roomId })).map((row) => row.user_id),
});
