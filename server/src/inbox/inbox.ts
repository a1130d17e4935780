import type { Queries } from "@edvoyage/db";
import type { InboxChanges, InboxMemberRoom, InboxRoom, RoomId, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { parseCursor, toCursor } from "../inputs/page.ts";
import type { Clock } from "../platform/clock.ts";
import type { EntryValue } from "../sync/log-encoder.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { Areas } from "./areas.ts";
import { inboxQueries as queries, othersRead, type ChangedRoomRow } from "./inbox.store.ts";

/**
 * The inbox of a student. It is computed from room heads, read positions and rows on each call, so sending a message costs the
 * same in a room of 2 as in a room of 256.
 */
export interface Inbox {
  /**
   * Returns the changes at or after `since`, by the server's clock, or everything; with a `cursor`, the next page or what has
   * changed since that walk through the pages began. `limit` is the number of rooms on a page. Default: all of them. Later pages
   * have the rest of the rooms, and of the other lists what changed during the walk. Throws `input/invalid` for a cursor that
   * did not come from here.
   */
  changes(userId: UserId, query: InboxQuery): Promise<InboxChanges>;
}

/** The part of an inbox to return. */
export interface InboxQuery {
  readonly since?: number | null | undefined;
  /** Wins over `since`. */
  readonly cursor?: string | null | undefined;
  readonly limit?: number | null | undefined;
}

export interface InboxDeps {
  readonly read: Queries;
  readonly notifications: Pick<Notifications, "changes">;
  readonly areas: Pick<Areas, "changedSince">;
  readonly logs: Pick<RoomLogs, "decode">;
  /** Returns the text of a message or an edit; `null` for any other event. */
  readonly textOf: (event: readonly EntryValue[]) => string | null;
  readonly clock: Clock;
}

const MAX_PREVIEW_CHARACTERS = 120;
const LIST = "inbox";
/** The overlap of a walk and the next one: writes that were in progress at its start were not visible yet. */
const OVERLAP_MS = 10_000;
/** More rooms than a student can have. */
const ALL_ROOMS = 1_000_000;
/** A place before every room. */
const NEWEST = [Number.MAX_SAFE_INTEGER, "g"] as const;
/** The instant of a cursor from which everything is returned. */
const EVERYTHING = -1;

export const createInbox = (deps: InboxDeps): Inbox => {
  const { read, notifications, areas, logs, textOf, clock } = deps;
  const previewOf = ({ last_bytes, edit_bytes }: ChangedRoomRow): string | null => {
    const bytes = edit_bytes ?? last_bytes;
    const text = bytes && textOf(logs.decode(bytes));
    return text === null ? null : cutText(text, MAX_PREVIEW_CHARACTERS);
  };

  return {
    changes: async (userId, query) => {
      // Taken before the first read, so that a change during the reads is seen now or next time.
      const now = clock.now();
      const { since, startedAt, before } = toWalk(query, now);
      const limit = query.limit ?? ALL_ROOMS;
      const [beforeAt, beforeId] = before ?? NEWEST;
      const rows = await read.all(queries.changedRooms, {
        userId,
        since: since ?? 0,
        beforeAt,
        beforeId: beforeId as RoomId,
        limit: limit + 1,
      });
      const changed = rows.slice(0, limit);
      const last = rows.length > limit ? changed.at(-1) : undefined;
      // The first page had everything else.
      const otherSince = before ? startedAt - OVERLAP_MS : since;
      const [others, left, invitations, notified, changedAreas] = await Promise.all([
        othersRead(read, userId, changed),
        otherSince === null ? [] : read.all(queries.leftSince, { userId, since: otherSince }),
        read.all(queries.invitations, { userId }),
        notifications.changes(userId, otherSince ?? 0),
        areas.changedSince(userId, otherSince ?? 0),
      ]);
      const othersByRoom = new Map<RoomId, InboxMemberRoom["othersRead"][number][]>();
      for (const row of others) {
        const positions = othersByRoom.get(row.room_id) ?? [];
        positions.push({
          userId: row.user_id,
          position: { segment: row.read_segment, index: row.read_position },
        });
        othersByRoom.set(row.room_id, positions);
      }
      return {
        rooms: [
          ...changed.map((row): InboxMemberRoom => ({
            state: "member",
            id: row.id,
            kind: row.kind,
            name: row.name,
            history: row.history,
            role: row.role,
            memberCount: row.member_count,
            peer: row.peer_id === null ? null : { id: row.peer_id, name: row.peer_name },
            fromSegment: row.from_segment,
            head: headOf(row),
            unread: row.unread ?? 0,
            preview: previewOf(row),
            lastAuthorId: row.last_author_id === null ? null : toUserId(row.last_author_id),
            lastAt: row.last_at,
            readPosition: { segment: row.read_segment, index: row.read_position },
            othersRead: othersByRoom.get(row.id) ?? [],
          })),
          ...left.flatMap((row): InboxRoom[] =>
            row.left_at === null ? [] : [{ state: "left", id: row.room_id, leftAt: row.left_at }],
          ),
        ],
        invitations: invitations.map((row) => ({
          id: row.id,
          name: row.name,
          invitedBy: row.invited_by,
          memberCount: row.member_count,
          at: row.at,
        })),
        notifications: notified.items,
        unreadNotifications: notified.unread,
        areas: changedAreas,
        cursor: toCursor({
          list: LIST,
          position: last
            ? [since ?? EVERYTHING, startedAt, last.log_changed_at, last.id]
            : [Math.max(0, startedAt - OVERLAP_MS)],
        }),
        hasMore: last !== undefined,
        serverNow: startedAt,
      };
    },
  };
};

/** A walk through the pages of the changes since an instant. */
interface Walk {
  /** `null` for everything. */
  readonly since: number | null;
  readonly startedAt: number;
  /** The place after which the page begins; `undefined` for the first page. */
  readonly before: readonly [at: number, roomId: string] | undefined;
}

const cursorShape = z.union([z.tuple([z.int()]), z.tuple([z.int(), z.int(), z.int(), z.string()])]);

const toWalk = ({ since, cursor }: InboxQuery, now: number): Walk => {
  const position = parseCursor(cursor, LIST, cursorShape);
  if (!position) return { since: since ?? null, startedAt: now, before: undefined };
  const [from, startedAt = now, ...before] = position;
  const [at, roomId] = before;
  return {
    since: from === EVERYTHING ? null : from,
    startedAt,
    before: at === undefined || roomId === undefined ? undefined : [at, roomId],
  };
};

/** Cuts a text without splitting a surrogate pair. */
const cutText = (text: string, maxCharacters: number): string =>
  text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");

const headOf = ({ head_id: id, head_segment: segment, head_position: index }: ChangedRoomRow) => {
  if (id === null || segment === null || index === null) throw new Error("A room's log has no event");
  return { id, segment, index };
};

const toUserId = (id: string): UserId => id as UserId;
