import type { Queries, UnitOfWork } from "@edvoyage/db";
import type { Room, RoomDetails, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { AppError } from "../platform/errors.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { SyncHints } from "../sync/sync.ts";
import { hintInboxes } from "./hint-inboxes.ts";
import { noSuchRoom, type Membership } from "./membership.ts";
import { withoutRepeats, type NewRoom, type RoomCreation } from "./room-creation.ts";
import { memberIds, roomQueries as queries, roomsPage, type RoomRow } from "./rooms.store.ts";

/**
 * Chat rooms and their members. Every method throws `not-found` for a room that the caller is not in. Actions that only the
 * owner and admins may take throw `forbidden` for other members and in direct rooms. A change returns the room as it is now,
 * also when the command is repeated. If the caller is no longer in the room, only its id and kind are filled in.
 */
export interface Rooms {
  /** Newest first. */
  list(
    userId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Room>>;
  get(userId: UserId, roomId: RoomId): Promise<RoomDetails>;
  /**
   * Creates a group, or opens the one direct room of a pair: the existing room, otherwise a new one. In a group, students who
   * have the caller among their contacts join at once, and the others are invited. Throws `not-found` for an unknown student,
   * `forbidden` where one student has blocked the other, `limit/reached` (roomsPerUser, roomMembers,
   * directRoomsWithStrangersPerDay).
   */
  create(source: CommandSource, input: NewRoom): Promise<RoomDetails>;
  rename(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly name: string },
  ): Promise<RoomDetails>;
  /** Only for the owner. An owner who makes another member the owner becomes an admin. */
  setRole(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly userId: UserId; readonly role: RoomRole },
  ): Promise<RoomDetails>;
  /** Adds or invites students as `create` does. Members stay members, and open invitations stay open. */
  addMembers(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly memberIds: readonly UserId[] },
  ): Promise<RoomDetails>;
  /** Removes a member or withdraws an invitation. Only the owner may remove an admin. */
  removeMember(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly userId: UserId },
  ): Promise<RoomDetails>;
  /** If the owner leaves, the oldest admin becomes the owner, otherwise the oldest member. */
  leave(source: CommandSource, input: { readonly roomId: RoomId }): Promise<{ readonly roomId: RoomId }>;
  /** Throws `not-found` if the caller is not invited, `limit/reached` (roomsPerUser). */
  acceptInvitation(source: CommandSource, input: { readonly roomId: RoomId }): Promise<RoomDetails>;
  /** Throws `not-found` if the caller is not invited. */
  declineInvitation(
    source: CommandSource,
    input: { readonly roomId: RoomId },
  ): Promise<{ readonly roomId: RoomId }>;
}

export interface RoomsDeps {
  readonly read: Queries;
  readonly commands: Pick<Commands, "execute">;
  readonly membership: Membership;
  readonly roomCreation: RoomCreation;
  readonly hints: Pick<SyncHints, "inboxChanged">;
}

