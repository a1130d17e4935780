import type { UnitOfWork } from "@edvoyage/db";
import type { Limits, RoomHistory, RoomId, UserId } from "@edvoyage/protocol";
import { DAY_MS } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { CommandResult } from "./acts.ts";
import type { Membership } from "./membership.ts";
import {
  acquaintances,
  memberIds,
  roomQueries as queries,
  type StudentRelation,
  type RoomRow,
} from "./rooms.store.ts";

/** What a room is made from; whoever makes it is in it. */
export type NewRoom =
  | { readonly kind: "direct"; readonly memberIds: readonly UserId[] }
  | {
      readonly kind: "group";
      readonly memberIds: readonly UserId[];
      readonly name: string | null;
      readonly history: RoomHistory;
    };

/** Who opens a room or asks others in, and when. */
export interface RoomCreator {
  readonly userId: UserId;
  readonly now: number;
}

/** How rooms come to be, and how people come into them. Throws what `Rooms.create` does. */
export interface RoomCreation {
  createGroup(
    tx: UnitOfWork,
    opener: RoomCreator,
    group: Extract<NewRoom, { kind: "group" }>,
  ): Promise<CommandResult<RoomId>>;
  /** The pair's one room, with both in it. */
  openDirect(tx: UnitOfWork, opener: RoomCreator, otherId: UserId): Promise<CommandResult<RoomId>>;
  /** Adds those who have the opener among their contacts, invites the others, and tells all of them. */
  bringIn(
    tx: UnitOfWork,
    opener: RoomCreator,
    into: {
      readonly room: Pick<RoomRow, "id" | "history" | "member_count">;
      readonly userIds: readonly UserId[];
    },
  ): Promise<void>;
}

export interface RoomOpeningDeps {
  readonly logs: Pick<RoomLogs, "create">;
  readonly membership: Membership;
  readonly notifications: Pick<Notifications, "add">;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "roomMembers" | "directRoomsWithStrangersPerDay">;
}

export const createRoomCreation = (deps: RoomOpeningDeps): RoomCreation => {
  const { logs, membership, notifications, newId, limits } = deps;
  /** Whether one of those who are asked in is unknown, or not to be asked. */
  const findAcquaintances = async (
    tx: UnitOfWork,
    userId: UserId,
    others: readonly UserId[],
  ): Promise<StudentRelation[]> => {
    const found = await acquaintances(tx, userId, others);
    if (found.length < others.length) throw new AppError("not-found", "There is no such student.");
    if (found.some(({ isBlocked }) => isBlocked)) {
      throw new AppError("forbidden", "One of the two has blocked the other.");
    }
    return found;
  };

  const bringIn: RoomCreation["bringIn"] = async (tx, { userId, now }, { room, userIds }) => {
    const { id: roomId } = room;
    const found = await findAcquaintances(tx, userId, userIds);
    const waiting = await tx.all(queries.invited, { roomId, viewerId: userId });
    const isWaiting = (one: UserId) => waiting.some((row) => row.user_id === one);
    const newcomers = userIds.filter((one) => !isWaiting(one)).length;
    assertSize(room.member_count + waiting.length + newcomers);
    const known = new Set(found.filter(({ knowsAsker }) => knowsAsker).map((one) => one.userId));
    const joining = userIds.filter((one) => known.has(one));
    for (const one of joining) {
      await membership.assertMayJoin(tx, one);
      if (isWaiting(one)) await tx.first(queries.endInvitation, { roomId, userId: one });
    }
    if (joining.length > 0) {
      const fromSegment = await membership.firstSegment(tx, room, now);
      await membership.join(tx, { roomId, userIds: joining, by: userId, fromSegment, now });
    }
    for (const one of userIds) {
      if (known.has(one) || isWaiting(one)) continue;
      await tx.all(queries.invite, { roomId, userId: one, invitedBy: userId, now });
    }
    // In one order: two rooms that take in the same people would else wait for each other.
    for (const one of userIds.toSorted()) {
      const added = {
        userId: one,
        kind: "added",
        actorId: userId,
        subject: { kind: "room", id: roomId },
      } as const;
      await notifications.add(tx, added, now);
    }
  };

  const assertSize = (members: number): void => {
    if (members <= limits.roomMembers) return;
    throw new AppError("limit/reached", "A room has no place for so many.", { limit: "roomMembers" });
  };

  const createGroup: RoomCreation["createGroup"] = async (
    tx,
    { userId, now },
    { name, history, memberIds },
  ) => {
    const userIds = withoutRepeats(memberIds).filter((one) => one !== userId);
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
    // Those who are in from the beginning see all of it.
    const room = { id, history: "all" as const, member_count: 1 };
    await bringIn(tx, { userId, now }, { room, userIds });
    return { receipt: id, news: { changedLog: id, changedInboxes: [userId, ...userIds] } };
  };

  const openDirect: RoomCreation["openDirect"] = async (tx, { userId, now }, otherId) => {
    const pair = [userId, otherId];
    const [other] = await findAcquaintances(tx, userId, [otherId]);
    const directKey = [userId, otherId].sort().join(":");
    await tx.lock(`direct:${directKey}`);
    const known = await tx.first(queries.byDirectKey, { directKey });
    const roomId = known?.id ?? newId<RoomId>(now);
    if (!known) {
      const withStranger = other?.knowsAsker ? 0 : 1;
      if (withStranger) await assertMayMeetStranger(tx, userId, now);
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
    const inside = await memberIds(tx, roomId);
    const outside = pair.filter((one) => !inside.includes(one));
    if (outside.length === 0) return { receipt: roomId };
    for (const one of outside) await membership.assertMayJoin(tx, one);
    await membership.join(tx, {
      roomId,
      userIds: outside,
      by: userId,
      fromSegment: 0,
      pair,
      now,
    });
    return { receipt: roomId, news: { changedLog: roomId, changedInboxes: pair } };
  };

  const assertMayMeetStranger = async (tx: UnitOfWork, userId: UserId, now: number): Promise<void> => {
    const opened = await tx.first(queries.countOpenedWithStrangers, { userId, since: now - DAY_MS });
    if (opened && opened.count >= limits.directRoomsWithStrangersPerDay) {
      throw new AppError("limit/reached", "Enough rooms with strangers for a day.", {
        limit: "directRoomsWithStrangersPerDay",
      });
    }
  };

  return { createGroup, openDirect, bringIn };
};

/** Ids in their order, each once. */
export const withoutRepeats = (ids: readonly UserId[]): UserId[] => [...new Set(ids)];
