import type { Queries } from "@edvoyage/db";
import type { LogAccess } from "../sync/sync.ts";
import { memberIds, roomQueries as queries } from "./rooms.store.ts";

/** Who may read a room's log: its members, each from where she joined; decided from rows. */
export const createRoomAccess = ({ read }: { readonly read: Queries }): LogAccess => ({
  firstReadableSegment: async (roomId, userId) =>
    (await read.first(queries.readable, { roomId, userId }))?.from_segment,
  formerReaders: async (roomId) => (await read.all(queries.former, { roomId })).map((row) => row.user_id),
  readers: (roomId) => memberIds(read, roomId),
});
