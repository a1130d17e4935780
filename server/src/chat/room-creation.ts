import type { UnitOfWork } from "@edvoyage/db";
import type { Limits, RoomHistory, RoomId, UserId } from "@edvoyage/protocol";
import { DAY_MS } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { Membership } from "./membership.ts";
import {
  memberIds,
  relationsTo,
  roomQueries as queries,
  type StudentRelation,
  type RoomRow,
} from "./rooms.store.ts";

/** A room to create. The student who creates it becomes a member too. */
export type NewRoom =
  | { readonly kind: "direct"; readonly memberIds: readonly UserId[] }
  | {
      readonly kind: "group";
      readonly memberIds: readonly UserId[];
      readonly name: string | null;
      readonly history: RoomHistory;
    };

/** The student who opens a room or adds others to it, and when. */
export interface RoomCreator {
  readonly userId: UserId;
  readonly now: number;
}

/** Creates rooms and adds students to them. Throws the errors of `Rooms.create`. */
export interface RoomCreation {
  createGroup(
    tx: UnitOfWork,
    opener: RoomCreator,
    group: Extract<NewRoom, { kind: "group" }>,
  ): Promise<RoomId>;
  /** Creates the pair's one room or finds the existing one, and makes sure that both students are in it. */
  openDirect(tx: UnitOfWork, opener: RoomCreator, otherId: UserId): Promise<RoomId>;
  /** Adds students who have the opener among their contacts, invites the others, and notifies all of them. */
  addOrInvite(
    tx: UnitOfWork,
    opener: RoomCreator,
    addition: {
      readonly room: Pick<RoomRow, "id" | "history" | "member_count">;
      readonly userIds: readonly UserId[];
    },
  ): Promise<void>;
}

export interface RoomCreationDeps {
  readonly logs: Pick<RoomLogs, "create">;
  readonly membership: Membership;
  readonly notifications: Pick<Notifications, "add">;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "roomMembers" | "directRoomsWithStrangersPerDay">;
}

export const createRoomCreation = (deps: RoomCreationDeps): RoomCreation => {
  const { logs, membership, notifications, newId, limits } = deps;
  /** Throws if one of the other students is unknown, or if there is a block between them and the student. */
  const findRelations = async (
    tx: UnitOfWork,
    userId: UserId,
    otherIds: readonly UserId[],
  ): Promise<StudentRelation[]> => {
    const relations = await relationsTo(tx, userId, otherIds);
    if (relations.length < otherIds.length) throw new AppError("not-found", "There is no such student.");
    if (relations.some(({ isBlocked }) => isBlocked)) {
      throw new AppError("forbidden", "One of the two students has blocked the other.");
    }
    return relations;
  };

  const addOrInvite: RoomCreation["addOrInvite"] = async (tx, { userId, now }, { room, userIds }) => {
    const { id: roomId } = room;
    const relations = await findRelations(tx, userId, userIds);
    const invitations = await tx.all(queries.invited, { roomId, viewerId: userId });
    const isInvited = (id: UserId) => invitations.some((row) => row.user_id === id);
    const newcomers = userIds.filter((id) => !isInvited(id)).length;
    assertSize(room.member_count + invitations.length + newcomers);
    const knowAdder = new Set(
      relations.filter(({ knowsCaller }) => knowsCaller).map((relation) => relation.userId),
    );
    const joining = userIds.filter((id) => knowAdder.has(id));
    for (const id of joining) {
      await membership.assertMayJoin(tx, id);
      if (isInvited(id)) await tx.first(queries.endInvitation, { roomId, userId: id });
    }
    if (joining.length > 0) {
      const fromSegment = await membership.firstSegment(tx, room, now);
      await membership.join(tx, { roomId, userIds: joining, by: userId, fromSegment, now });
    }
    for (const id of userIds) {
      if (knowAdder.has(id) || isInvited(id)) continue;
      await tx.all(queries.invite, { roomId, userId: id, invitedBy: userId, now });
    }
    // Always in the same order: otherwise two rooms that add the same students could deadlock.
    for (const id of userIds.toSorted()) {
      const added = {
        userId: id,
        kind: "added",
        actorId: userId,
        subject: { kind: "room", id: roomId },
      } as const;
      await notifications.add(tx, added, now);
    }
  };

  const assertSize = (members: number): void => {
    if (members <= limits.roomMembers) return;
    throw new AppError("limit/reached", "This room would have too many members.", { limit: "roomMembers" });
  };

  const createGroup: RoomCreation["createGroup"] = async (
    tx,
    { userId, now },
    { name, history, memberIds },
  ) => {
    const userIds = withoutRepeats(memberIds).filter((memberId) => memberId !== userId);
    assertSize(1 + userIds.length);
    await membership.assertMayJoin(tx, userId);
    const id = newId<RoomId>(now);
    await logs.create(tx, id, now);
    await tx.all(queries.insert, {
      id,
      kind: "group",
      name,
      history,
      directKey: null,
      withStranger: 0,
      createdBy: userId,
      now,
    });
    await membership.join(tx, {
      roomId: id,
      userIds: [userId],
      by: userId,
      role: "owner",
      fromSegment: 0,
      now,
    });
    // The first members see the whole history, whatever the room shows to students who join later.
    const room = { id, history: "all" as const, member_count: 1 };
    await addOrInvite(tx, { userId, now }, { room, userIds });
    membership.hintChanged(tx, id, [userId, ...userIds]);
    return id;
  };

  const openDirect: RoomCreation["openDirect"] = async (tx, { userId, now }, otherId) => {
    const pair = [userId, otherId];
    const [other] = await findRelations(tx, userId, [otherId]);
    const directKey = [userId, otherId].sort().join(":");
    await tx.lock(`direct:${directKey}`);
    const existing = await tx.first(queries.byDirectKey, { directKey });
    const roomId = existing?.id ?? newId<RoomId>(now);
    if (!existing) {
      const withStranger = other?.knowsCaller ? 0 : 1;
      if (withStranger) await assertMayOpenWithStranger(tx, userId, now);
      await logs.create(tx, roomId, now);
      await tx.all(queries.insert, {
        id: roomId,
        kind: "direct",
        name: null,
        history: "all",
        directKey,
        withStranger,
        createdBy: userId,
        now,
      });
    }
    await tx.lock(`log:${roomId}`);
    const presentIds = await memberIds(tx, roomId);
    const missingIds = pair.filter((id) => !presentIds.includes(id));
    if (missingIds.length === 0) return roomId;
    for (const id of missingIds) await membership.assertMayJoin(tx, id);
    await membership.join(tx, {
      roomId,
      userIds: missingIds,
      by: userId,
      fromSegment: 0,
      pair,
      now,
    });
    membership.hintChanged(tx, roomId, pair);
    return roomId;
  };

  const assertMayOpenWithStranger = async (tx: UnitOfWork, userId: UserId, now: number): Promise<void> => {
    const opened = await tx.first(queries.countOpenedWithStrangers, { userId, since: now - DAY_MS });
    if (opened && opened.count >= limits.directRoomsWithStrangersPerDay) {
      throw new AppError("limit/reached", "Too many rooms with strangers in one day.", {
        limit: "directRoomsWithStrangersPerDay",
      });
    }
  };

  return { createGroup, openDirect, addOrInvite };
};

/** Removes duplicate ids and keeps their order. */
export const withoutRepeats = (ids: readonly UserId[]): UserId[] => [...new Set(ids)];
