import { prepare, type Queries, type UnitOfWork } from "@edvoyage/db";
import type { RoomHistory, RoomId, RoomKind, RoomRole, UserId } from "@edvoyage/protocol";
import { visibleName } from "../contacts/visible-name.ts";

const roomColumns = [
  "rooms.id",
  "rooms.kind",
  "rooms.name",
  "rooms.history",
  "rooms.member_count",
  "rooms.created_at",
  "rooms.changed_at",
  "own.role",
  "own.from_segment",
  "own.peer_id",
  "profiles.name as peer_name",
] as const;

/** A room as one of its members sees it. */
export interface RoomRow {
  readonly id: RoomId;
  readonly kind: RoomKind;
  readonly name: string | null;
  readonly history: RoomHistory;
  readonly member_count: number;
  readonly created_at: number;
  readonly changed_at: number;
  readonly role: RoomRole;
  readonly from_segment: number;
  /** The other student of a direct room, also after they have left it. */
  readonly peer_id: UserId | null;
  readonly peer_name: string | null;
}

const ownRooms = (queries: Pick<Queries["kysely"], "selectFrom">, userId: UserId) =>
  queries
    .selectFrom("room_members as own")
    .innerJoin("rooms", "rooms.id", "own.room_id")
    .leftJoin("profiles", "profiles.user_id", "own.peer_id")
    .select(roomColumns)
    .where("own.user_id", "=", userId)
    .where("own.left_at", "is", null);

const byMember = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  ownRooms(query, param.userId).where("own.room_id", "=", param.roomId),
);

/** Returns a student's rooms, newest first. */
export const roomsPage = (
  queries: Queries,
  filter: { readonly userId: UserId; readonly before: RoomId | undefined; readonly limit: number },
): Promise<RoomRow[]> => {
  const { userId, before, limit } = filter;
  const query = ownRooms(queries.kysely, userId).orderBy("own.room_id", "desc").limit(limit);
  return (before === undefined ? query : query.where("own.room_id", "<", before)).execute();
};

const members = prepare<{ roomId: RoomId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .leftJoin("profiles", "profiles.user_id", "room_members.user_id")
    .select(["room_members.user_id", "room_members.role", "room_members.joined_at", "profiles.name"])
    .where("room_members.room_id", "=", param.roomId)
    .where("room_members.left_at", "is", null)
    .orderBy("room_members.joined_at")
    .orderBy("room_members.user_id"),
);

/** An invited student is not in the room yet, so their name stays hidden from a member whom they have blocked. */
const invited = prepare<{ roomId: RoomId; viewerId: UserId }>()((query, param) =>
  query
    .selectFrom("room_invitations")
    .leftJoin("profiles", "profiles.user_id", "room_invitations.user_id")
    .select([
      "room_invitations.user_id",
      "room_invitations.invited_by",
      "room_invitations.at",
      visibleName(param.viewerId, "room_invitations.user_id").as("name"),
    ])
    .where("room_invitations.room_id", "=", param.roomId)
    .orderBy("room_invitations.user_id"),
);

const byDirectKey = prepare<{ directKey: string }>()((query, param) =>
  query.selectFrom("rooms").select("id").where("direct_key", "=", param.directKey),
);

const byId = prepare<{ roomId: RoomId }>()((query, param) =>
  query.selectFrom("rooms").select(["id", "history"]).where("id", "=", param.roomId),
);

const countCurrentRooms = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("user_id", "=", param.userId)
    .where("left_at", "is", null),
);

const countOpenedWithStrangers = prepare<{ userId: UserId; since: number }>()((query, param) =>
  query
    .selectFrom("rooms")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("created_by", "=", param.userId)
    // A literal, not a parameter: otherwise the planner cannot use the partial index.
    .where((eb) => eb("with_stranger", "=", eb.lit(1)))
    .where("created_at", ">", param.since),
);

