import { comparePositions, type RoomId, type RoomSummary, type UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { MemberRoom } from "./inbox.ts";

const MAX_PREVIEW_CHARACTERS = 120;

/** A room in the list, with the sources of its summary. */
interface Shown {
  readonly room: MemberRoom;
  readonly own: OutboxEntry<"chat.send"> | undefined;
  readonly commands: readonly OutboxEntry[];
  readonly summary: RoomSummary;
  /** Greater is newer. */
  readonly newestAt: number;
}

/**
 * Creates a function that builds the list of rooms from the server's rooms and their commands in the outbox. Whatever did not
 * change is the same object as before, including the list itself.
 */
export const createRoomSummaries = (
  userId: UserId,
): ((
  rooms: ReadonlyMap<RoomId, MemberRoom>,
  commandsIn: (roomId: RoomId) => readonly OutboxEntry[],
) => readonly RoomSummary[]) => {
  let shownById: ReadonlyMap<RoomId, Shown> = new Map();
  let former: readonly RoomSummary[] = [];

  return (rooms, commandsIn) => {
    const shown = [...rooms.values()].map((room): Shown => {
      const before = shownById.get(room.id);
      const commands = commandsIn(room.id);
      if (before?.room === room && before.commands === commands) return before;
      const own = newestOwn(room, commands);
      const isSame = before?.room === room && before.own?.input === own?.input;
      return isSame ? { ...before, commands } : { ...show(room, own, userId), commands };
    });
    shownById = new Map(shown.map((one) => [one.room.id, one]));
    const list = shown
      .sort((one, other) => other.newestAt - one.newestAt || (one.room.id < other.room.id ? 1 : -1))
      .map(({ summary }) => summary);
    const isSame = list.length === former.length && list.every((one, place) => one === former[place]);
    if (!isSame) former = list;
    return former;
  };
};

/** Returns the newest own message of a room, unless the inbox already includes it. */
const newestOwn = (
  { head }: MemberRoom,
  commands: readonly OutboxEntry[],
): OutboxEntry<"chat.send"> | undefined => {
  for (let place = commands.length - 1; place >= 0; place -= 1) {
    const entry = commands[place];
    if (entry?.procedure !== "chat.send" || entry.state === "failed") continue;
    if (entry.state !== "acked" || comparePositions(entry.answer.position, head) > 0) return entry;
  }
  return undefined;
};

const show = (
  room: MemberRoom,
  own: OutboxEntry<"chat.send"> | undefined,
  userId: UserId,
): Omit<Shown, "commands"> => {
  const { history: _h, fromSegment: _f, head, ...summary } = room;
  const lastAt = own ? Math.max(own.createdAt, room.lastAt ?? 0) : room.lastAt;
  return {
    room,
    own,
    summary: own ? { ...summary, preview: cutText(own.input.text), lastAuthorId: userId, lastAt } : summary,
    // A room without messages is sorted by its newest event.
    newestAt: lastAt ?? idToTime(head.id),
  };
};

/** Cuts a text without leaving half of a surrogate pair. */
const cutText = (text: string): string =>
  text.slice(0, MAX_PREVIEW_CHARACTERS).replace(/[\ud800-\udbff]$/, "");

/** Returns the time of an id: the first 48 bits of a UUIDv7 are milliseconds. */
const idToTime = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
