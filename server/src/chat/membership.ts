import type { UnitOfWork } from "@edvoyage/db";
import { EVENT_VERSION, type Limits, type RoomId, type RoomRole, type UserId } from "@edvoyage/protocol";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import { eventToEntry } from "./events.ts";
import { roomQueries as queries, type RoomRow } from "./rooms.store.ts";

/** Who comes into a room, and how. */
export interface Joining {
  readonly roomId: RoomId;
  readonly userIds: readonly UserId[];
  /** Who opened, added or invited. */
  readonly by: UserId;
  readonly role?: RoomRole;
  /** The first segment that they may read. */
  readonly fromSegment: number;
  /** Of a direct room, both: one who comes back to it finds unread what was written meanwhile. */
  readonly pair?: readonly UserId[];
  readonly now: number;
}

/** Who goes. */
export interface Leaving {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** Herself, or who removed her. */
  readonly by: UserId;
  readonly now: number;
}

/** Coming and going: the row, the event in the log and the room's count, always together. */
export interface Membership {
  /** The room as its member sees it, with its lock held: nothing of it changes until the unit ends. Throws `not-found`. */
  roomOf(tx: UnitOfWork, roomId: RoomId, userId: UserId): Promise<RoomRow>;
  join(tx: UnitOfWork, joining: Joining): Promise<void>;
  /** From where one who comes now may read: a room that shows history from joining starts a new segment. */
  firstSegment(tx: UnitOfWork, room: Pick<RoomRow, "id" | "history">, now: number): Promise<number>;
  /** Hands the room over when its owner goes, and takes its invitations back with the last one out: returns whose. */
  leave(tx: UnitOfWork, leaving: Leaving): Promise<readonly UserId[]>;
  /** Throws `limit/reached` (roomsPerUser). */
  assertMayJoin(tx: UnitOfWork, userId: UserId): Promise<void>;
}

export interface MembershipDeps {
  readonly logs: Pick<RoomLogs, "append" | "roll">;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "roomsPerUser">;
}

export const createMembership = ({ logs, newId, limits }: MembershipDeps): Membership => ({
  roomOf: async (tx, roomId, userId) => {
    await tx.lock(`log:${roomId}`);
    const room = await tx.first(queries.byMember, { roomId, userId });
    if (!room) throw noSuchRoom();
    return room;
  },

  join: async (tx, { roomId, userIds, by, role = "member", fromSegment, pair, now }) => {
    for (const userId of userIds) {
      const former = pair ? await tx.first(queries.member, { roomId, userId }) : undefined;
      const joined = eventToEntry(roomId, [EVENT_VERSION, "joined", newId(now), userId, now, by]);
      const position = await logs.append(tx, roomId, joined);
      await tx.all(queries.upsertMember, {
        roomId,
        userId,
        role,
        peerId: pair?.find((one) => one !== userId) ?? null,
        now,
        fromSegment,
        // What was written before her is no news to her.
        readSegment: former?.read_segment ?? position.segment,
        readPosition: former?.read_position ?? position.index,
      });
    }
    await tx.first(queries.addToCount, { roomId, members: userIds.length, now });
  },

  firstSegment: async (tx, { id, history }, now) => (history === "all" ? 0 : logs.roll(tx, id, now)),

  leave: async (tx, { roomId, userId, by, now }) => {
    const leaver = await tx.first(queries.member, { roomId, userId });
    await logs.append(tx, roomId, eventToEntry(roomId, [EVENT_VERSION, "left", newId(now), userId, now, by]));
    await tx.all(queries.endMembership, { roomId, userId, now });
    const left = await tx.first(queries.addToCount, { roomId, members: -1, now });
    if (left?.member_count === 0) {
      return (await tx.all(queries.endInvitations, { roomId })).map((row) => row.user_id);
    }
    const heir = leaver?.role === "owner" ? await tx.first(queries.heir, { roomId }) : undefined;
    if (heir) await tx.all(queries.setRole, { roomId, userId: heir.user_id, role: "owner", now });
    return [];
  },

  assertMayJoin: async (tx, userId) => {
    const own = await tx.first(queries.countOwn, { userId });
    if (own && own.count >= limits.roomsPerUser) {
      throw new AppError("limit/reached", "This student is in as many rooms as there may be.", {
        limit: "roomsPerUser",
      });
    }
  },
});

export const noSuchRoom = () => new AppError("not-found", "There is no such room.");
