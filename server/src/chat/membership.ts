import type { UnitOfWork } from "@edvoyage/db";
import { EVENT_VERSION, type Limits, type RoomId, type RoomRole, type UserId } from "@edvoyage/protocol";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { SyncHints } from "../sync/sync.ts";
import { eventToEntry } from "./events.ts";
import { hintInboxes } from "./hint-inboxes.ts";
import { roomQueries as queries, type RoomRow } from "./rooms.store.ts";

/** Students who join a room together. */
export interface Joining {
  readonly roomId: RoomId;
  readonly userIds: readonly UserId[];
  /** The student who opened the room, or who added or invited them. */
  readonly by: UserId;
  readonly role?: RoomRole;
  /** The first segment that they may read. */
  readonly fromSegment: number;
  /**
   * Both students of a direct room; absent for groups. A student who returns keeps the old read position, so messages sent in
   * the meantime are unread.
   */
  readonly pair?: readonly UserId[];
  readonly now: number;
}

/** A student who leaves a room or is removed from it. */
export interface Leaving {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** The student themself when they leave, otherwise the student who removed them. */
  readonly by: UserId;
  readonly now: number;
}

/** Joining and leaving. Each always changes the member's row, the room's log and the room's member count together. */
export interface Membership {
  /** Returns the room as its member sees it and holds its lock until the unit of work ends. Throws `not-found`. */
  lockRoom(tx: UnitOfWork, roomId: RoomId, userId: UserId): Promise<RoomRow>;
  join(tx: UnitOfWork, joining: Joining): Promise<void>;
  /** Returns the first segment that a student who joins now may read. A `fromJoining` room starts a new segment. */
  firstSegment(tx: UnitOfWork, room: Pick<RoomRow, "id" | "history">, now: number): Promise<number>;
  /**
   * Ends a membership and tells the open sockets after the commit. If the owner leaves, another member becomes the owner.
   * If the last member leaves, the room's invitations are withdrawn.
   */
  leave(tx: UnitOfWork, leaving: Leaving): Promise<void>;
  /** Tells the open sockets after the commit that the room's log and these students' inboxes changed. Call it after `join`. */
  hintChanged(tx: UnitOfWork, roomId: RoomId, userIds: readonly UserId[]): void;
  /** Throws `limit/reached` (roomsPerUser). */
  assertMayJoin(tx: UnitOfWork, userId: UserId): Promise<void>;
}

export interface MembershipDeps {
  readonly logs: Pick<RoomLogs, "append" | "roll">;
  readonly hints: Pick<SyncHints, "logChanged" | "readerGone" | "inboxChanged">;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "roomsPerUser">;
}

export const createMembership = ({ logs, hints, newId, limits }: MembershipDeps): Membership => ({
  lockRoom: async (tx, roomId, userId) => {
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
        peerId: pair?.find((memberId) => memberId !== userId) ?? null,
        now,
        fromSegment,
        // Messages from before the student joined count as read.
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
    const room = await tx.first(queries.addToCount, { roomId, members: -1, now });
    const isEmpty = room?.member_count === 0;
    const uninvited = isEmpty ? await tx.all(queries.endInvitations, { roomId }) : [];
    const nextOwner =
      leaver?.role === "owner" && !isEmpty ? await tx.first(queries.nextOwner, { roomId }) : undefined;
    if (nextOwner) await tx.all(queries.setRole, { roomId, userId: nextOwner.user_id, role: "owner", now });
    tx.onCommit(() => {
      hints.logChanged(roomId);
      hints.readerGone(roomId, userId);
    });
    hintInboxes(tx, { hints, userIds: [userId, ...uninvited.map((row) => row.user_id)] });
  },

  hintChanged: (tx, roomId, userIds) => {
    tx.onCommit(() => hints.logChanged(roomId));
    hintInboxes(tx, { hints, userIds });
  },

  assertMayJoin: async (tx, userId) => {
    const joined = await tx.first(queries.countCurrentRooms, { userId });
    if (joined && joined.count >= limits.roomsPerUser) {
      throw new AppError("limit/reached", "This student has reached the limit of rooms.", {
        limit: "roomsPerUser",
      });
    }
  },
});

/** The same error for a room that does not exist and for one that the caller is not in. */
export const noSuchRoom = () => new AppError("not-found", "There is no such room.");
