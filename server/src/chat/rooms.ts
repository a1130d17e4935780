import type { Queries, UnitOfWork } from "@edvoyage/db";
import type { RoomHistory, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { AppError } from "../platform/errors.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { CommandSource } from "../commands/commands.ts";
import type { CommandResult, RunRoomCommand } from "./acts.ts";
import { noSuchRoom, type Membership } from "./membership.ts";
import { withoutRepeats, type NewRoom, type RoomCreation } from "./room-creation.ts";
import { memberIds, roomQueries as queries, roomsPage, type RoomRow } from "./rooms.store.ts";

/** A room as one of its members sees it. */
export interface Room {
  readonly id: RoomId;
  readonly kind: RoomKind;
  /** `null` for direct rooms, and for groups without one. */
  readonly name: string | null;
  readonly history: RoomHistory;
  /** The one who asks. */
  readonly role: RoomRole;
  readonly memberCount: number;
  /** The other of a direct room, also when she has left it; `null` for groups. */
  readonly peer: { readonly id: UserId; readonly name: string | null } | null;
  /** The first segment of the log that the one who asks may read. */
  readonly fromSegment: number;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** A room with those who are in it and those who were asked in. */
export interface RoomDetails extends Room {
  /** In the order in which they joined. */
  readonly members: readonly {
    readonly userId: UserId;
    readonly name: string | null;
    readonly role: RoomRole;
    readonly joinedAt: number;
  }[];
  readonly invited: readonly {
    readonly userId: UserId;
    /** `null` also where she has blocked the one who asks. */
    readonly name: string | null;
    readonly invitedBy: UserId;
    readonly at: number;
  }[];
}

/**
 * Chat rooms and who is in them. Everything about a room throws `not-found` to who is not in it, and what only its
 * owner and admins may do, `forbidden` to others and in direct rooms. A change answers with the room as it is now, also when
 * the command is repeated; to a student who is not in the room any more, with its id and nobody in it.
 */
export interface Rooms {
  /** Newest first. */
  list(
    userId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Room>>;
  get(userId: UserId, roomId: RoomId): Promise<RoomDetails>;
  /**
   * Opens a room: a pair's one direct room again if it was there, else a new one. In a group, members who have the
   * owner among their contacts are in at once, others are invited. Throws `not-found` for nobody's id, `forbidden`
   * where one has blocked the other, `limit/reached` (roomsPerUser, roomMembers, directRoomsWithStrangersPerDay).
   */
  create(asking: CommandSource, input: NewRoom): Promise<RoomDetails>;
  rename(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly name: string },
  ): Promise<RoomDetails>;
  /** The owner's alone. Who makes another the owner becomes an admin. */
  setRole(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly userId: UserId; readonly role: RoomRole },
  ): Promise<RoomDetails>;
  /** Adds or invites, as `create` does; those who are in or invited already stay so. */
  addMembers(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly memberIds: readonly UserId[] },
  ): Promise<RoomDetails>;
  /** Also takes an invitation back. Only the owner removes an admin. */
  removeMember(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly userId: UserId },
  ): Promise<RoomDetails>;
  /** An owner's room goes to its oldest admin, else to its oldest member. */
  leave(asking: CommandSource, input: { readonly roomId: RoomId }): Promise<{ readonly roomId: RoomId }>;
  /** Throws `not-found` for who is not invited, `limit/reached` (roomsPerUser). */
  acceptInvitation(asking: CommandSource, input: { readonly roomId: RoomId }): Promise<RoomDetails>;
  /** Throws `not-found` for who is not invited. */
  declineInvitation(
    asking: CommandSource,
    input: { readonly roomId: RoomId },
  ): Promise<{ readonly roomId: RoomId }>;
}

export interface RoomsDeps {
  readonly read: Queries;
  readonly membership: Membership;
  readonly opening: RoomCreation;
  readonly run: RunRoomCommand;
}

