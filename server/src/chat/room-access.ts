import type { Queries } from "@edvoyage/db";
import type { LogAccess } from "../sync/log-access.ts";
import { memberIds, roomQueries as queries } from "./rooms.store.ts";

/** Decides from the database who may read a room's log: its members, each from their first readable segment on. */
export const createRoomAccess = ({ read }: { readonly read: Queries }): LogAccess => ({
  firstReadableSegment: async (roomId, userId) =>
    (await read.first(queries.firstReadableSegment, { roomId, userId }))?.from_segment,
  formerReaders: async (roomId) =>
    (await read.all(queries.formerMembers, { roomId })).map((row) => row.user_id),
  readers: (roomId) => memberIds(read, roomId),
});
