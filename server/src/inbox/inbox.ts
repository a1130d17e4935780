import type { Queries } from "@edvoyage/db";
import type { Position, RoomId, UserId } from "@edvoyage/protocol";
import type { Room } from "../chat/rooms.ts";
import type { Clock } from "../platform/clock.ts";
import type { EntryValue } from "../sync/log-encoder.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { Notification, Notifications } from "../notifications/notifications.ts";
import type { AreaChange, Areas } from "./areas.ts";
import { inboxQueries as queries, othersRead, type ChangedRoomRow } from "./inbox.store.ts";

/** A room in a student's inbox. */
export type InboxRoom =
  | InboxMemberRoom
  /** One that she has left, or was removed from. */
  | { readonly state: "left"; readonly id: RoomId; readonly leftAt: number };

/** A room that she is in. */
export interface InboxMemberRoom extends Omit<Room, "createdAt" | "changedAt"> {
  readonly state: "member";
  /** The newest event. A copy that has another id at this place is of a history that was undone. */
  readonly head: Position & { readonly id: string };
  /** Others' messages after the own read position that were not removed; 1,000 stands for as many and more. */
  readonly unread: number;
  /** What the newest message says now, at most 120 characters of it; `null` when there is none. */
  readonly preview: string | null;
  readonly lastAuthorId: UserId | null;
  readonly lastAt: number | null;
  /** Everything up to and with this place is read; index -1 is before the first entry of the segment. */
  readonly readPosition: Position;
  /** The other members', in direct rooms and groups of up to 32; `[]` in larger ones. */
  readonly othersRead: readonly { readonly userId: UserId; readonly position: Position }[];
}

/** A group that a student was asked into. */
export interface Invitation {
  /** The room's, which `chat.rooms.acceptInvitation` takes. */
  readonly id: RoomId;
  readonly name: string | null;
  readonly invitedBy: UserId;
  readonly memberCount: number;
  readonly at: number;
}

/** What a student is shown before she opens anything. */
export interface InboxChanges {
  /** Those that changed, the one with the newest event first. */
  readonly rooms: readonly InboxRoom[];
  /** All that wait for an answer, whenever they came: newest first, 100 at the most. */
  readonly invitations: readonly Invitation[];
  /** Those that came or were read: newest change first, 100 at the most. */
  readonly notifications: readonly Notification[];
  /** How many are unread; 1,000 stands for as many and more. */
  readonly unreadNotifications: number;
  /** What else of hers changed, by this device or another or somebody else: worth asking for again. */
  readonly areas: readonly AreaChange[];
  /** To ask from next time, a few seconds earlier: what was being written now is not seen yet. */
  readonly serverNow: number;
}

/** Derived from heads, read positions and rows when asked for: a message costs the same in a room of 2 and of 256. */
export interface Inbox {
  /** What changed at or after an instant of the server's clock; everything without one. */
  changes(userId: UserId, since: number | null): Promise<InboxChanges>;
}

export interface InboxDeps {
  readonly read: Queries;
  readonly notifications: Pick<Notifications, "changes">;
  readonly areas: Pick<Areas, "changedSince">;
  readonly logs: Pick<RoomLogs, "decode">;
  /** What a message or an edit says. */
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
      // Before anything is read: what comes while it is read is seen now or next time.
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
        const ofRoom = othersByRoom.get(row.room_id) ?? [];
        ofRoom.push({
          userId: row.user_id,
          position: { segment: row.read_segment, index: row.read_position },
        });
        othersByRoom.set(row.room_id, ofRoom);
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

/** Cuts a text without leaving half of a surrogate pair. */
const cutText = (text: string, maxCharacters: number): string =>
  text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");

const headOf = ({ head_id: id, head_segment: segment, head_position: index }: ChangedRoomRow) => {
  if (id === null || segment === null || index === null) throw new Error("A room's log has no event");
  return { id, segment, index };
};

const toUserId = (id: string): UserId => id as UserId;