const insert = prepare<{
  id: RoomId;
  kind: RoomKind;
  name: string | null;
  history: RoomHistory;
  directKey: string | null;
  withStranger: number;
  createdBy: UserId;
  now: number;
}>()((query, param) =>
  query.insertInto("rooms").values({
    id: param.id,
    kind: param.kind,
    name: param.name,
    history: param.history,
    direct_key: param.directKey,
    with_stranger: param.withStranger,
    member_count: 0,
    created_by: param.createdBy,
    created_at: param.now,
    changed_at: param.now,
  }),
);

const rename = prepare<{ roomId: RoomId; name: string; now: number }>()((query, param) =>
  query.updateTable("rooms").set({ name: param.name, changed_at: param.now }).where("id", "=", param.roomId),
);

const setChangedAt = prepare<{ roomId: RoomId; now: number }>()((query, param) =>
  query.updateTable("rooms").set({ changed_at: param.now }).where("id", "=", param.roomId),
);

const addToCount = prepare<{ roomId: RoomId; members: number; now: number }>()((query, param) =>
  query
    .updateTable("rooms")
    .set((eb) => ({ member_count: eb("member_count", "+", param.members), changed_at: param.now }))
    .where("id", "=", param.roomId)
    .returning("member_count"),
);

const member = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select(["role", "left_at", "read_segment", "read_position"])
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId),
);

const upsertMember = prepare<{
  roomId: RoomId;
  userId: UserId;
  role: RoomRole;
  peerId: UserId | null;
  now: number;
  fromSegment: number;
  readSegment: number;
  readPosition: number;
}>()((query, param) =>
  query
    .insertInto("room_members")
    .values({
      room_id: param.roomId,
      user_id: param.userId,
      role: param.role,
      peer_id: param.peerId,
      joined_at: param.now,
      left_at: null,
      from_segment: param.fromSegment,
      read_segment: param.readSegment,
      read_position: param.readPosition,
      changed_at: param.now,
    })
    .onConflict((conflict) =>
      conflict.columns(["room_id", "user_id"]).doUpdateSet((eb) => ({
        role: eb.ref("excluded.role"),
        joined_at: eb.ref("excluded.joined_at"),
        left_at: null,
        from_segment: eb.ref("excluded.from_segment"),
        read_segment: eb.ref("excluded.read_segment"),
        read_position: eb.ref("excluded.read_position"),
        changed_at: eb.ref("excluded.changed_at"),
      })),
    ),
);

const endMembership = prepare<{ roomId: RoomId; userId: UserId; now: number }>()((query, param) =>
  query
    .updateTable("room_members")
    .set({ left_at: param.now, changed_at: param.now })
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId),
);

const setRole = prepare<{ roomId: RoomId; userId: UserId; role: RoomRole; now: number }>()((query, param) =>
  query
    .updateTable("room_members")
    .set({ role: param.role, changed_at: param.now })
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId),
);

/** The member who becomes the owner after the owner has left: the oldest admin, otherwise the oldest member. */
const nextOwner = prepare<{ roomId: RoomId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("user_id")
    .where("room_id", "=", param.roomId)
    .where("left_at", "is", null)
    .orderBy((eb) => eb.case().when("role", "=", "admin").then(eb.lit(0)).else(eb.lit(1)).end())
    .orderBy("joined_at")
    .orderBy("user_id")
    .limit(1),
);

const invite = prepare<{ roomId: RoomId; userId: UserId; invitedBy: UserId; now: number }>()((query, param) =>
  query.insertInto("room_invitations").values({
    room_id: param.roomId,
    user_id: param.userId,
    invited_by: param.invitedBy,
    at: param.now,
  }),
);

const endInvitation = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  query
    .deleteFrom("room_invitations")
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId)
    .returning("invited_by"),
);

const endInvitations = prepare<{ roomId: RoomId }>()((query, param) =>
  query.deleteFrom("room_invitations").where("room_id", "=", param.roomId).returning("user_id"),
);