export const createRooms = ({ read, membership, opening, run }: RoomsDeps): Rooms => {
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

  /** Answers with the room as it is now. Only groups are changed; `kind` is for a room that is opened. */
  const change = async (
    asking: CommandSource,
    command: { readonly procedure: string; readonly input: unknown; readonly kind?: RoomKind },
    act: (tx: UnitOfWork, now: number) => Promise<CommandResult<RoomId>>,
  ): Promise<RoomDetails> => {
    const id = await run(asking, command, act);
    const { kind = "group" } = command;
    // Left since, or removed from it: the command has taken effect all the same.
    return (await find(asking.userId, id)) ?? { ...WITHOUT_WORDS, id, kind };
  };

  const administered = async (tx: UnitOfWork, roomId: RoomId, userId: UserId): Promise<RoomRow> => {
    const room = await membership.roomOf(tx, roomId, userId);
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

    create: (asking, input) => {
      const { userId } = asking;
      const otherId = input.kind === "direct" ? input.memberIds[0] : undefined;
      if (otherId === userId) throw invalid("memberIds", "A direct room is with somebody else");
      const { kind } = input;
      return change(asking, { procedure: "chat.rooms.create", input, kind }, async (tx, now) => {
        // One at a time, so that the limits of what a student opens hold.
        await tx.lock(`rooms:${userId}`);
        if (input.kind === "group") return opening.createGroup(tx, { userId, now }, input);
        if (otherId === undefined || input.memberIds.length > 1) {
          throw invalid("memberIds", "A direct room is with one other");
        }
        return opening.openDirect(tx, { userId, now }, otherId);
      });
    },

    rename: (asking, input) =>
      change(asking, { procedure: "chat.rooms.rename", input }, async (tx, now) => {
        const { roomId, name } = input;
        await administered(tx, roomId, asking.userId);
        await tx.all(queries.rename, { roomId, name, now });
        return { receipt: roomId, news: { changedInboxes: await memberIds(tx, roomId) } };
      }),

    setRole: (asking, input) =>
      change(asking, { procedure: "chat.rooms.setRole", input }, async (tx, now) => {
        const { roomId, userId, role } = input;
        const room = await administered(tx, roomId, asking.userId);
        if (room.role !== "owner") throw new AppError("forbidden", "Only the owner gives roles.");
        if (userId === asking.userId) throw invalid("userId", "An owner makes another the owner");
        await assertMember(tx, roomId, userId);
        await tx.all(queries.setRole, { roomId, userId, role, now });
        if (role === "owner")
          await tx.all(queries.setRole, { roomId, userId: asking.userId, role: "admin", now });
        await tx.all(queries.touch, { roomId, now });
        return { receipt: roomId, news: { changedInboxes: await memberIds(tx, roomId) } };
      }),

    addMembers: (asking, input) =>
      change(asking, { procedure: "chat.rooms.addMembers", input }, async (tx, now) => {
        const { roomId } = input;
        const { userId } = asking;
        const room = await administered(tx, roomId, userId);
        const inside = new Set(await memberIds(tx, roomId));
        const userIds = withoutRepeats(input.memberIds).filter((one) => !inside.has(one));
        await opening.bringIn(tx, { userId, now }, { room, userIds });
        return { receipt: roomId, news: { changedLog: roomId, changedInboxes: userIds } };
      }),

    removeMember: (asking, input) =>
      change(asking, { procedure: "chat.rooms.removeMember", input }, async (tx, now) => {
        const { roomId, userId } = input;
        const room = await administered(tx, roomId, asking.userId);
        if (userId === asking.userId) throw invalid("userId", "Who goes herself leaves");
        if (await tx.first(queries.endInvitation, { roomId, userId })) {
          return { receipt: roomId, news: { changedInboxes: [userId] } };
        }
        const { role } = await assertMember(tx, roomId, userId);
        if (role !== "member" && room.role !== "owner") {
          throw new AppError("forbidden", "Only the owner removes an admin.");
        }
        await membership.leave(tx, { roomId, userId, by: asking.userId, now });
        return {
          receipt: roomId,
          news: { changedLog: roomId, gone: { roomId, userId }, changedInboxes: [userId] },
        };
      }),

    leave: (asking, input) =>
      run(asking, { procedure: "chat.rooms.leave", input }, async (tx, now) => {
        const { roomId } = input;
        const { userId } = asking;
        await membership.roomOf(tx, roomId, userId);
        const uninvited = await membership.leave(tx, { roomId, userId, by: userId, now });
        return {
          receipt: { roomId },
          news: {
            changedLog: roomId,
            gone: { roomId, userId },
            changedInboxes: [userId, ...uninvited],
          },
        };
      }),

    acceptInvitation: (asking, input) =>
      change(asking, { procedure: "chat.rooms.acceptInvitation", input }, async (tx, now) => {
        const { roomId } = input;
        const { userId } = asking;
        await tx.lock(`rooms:${userId}`);
        await tx.lock(`log:${roomId}`);
        const invitation = await tx.first(queries.endInvitation, { roomId, userId });
        const room = invitation && (await tx.first(queries.byId, { roomId }));
        if (!room) throw noSuchInvitation();
        await membership.assertMayJoin(tx, userId);
        const fromSegment = await membership.firstSegment(tx, room, now);
        await membership.join(tx, { roomId, userIds: [userId], by: invitation.invited_by, fromSegment, now });
        return { receipt: roomId, news: { changedLog: roomId, changedInboxes: [userId] } };
      }),

    declineInvitation: (asking, input) =>
      run(asking, { procedure: "chat.rooms.declineInvitation", input }, async (tx) => {
        const { roomId } = input;
        const { userId } = asking;
        await tx.lock(`log:${roomId}`);
        if (!(await tx.first(queries.endInvitation, { roomId, userId }))) throw noSuchInvitation();
        return { receipt: { roomId }, news: { changedInboxes: [userId] } };
      }),
  };
};

/** What a room says to a student who is not in it any more. */
const WITHOUT_WORDS = {
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