export const createRooms = ({ read, commands, membership, roomCreation, hints }: RoomsDeps): Rooms => {
  const find = async (userId: UserId, roomId: RoomId): Promise<RoomDetails | undefined> => {
    const [room, members, invited] = await Promise.all([
      read.first(queries.byMember, { roomId, userId }),
      read.all(queries.members, { roomId }),
      read.all(queries.invited, { roomId, viewerId: userId }),
    ]);
    if (!room) return undefined;
    return {
      ...rowToRoom(room),
      members: members.map((row) => ({
        userId: row.user_id,
        name: row.name,
        role: row.role,
        joinedAt: row.joined_at,
      })),
      invited: invited.map((row) => ({
        userId: row.user_id,
        name: row.name,
        invitedBy: row.invited_by,
        at: row.at,
      })),
    };
  };

  /** Returns the room as it is now. `kind` is needed only to open a room; every other change is of a group. */
  const change = async (
    source: CommandSource,
    command: { readonly procedure: string; readonly input: unknown; readonly kind?: RoomKind },
    act: (tx: UnitOfWork, now: number) => Promise<RoomId>,
  ): Promise<RoomDetails> => {
    const id = await commands.execute(source, command, act);
    const { kind = "group" } = command;
    // The caller has left or was removed in the meantime; the command still took effect.
    return (await find(source.userId, id)) ?? { ...UNREADABLE_ROOM, id, kind };
  };

  /** Locks and returns a group that the student may administer. */
  const lockAdministeredRoom = async (tx: UnitOfWork, roomId: RoomId, userId: UserId): Promise<RoomRow> => {
    const room = await membership.lockRoom(tx, roomId, userId);
    if (room.kind === "group" && room.role !== "member") return room;
    throw new AppError("forbidden", "Only the owner and the admins of a group may do this.");
  };

  return {
    get: async (userId, roomId) => {
      const room = await find(userId, roomId);
      if (!room) throw noSuchRoom();
      return room;
    },

    list: async (userId, { cursor, limit }) => {
      const before = parseCursor(cursor, "rooms", z.tuple([z.string()]));
      const rows = await roomsPage(read, {
        userId,
        before: before && toRoomId(before[0]),
        limit: limit + 1,
      });
      return toPage(rows, limit, { list: "rooms", itemOf: rowToRoom, positionOf: ({ id }) => [id] });
    },

    create: (source, input) => {
      const { userId } = source;
      const otherId = input.kind === "direct" ? input.memberIds[0] : undefined;
      if (otherId === userId) throw invalid("memberIds", "A direct room needs another student");
      const { kind } = input;
      return change(source, { procedure: "chat.rooms.create", input, kind }, async (tx, now) => {
        // One room at a time for each student, so that the limits hold.
        await tx.lock(`rooms:${userId}`);
        if (input.kind === "group") return roomCreation.createGroup(tx, { userId, now }, input);
        if (otherId === undefined || input.memberIds.length > 1) {
          throw invalid("memberIds", "A direct room needs exactly one other student");
        }
        return roomCreation.openDirect(tx, { userId, now }, otherId);
      });
    },

    rename: (source, input) =>
      change(source, { procedure: "chat.rooms.rename", input }, async (tx, now) => {
        const { roomId, name } = input;
        await lockAdministeredRoom(tx, roomId, source.userId);
        await tx.all(queries.rename, { roomId, name, now });
        hintInboxes(tx, { hints, userIds: await memberIds(tx, roomId) });
        return roomId;
      }),

    setRole: (source, input) =>
      change(source, { procedure: "chat.rooms.setRole", input }, async (tx, now) => {
        const { roomId, userId, role } = input;
        const room = await lockAdministeredRoom(tx, roomId, source.userId);
        if (room.role !== "owner") throw new AppError("forbidden", "Only the owner may change roles.");
        if (userId === source.userId)
          throw invalid("userId", "An owner cannot change their own role; make another member the owner");
        await assertMember(tx, roomId, userId);
        await tx.all(queries.setRole, { roomId, userId, role, now });
        if (role === "owner")
          await tx.all(queries.setRole, { roomId, userId: source.userId, role: "admin", now });
        await tx.all(queries.setChangedAt, { roomId, now });
        hintInboxes(tx, { hints, userIds: await memberIds(tx, roomId) });
        return roomId;
      }),

    addMembers: (source, input) =>
      change(source, { procedure: "chat.rooms.addMembers", input }, async (tx, now) => {
        const { roomId } = input;
        const { userId } = source;
        const room = await lockAdministeredRoom(tx, roomId, userId);
        const presentIds = new Set(await memberIds(tx, roomId));
        const userIds = withoutRepeats(input.memberIds).filter((id) => !presentIds.has(id));
        await roomCreation.addOrInvite(tx, { userId, now }, { room, userIds });
        membership.hintChanged(tx, roomId, userIds);
        return roomId;
      }),

    removeMember: (source, input) =>
      change(source, { procedure: "chat.rooms.removeMember", input }, async (tx, now) => {
        const { roomId, userId } = input;
        const room = await lockAdministeredRoom(tx, roomId, source.userId);
        if (userId === source.userId) throw invalid("userId", "Use chat.rooms.leave to leave a room");
        if (await tx.first(queries.endInvitation, { roomId, userId })) {
          hintInboxes(tx, { hints, userIds: [userId] });
          return roomId;
        }
        const { role } = await assertMember(tx, roomId, userId);
        if (role !== "member" && room.role !== "owner") {
          throw new AppError("forbidden", "Only the owner may remove an admin.");
        }
        await membership.leave(tx, { roomId, userId, by: source.userId, now });
        return roomId;
      }),

    leave: (source, input) =>
      commands.execute(source, { procedure: "chat.rooms.leave", input }, async (tx, now) => {
        const { roomId } = input;
        const { userId } = source;
        await membership.lockRoom(tx, roomId, userId);
        await membership.leave(tx, { roomId, userId, by: userId, now });
        return { roomId };
      }),

    acceptInvitation: (source, input) =>
      change(source, { procedure: "chat.rooms.acceptInvitation", input }, async (tx, now) => {
        const { roomId } = input;
        const { userId } = source;
        await tx.lock(`rooms:${userId}`);
        await tx.lock(`log:${roomId}`);
        const invitation = await tx.first(queries.endInvitation, { roomId, userId });
        const room = invitation && (await tx.first(queries.byId, { roomId }));
        if (!room) throw noSuchInvitation();
        await membership.assertMayJoin(tx, userId);
        const fromSegment = await membership.firstSegment(tx, room, now);
        await membership.join(tx, { roomId, userIds: [userId], by: invitation.invited_by, fromSegment, now });
        membership.hintChanged(tx, roomId, [userId]);
        return roomId;
      }),

    declineInvitation: (source, input) =>
      commands.execute(source, { procedure: "chat.rooms.declineInvitation", input }, async (tx) => {
        const { roomId } = input;
        const { userId } = source;
        await tx.lock(`log:${roomId}`);
        if (!(await tx.first(queries.endInvitation, { roomId, userId }))) throw noSuchInvitation();
        hintInboxes(tx, { hints, userIds: [userId] });
        return { roomId };
      }),
  };
};

/** The fields of a room for a student who is no longer in it. */
const UNREADABLE_ROOM = {
  name: null,
  history: "all",
  role: "member",
  memberCount: 0,
  peer: null,
  fromSegment: 0,
  createdAt: 0,
  changedAt: 0,
  members: [],
  invited: [],
} as const satisfies Omit<RoomDetails, "id" | "kind">;

const assertMember = async (tx: UnitOfWork, roomId: RoomId, userId: UserId) => {
  const member = await tx.first(queries.member, { roomId, userId });
  if (!member || member.left_at !== null) throw new AppError("not-found", "There is no such member.");
  return member;
};

const noSuchInvitation = () => new AppError("not-found", "There is no such invitation.");

const invalid = (path: string, message: string) =>
  new AppError("input/invalid", `${message}.`, { issues: [{ path, message }] });

const toRoomId = (text: string): RoomId => text as RoomId;

const rowToRoom = (row: RoomRow): Room => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  history: row.history,
  role: row.role,
  memberCount: row.member_count,
  peer: row.peer_id === null ? null : { id: row.peer_id, name: row.peer_name },
  fromSegment: row.from_segment,
  createdAt: row.created_at,
  changedAt: row.changed_at,
});
