import type { Queries } from "@edvoyage/db";
import type { InboxChanges, InboxMemberRoom, InboxRoom, RoomId, UserId } from "@edvoyage/protocol";
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
  /** Returns the changes at or after `since`, by the server's clock. `null` returns everything. */
  changes(userId: UserId, since: number | null): Promise<InboxChanges>;
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

export const createInbox = (deps: InboxDeps): Inbox => {
  const { read, notifications, areas, logs, textOf, clock } = deps;
  const previewOf = ({ last_bytes, edit_bytes }: ChangedRoomRow): string | null => {
    const bytes = edit_bytes ?? last_bytes;
    const text = bytes && textOf(logs.decode(bytes));
    return text === null ? null : cutText(text, MAX_PREVIEW_CHARACTERS);
  };

  return {
    changes: async (userId, since) => {
      // Taken before the first read, so that a change during the reads is seen now or next time.
      const serverNow = clock.now();
      const changed = await read.all(queries.changedRooms, { userId, since: since ?? 0 });
      const [others, left, invitations, notified, changedAreas] = await Promise.all([
        othersRead(read, userId, changed),
        since === null ? [] : read.all(queries.leftSince, { userId, since }),
        read.all(queries.invitations, { userId }),
        notifications.changes(userId, since ?? 0),
        areas.changedSince(userId, since ?? 0),
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
        serverNow,
      };
    },
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
