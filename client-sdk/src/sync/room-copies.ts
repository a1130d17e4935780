import type { MessageId, RoomHead, RoomId } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { StudentContext } from "../students/student-context.ts";
import type { Change } from "../storage/storage.ts";
import { ackedIn, arrivalOf, reachedIn, type Arrival } from "./acknowledged.ts";
import { endOf } from "./log-position.ts";
import { lostToCommand, missingMessages, ownMessages, type LostMessages } from "./lost-messages.ts";
import { createRoomRecords } from "./room-records.ts";
import { purgeMessages, readSegment, type Segment } from "./segment.ts";

/** A copy of one segment. */
export interface Copy {
  readonly doc: Y.Doc;
  content: Segment;
  /** Whether the device has stored this state of the copy. */
  isStored: boolean;
  /** Removals in this many of its rows were already applied to the older copies. */
  settledLength: number;
}

/**
 * The copies of a room's log, in memory and on the device: consecutive segments up to the newest one known. Make only
 * one call at a time.
 */
export interface RoomCopies {
  /** The copies in memory, oldest first. */
  readonly segments: readonly Segment[];
  readonly newest: Copy | undefined;
  readonly end: RoomHead | undefined;
  /** Set after copies were dropped, until it is decided which messages were lost with them. */
  readonly lost: LostMessages | undefined;
  /** Reads the newest copies from the device. */
  load(): Promise<void>;
  /** Reads the copies again, from the first that is in memory: another tab has stored something. */
  reload(): Promise<void>;
  /** Reads a copy from the device; `undefined` if it has none of these consecutive segments. */
  read(segment: number): Promise<Copy | undefined>;
  /** Adds an older copy before the first. */
  prepend(copy: Copy): void;
  /**
   * Takes in an update of a segment. A segment that does not directly follow the newest one starts a new sequence.
   */
  take(copy: Copy): void;
  /** Returns for each of the room's acknowledged commands whether its event has arrived. */
  arrivals(): readonly Arrival[];
  /** Returns the room's failed messages that the copies contain after all. */
  reached(): ReturnType<typeof reachedIn>;
  /**
   * Stores unsaved copies, and applies removals to the older copies. Also removes arrived commands from the outbox,
   * except while `isClosing`. If the log `isCurrent`, that is, here up to its end, it also decides which messages
   * were lost.
   */
  write(options: { readonly isCurrent: boolean; readonly isClosing?: boolean }): Promise<void>;
  /** Drops all copies, and remembers which of the student's own messages may be lost with them. */
  drop(): Promise<void>;
  /** Deletes everything of the room from the device. */
  erase(): Promise<void>;
}

/** How many rows to read from the device at first, if it has them. */
const FIRST_ROWS = 64;

/** Creates a copy of a segment that the device has not stored yet. */
export const createCopy = (segment: number, doc: Y.Doc): Copy => ({
  doc,
  content: readSegment(segment, doc),
  isStored: false,
  settledLength: 0,
});