const firstReadableSegment = prepare<{ roomId: RoomId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("from_segment")
    .where("room_id", "=", param.roomId)
    .where("user_id", "=", param.userId)
    .where("left_at", "is", null),
);

const currentMembers = prepare<{ roomId: RoomId }>()((query, param) =>
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

/** The rooms that a student is in or was in. */
const everJoined = prepare<{ userId: UserId; after: RoomId; limit: number }>()((query, param) =>
  query
    .selectFrom("room_members as own")
    .innerJoin("rooms", "rooms.id", "own.room_id")
    .innerJoin("logs", "logs.id", "own.room_id")
    .select([
      "own.room_id",
      "rooms.kind",
      "rooms.name",
      "own.role",
      "own.peer_id",
      "own.joined_at",
      "own.left_at",
      "own.read_segment",
      "own.read_position",
      "logs.head_segment",
    ])
    .where("own.user_id", "=", param.userId)
    .where("own.room_id", ">", param.after)
    .orderBy("own.room_id")
    .limit(param.limit),
);

const anyCurrentRoom = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_members")
    .select("room_id")
    .where("user_id", "=", param.userId)
    .where("left_at", "is", null)
    .limit(1),
);

const invitationsOf = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("room_invitations")
    .innerJoin("rooms", "rooms.id", "room_invitations.room_id")
    .select(["room_invitations.room_id", "rooms.name", "room_invitations.invited_by", "room_invitations.at"])
    .where("room_invitations.user_id", "=", param.userId)
    .orderBy("room_invitations.room_id"),
);

/** Clears the direct key of an empty room, so that its pair no longer finds it. Returns no row while the room has members. */
const abandon = prepare<{ roomId: RoomId }>()((query, param) =>
  query
    .updateTable("rooms")
    .set({ direct_key: null })
    .where("id", "=", param.roomId)
    .where("member_count", "=", 0)
    .returning("id"),
);

/** The queries of rooms. */
export const roomQueries = {
  byMember,
  members,
  invited,
  byDirectKey,
  byId,
  countCurrentRooms,
  countOpenedWithStrangers,
  insert,
  rename,
  setChangedAt,
  addToCount,
  member,
  upsertMember,
  endMembership,
  setRole,
  nextOwner,
  invite,
  endInvitation,
  endInvitations,
  firstReadableSegment,
  currentMembers,
  formerMembers,
  everJoined,
  anyCurrentRoom,
  invitationsOf,
  abandon,
};

/** Returns the current members of a room. */
export const memberIds = async (queries: Pick<Queries, "all">, roomId: RoomId): Promise<UserId[]> =>
  (await queries.all(currentMembers, { roomId })).map((row) => row.user_id);

/** A student's relation to the caller. */
export interface StudentRelation {
  readonly userId: UserId;
  /** Whether the student has the caller among their contacts, and has not blocked them. */
  readonly knowsCaller: boolean;
  /** Whether one of the two students has blocked the other. */
  readonly isBlocked: boolean;
}

/** Returns the relation of each student to the caller. Ids that belong to no student are left out. */
export const relationsTo = async (
  tx: UnitOfWork,
  callerId: UserId,
  userIds: readonly UserId[],
): Promise<StudentRelation[]> => {
  if (userIds.length === 0) return [];
  const rows = await tx.kysely
    .selectFrom("users")
    .leftJoin("contacts as own", (join) =>
      join.on("own.owner_id", "=", callerId).onRef("own.contact_id", "=", "users.id"),
    )
    .leftJoin("contacts as theirs", (join) =>
      join.onRef("theirs.owner_id", "=", "users.id").on("theirs.contact_id", "=", callerId),
    )
    .select(["users.id", "own.is_blocked as has_blocked", "theirs.is_blocked"])
    .where("users.id", "in", userIds)
    .execute();
  return rows.map(({ id, has_blocked, is_blocked }) => ({
    userId: id,
    knowsCaller: is_blocked === 0,
    isBlocked: has_blocked === 1 || is_blocked === 1,
  }));
};
