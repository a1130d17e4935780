import type { MessageId, RoomHead, RoomId } from "@edvoyage/protocol";
import type * as Y from "yjs";
import type { StudentContext } from "../students/student-context.ts";
import type { Change } from "../storage/storage.ts";
import { ackedIn, arrivalOf, type Arrival } from "./acknowledged.ts";
import { endOf } from "./log-position.ts";
import { lostToCommand, missingMessages, ownMessages, type LostMessages } from "./lost-messages.ts";
import { createRoomRecords } from "./room-records.ts";
import { purgeMessages, readSegment, type Segment } from "./segment.ts";

/** The copy of one segment. */
export interface Copy {
  readonly doc: Y.Doc;
  content: Segment;
  /** The device has it as it is here. */
  isKept: boolean;
  /** The removals in so many of its rows were made in the older copies too. */
  settledLength: number;
}

/**
 * The copies of a room's log, in memory and on the device: a stretch of segments without a hole that ends with the
 * newest one known. Not to be asked for two things at once.
 */
export interface RoomCopies {
  /** Those in memory, oldest first. */
  readonly segments: readonly Segment[];
  readonly newest: Copy | undefined;
  readonly end: RoomHead | undefined;
  /** Set from the moment at which copies were dropped until it is decided what was lost with them. */
  readonly lost: LostMessages | undefined;
  /** Reads the newest of the device's copies. */
  load(): Promise<void>;
  /** Reads one from the device; `undefined` where it has none of this stretch. */
  read(segment: number): Promise<Copy | undefined>;
  /** Puts an older one before the first. */
  prepend(copy: Copy): void;
  /** Takes in what came for a segment. One that does not continue the stretch begins another. */
  take(copy: Copy): void;
  /** How the room's acknowledged commands stand. */
  arrivals(): readonly Arrival[];
  /**
   * Writes what is not kept yet, and makes removals in the older copies. Beside it the outbox forgets what has arrived,
   * unless it `isClosing`; when the log `isCurrent`, here up to its end, it is also decided what was lost.
   */
  write(options: { readonly isCurrent: boolean; readonly isClosing?: boolean }): Promise<void>;
  /** Drops all copies, and keeps which own messages may be lost with them. */
  drop(): Promise<void>;
  /** Drops all there is of the room. */
  erase(): Promise<void>;
}

/** Rows that are read from the device at first, if it has them. */
const FIRST_ROWS = 64;

export const createCopy = (segment: number, doc: Y.Doc): Copy => ({
  doc,
  content: readSegment(segment, doc),
  isKept: false,
  settledLength: 0,
});