/** Creates the copies of a room's log. Reads nothing before `load`. */
export const createRoomCopies = (
  roomId: RoomId,
  account: Pick<StudentContext, "records" | "outbox" | "userId" | "randomBytes">,
): RoomCopies => {
  const { records, outbox, userId } = account;
  const roomRecords = createRoomRecords(roomId, account);
  let copies: readonly Copy[] = [];
  /** The first consecutive segment on the device; `copies` may begin later. */
  let firstSegment = 0;
  /** Whether the device has copies outside the consecutive segments. */
  let hasStrays = false;
  let lost: LostMessages | undefined;

  const segments = (): readonly Segment[] => copies.map(({ content }) => content);
  const acked = () => ackedIn(outbox.inRoom(roomId).value);

  const prepend = (copy: Copy): void => {
    // The copy may be older than a removal that is known here.
    purge(
      [copy],
      removalsIn(copies, () => 0),
    );
    copies = [copy, ...copies];
    firstSegment = Math.min(firstSegment, copy.content.segment);
  };

  const read = async (segment: number): Promise<Copy | undefined> => {
    const doc = segment < firstSegment ? undefined : await roomRecords.copy(segment);
    if (!doc) return undefined;
    const copy = createCopy(segment, doc);
    return { ...copy, isStored: true, settledLength: copy.content.length };
  };

  /** Returns all segments on the device and in memory, oldest first. */
  const readAllSegments = async (): Promise<readonly Segment[]> => {
    const first = copies[0]?.content.segment ?? Infinity;
    const older: Segment[] = [];
    for (const segment of await roomRecords.segments()) {
      const doc = segment < first ? await roomRecords.copy(segment) : undefined;
      if (doc) older.push(readSegment(segment, doc));
    }
    return [...older, ...segments()];
  };

  /**
   * Removes copies outside the consecutive segments, and removed messages from copies that are only on the device.
   */
  const clean = async (
    removed: ReadonlySet<MessageId>,
    removesStrays: boolean,
  ): Promise<readonly Change[]> => {
    if (!removesStrays && removed.size === 0) return [];
    const [first = 0, last = 0] = [copies[0]?.content.segment, copies.at(-1)?.content.segment];
    const changes: Change[] = [];
    for (const segment of await roomRecords.segments()) {
      if (segment < firstSegment || segment > last) changes.push(roomRecords.removeCopy(segment));
      else if (segment < first) {
        const doc = await roomRecords.copy(segment);
        if (doc && purgeMessages(doc, removed)) changes.push(roomRecords.putCopy(segment, doc));
      }
    }
    return changes;
  };

  const settle = async (changes: readonly Change[], { candidates }: LostMessages): Promise<void> => {
    const missing = missingMessages(candidates, await readAllSegments());
    const unsentIds = new Set<string>(
      outbox.inRoom(roomId).value.flatMap(({ id, state }) => (state === "acked" ? [] : [id])),
    );
    await outbox.addAll(
      missing.filter(({ id }) => !unsentIds.has(id)).map((message) => lostToCommand(roomId, message)),
      [...changes, roomRecords.putLost(undefined)],
    );
    lost = undefined;
  };

  const load = async (from = Infinity): Promise<void> => {
    copies = [];
    lost = await roomRecords.lost();
    const storedSegments = await roomRecords.segments();
    firstSegment = storedSegments.at(-1) ?? 0;
    while (storedSegments.includes(firstSegment - 1)) firstSegment -= 1;
    for (
      let segment = storedSegments.at(-1) ?? -1, rows = 0;
      segment >= firstSegment && (rows < FIRST_ROWS || segment >= from);
      segment -= 1
    ) {
      const copy = await read(segment);
      // A damaged newest copy is fetched again. A damaged one in the middle leaves a hole, and the copies before it
      // are of no use.
      if (!copy && copies.length > 0) firstSegment = segment + 1;
      if (!copy) continue;
      rows += copy.content.rows.length;
      prepend(copy);
    }
    hasStrays = storedSegments.length > 0 && firstSegment !== storedSegments[0];
  };

  return {
    get segments() {
      return segments();
    },
    get newest() {
      return copies.at(-1);
    },
    get end() {
      return endOf(roomId, segments());
    },
    get lost() {
      return lost;
    },

    load: () => load(),
    reload: async () => {
      await load(copies[0]?.content.segment);
      // The tab that stores the copies also removes the strays.
      hasStrays = false;
    },

    read,
    prepend,

    take: (copy) => {
      copy.content = readSegment(copy.content.segment, copy.doc);
      const newest = copies.at(-1);
      if (newest === copy) return;
      if (newest?.content.segment === copy.content.segment - 1) copies = [...copies, copy];
      else {
        copies = [copy];
        firstSegment = copy.content.segment;
        hasStrays = true;
      }
    },

    reached: () => (lost ? [] : reachedIn(outbox.inRoom(roomId).value, segments())),

    arrivals: () => (lost ? [] : acked().map((entry) => arrivalOf(entry, segments()))),

    write: async ({ isCurrent, isClosing = false }) => {
      const removed = removalsIn(copies, ({ settledLength }) => settledLength);
      purge(copies, removed);
      // Write a snapshot of this moment; changes during the write belong to the next one.
      const shown = segments();
      const unsaved = copies.filter(({ isStored }) => !isStored);
      const lengths = copies.map((copy) => ({ copy, length: copy.content.length }));
      const puts = unsaved.map(({ content, doc }) => roomRecords.putCopy(content.segment, doc));
      if (puts.length > 0) puts.push(roomRecords.putEnd(endOf(roomId, shown)));
      const removesStrays = hasStrays;
      hasStrays = false;
      for (const copy of unsaved) copy.isStored = true;
      try {
        const changes = [...puts, ...(await clean(removed, removesStrays))];
        const arrived =
          lost || isClosing ? [] : acked().filter((entry) => arrivalOf(entry, shown) === "arrived");
        const ids = arrived.map(({ id }) => id);
        if (lost && isCurrent) await settle(changes, lost);
        else if (ids.length > 0) await outbox.forget(ids, changes);
        else if (changes.length > 0) await records.write(changes);
      } catch (error) {
        hasStrays ||= removesStrays;
        for (const copy of unsaved) copy.isStored = false;
        throw error;
      }
      for (const { copy, length } of lengths) copy.settledLength = length;
    },

    drop: async () => {
      // Another tab may have dropped the copies a moment ago.
      const former = (await roomRecords.lost())?.candidates ?? [];
      // The author of a rogue copy may have forged the student's messages; the server has the real ones.
      const soundSegments = (await readAllSegments()).filter(({ isRogue }) => !isRogue);
      const own = ownMessages(soundSegments, { userId, acked: acked() });
      const next = {
        candidates: [...new Map([...former, ...own].map((message) => [message.id, message])).values()],
      };
      const storedSegments = await roomRecords.segments();
      await records.write([
        ...storedSegments.map(roomRecords.removeCopy),
        roomRecords.putEnd(undefined),
        roomRecords.putLost(next),
      ]);
      lost = next;
      copies = [];
    },

    erase: async () => {
      const storedSegments = await roomRecords.segments();
      await outbox.forget(
        acked().map(({ id }) => id),
        [
          ...storedSegments.map(roomRecords.removeCopy),
          roomRecords.putEnd(undefined),
          roomRecords.putLost(undefined),
        ],
      );
      lost = undefined;
      copies = [];
    },
  };
};

/** Returns the messages that these copies remove, in rows from `from` on. */
const removalsIn = (copies: readonly Copy[], from: (copy: Copy) => number): ReadonlySet<MessageId> =>
  new Set(
    copies.flatMap((copy) =>
      copy.content.rows.flatMap(({ index, event }) =>
        event[1] === "remove" && index >= from(copy) ? [event[5]] : [],
      ),
    ),
  );

const purge = (copies: readonly Copy[], removed: ReadonlySet<MessageId>): void => {
  if (removed.size === 0) return;
  for (const copy of copies) {
    if (!purgeMessages(copy.doc, removed)) continue;
    copy.content = readSegment(copy.content.segment, copy.doc);
    copy.isStored = false;
  }
};