export const createRoomCopies = (
  roomId: RoomId,
  account: Pick<StudentContext, "records" | "outbox" | "userId" | "randomBytes">,
): RoomCopies => {
  const { records, outbox, userId } = account;
  const kept = createRoomRecords(roomId, account);
  let copies: readonly Copy[] = [];
  /** The first segment of this stretch on the device; `copies` may begin later. */
  let floor = 0;
  /** The device has copies that are not of this stretch. */
  let hasStrays = false;
  let lost: LostMessages | undefined;

  const segments = (): readonly Segment[] => copies.map(({ content }) => content);
  const acked = () => ackedIn(outbox.entries.value, roomId);

  const prepend = (copy: Copy): void => {
    // It may be of before a removal that is known here.
    purge(
      [copy],
      removalsIn(copies, () => 0),
    );
    copies = [copy, ...copies];
    floor = Math.min(floor, copy.content.segment);
  };

  const read = async (segment: number): Promise<Copy | undefined> => {
    const doc = segment < floor ? undefined : await kept.copy(segment);
    if (!doc) return undefined;
    const copy = createCopy(segment, doc);
    return { ...copy, isKept: true, settledLength: copy.content.length };
  };

  /** What the device and memory have, oldest first. */
  const everything = async (): Promise<readonly Segment[]> => {
    const first = copies[0]?.content.segment ?? Infinity;
    const older: Segment[] = [];
    for (const segment of await kept.segments()) {
      const doc = segment < first ? await kept.copy(segment) : undefined;
      if (doc) older.push(readSegment(segment, doc));
    }
    return [...older, ...segments()];
  };

  /** Removes what is not of the stretch, and removed messages from what is on the device alone. */
  const clean = async (removed: ReadonlySet<MessageId>, sweeps: boolean): Promise<readonly Change[]> => {
    if (!sweeps && removed.size === 0) return [];
    const [first = 0, last = 0] = [copies[0]?.content.segment, copies.at(-1)?.content.segment];
    const changes: Change[] = [];
    for (const segment of await kept.segments()) {
      if (segment < floor || segment > last) changes.push(kept.removeCopy(segment));
      else if (segment < first) {
        const doc = await kept.copy(segment);
        if (doc && purgeMessages(doc, removed)) changes.push(kept.putCopy(segment, doc));
      }
    }
    return changes;
  };

  const settle = async (changes: readonly Change[], { candidates }: LostMessages): Promise<void> => {
    const missing = missingMessages(candidates, await everything());
    const known = new Set<string>(
      outbox.entries.value.flatMap(({ id, state }) => (state === "acked" ? [] : [id])),
    );
    await outbox.addAll(
      missing.filter(({ id }) => !known.has(id)).map((message) => lostToCommand(roomId, message)),
      [...changes, kept.putLost(undefined)],
    );
    lost = undefined;
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

    load: async () => {
      copies = [];
      lost = await kept.lost();
      const known = await kept.segments();
      floor = known.at(-1) ?? 0;
      while (known.includes(floor - 1)) floor -= 1;
      for (let segment = known.at(-1) ?? -1, rows = 0; segment >= floor && rows < FIRST_ROWS; segment -= 1) {
        const copy = await read(segment);
        // A damaged newest one is fetched again; one in the middle is a hole, and what is before it of no use.
        if (!copy && copies.length > 0) floor = segment + 1;
        if (!copy) continue;
        rows += copy.content.rows.length;
        prepend(copy);
      }
      hasStrays = known.length > 0 && floor !== known[0];
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
        floor = copy.content.segment;
        hasStrays = true;
      }
    },

    arrivals: () => (lost ? [] : acked().map((entry) => arrivalOf(entry, segments()))),

    write: async ({ isCurrent, isClosing = false }) => {
      const removed = removalsIn(copies, ({ settledLength }) => settledLength);
      purge(copies, removed);
      // All that is written is of this moment; what comes while it is written is of the next one.
      const shown = segments();
      const unkept = copies.filter(({ isKept }) => !isKept);
      const lengths = copies.map((copy) => ({ copy, length: copy.content.length }));
      const puts = unkept.map(({ content, doc }) => kept.putCopy(content.segment, doc));
      if (puts.length > 0) puts.push(kept.putEnd(endOf(roomId, shown)));
      const sweeps = hasStrays;
      hasStrays = false;
      for (const copy of unkept) copy.isKept = true;
      try {
        const changes = [...puts, ...(await clean(removed, sweeps))];
        const arrived =
          lost || isClosing ? [] : acked().filter((entry) => arrivalOf(entry, shown) === "arrived");
        const ids = arrived.map(({ id }) => id);
        if (lost && isCurrent) await settle(changes, lost);
        else if (ids.length > 0) await outbox.forget(ids, changes);
        else if (changes.length > 0) await records.write(changes);
      } catch (error) {
        hasStrays ||= sweeps;
        for (const copy of unkept) copy.isKept = false;
        throw error;
      }
      for (const { copy, length } of lengths) copy.settledLength = length;
    },

    drop: async () => {
      // Another tab may have dropped them a moment ago.
      const former = (await kept.lost())?.candidates ?? [];
      // Who wrote into a rogue copy may have signed with her name; the server has what is hers in it.
      const segmentsThere = (await everything()).filter(({ isRogue }) => !isRogue);
      const own = ownMessages(segmentsThere, { userId, acked: acked() });
      const next = { candidates: [...new Map([...former, ...own].map((one) => [one.id, one])).values()] };
      const known = await kept.segments();
      await records.write([...known.map(kept.removeCopy), kept.putEnd(undefined), kept.putLost(next)]);
      lost = next;
      copies = [];
    },

    erase: async () => {
      const known = await kept.segments();
      await outbox.forget(
        acked().map(({ id }) => id),
        [...known.map(kept.removeCopy), kept.putEnd(undefined), kept.putLost(undefined)],
      );
      lost = undefined;
      copies = [];
    },
  };
};

/** The messages that these copies remove, in rows from `from` on. */
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
    copy.isKept = false;
  }
};
