import type { Queries, UnitOfWork } from "@edvoyage/db";
import { EVENT_VERSION, type Limits, type LogId, type Position } from "@edvoyage/protocol";
import { createDecoder, readAny } from "lib0/decoding";
import type { NewId, Random } from "../platform/crypto.ts";
import { drawClientId } from "./client-id.ts";
import { encodeEntry, type EntryValue, type LogStretch } from "./log-encoder.ts";
import { logQueries as queries } from "./room-logs.store.ts";

/** A new entry for a log. */
export interface NewEntry {
  /** Unique among the entries of all logs. UUIDv7. */
  readonly id: string;
  readonly kind: string;
  /** The event that readers see: a tuple of plain values. */
  readonly event: readonly EntryValue[];
  readonly authorId: string | null;
  /** The id of what the entry is about, such as the message that it edits. */
  readonly subjectId: string | null;
  readonly at: number;
}

/** An author's entry that was not redacted. */
export interface AuthoredEntry {
  readonly id: string;
  readonly kind: string;
  readonly index: number;
  readonly event: readonly EntryValue[];
}

/** A segment at one moment. */
export interface SegmentState {
  readonly writerId: number;
  /** The number of its entries. */
  readonly length: number;
  /** Changes with every redaction in the segment. */
  readonly redactionRevision: number;
}

/** The part of a segment that a reader has. */
export interface ReaderPosition {
  /** The number of entries that it has. */
  readonly length: number;
  /** The redactions that it has; `undefined` when that is unknown, as for a reader that just connected. */
  readonly redactionRevision: number | undefined;
}

/**
 * Append-only logs that only the server writes. Clients read each segment as one read-only Yjs document.
 * This module does not interpret the entries.
 */
export interface RoomLogs {
  /** Creates an empty log with its segment 0. */
  create(tx: UnitOfWork, id: LogId, now: number): Promise<void>;
  /** Appends an entry at the next position, and seals the segment if that fills it. Returns the entry's position. */
  append(tx: UnitOfWork, id: LogId, entry: NewEntry): Promise<Position>;
  /** Seals the head segment and starts the next, unless the head is empty. Returns the number of the head. */
  roll(tx: UnitOfWork, id: LogId, now: number): Promise<number>;
  /** Deletes the bytes of entries permanently, here and at every reader. Idempotent. */
  redact(
    tx: UnitOfWork,
    id: LogId,
    redaction: { readonly places: readonly Position[]; readonly now: number },
  ): Promise<void>;
  /** An author's entries in a segment that were not redacted, in order. */
  authored(
    queries: Pick<Queries, "all">,
    authorId: string,
    place: { readonly id: LogId; readonly segment: number },
  ): Promise<readonly AuthoredEntry[]>;
  /** Deletes one segment of a log that nobody reads; returns whether more is left to delete. */
  drop(tx: UnitOfWork, id: LogId): Promise<boolean>;
  /** The position of the next entry: all entries are before it. Throws for a log that does not exist. */
  end(tx: Pick<Queries, "first">, id: LogId): Promise<Position>;
  /** Decodes the event from an entry's bytes. */
  decode(bytes: Uint8Array): readonly EntryValue[];
  /** The state of a segment; `undefined` for one that does not exist. */
  segment(id: LogId, segment: number): Promise<SegmentState | undefined>;
  /**
   * Reads what a reader lacks of a segment, and the state that it reaches with it. `since` is the instant of the oldest
   * entry in it, or of the last redaction when it has no entry. Throws for a segment that does not exist.
   */
  read(
    id: LogId,
    segment: number,
    reader: ReaderPosition,
  ): Promise<{ readonly state: SegmentState; readonly stretch: LogStretch; readonly since: number }>;
  /** The Yjs client ids that the segment had before restores of the database. */
  formerWriters(id: LogId, segment: number): Promise<readonly number[]>;
  /** Logs that any process changed at or after an instant, each with a text that differs after every change. */
  changedSince(since: number): Promise<ReadonlyMap<LogId, string>>;
}

export interface RoomLogsDeps {
  readonly read: Queries;
  readonly limits: Pick<Limits, "segmentEvents" | "segmentBytes">;
  readonly newId: NewId;
  readonly random: Random;
}

export const createRoomLogs = ({ read, limits, newId, random }: RoomLogsDeps): RoomLogs => {
  const headOf = async (tx: Pick<Queries, "first">, id: LogId) => {
    const head = await tx.first(queries.head, { id });
    if (!head) throw new Error("There is no such log");
    return head;
  };

  const startSegment = async (tx: UnitOfWork, id: LogId, at: { segment: number; now: number }) => {
    const row = await tx.first(queries.epoch, {});
    if (!row) throw new Error("The database has no epoch");
    const { segment, now } = at;
    await tx.all(queries.insertSegment, {
      id,
      segment,
      epoch: row.epoch,
      writerId: drawClientId(random),
      at: now,
    });
  };

  const write = async (
    tx: UnitOfWork,
    id: LogId,
    { head, entry }: { readonly head: Head; readonly entry: NewEntry },
  ): Promise<Head> => {
    const bytes = encodeEntry(entry.event);
    const { segment, length: position } = head;
    const { id: entryId, kind, authorId, subjectId, at } = entry;
    await tx.all(queries.insertEntry, {
      logId: id,
      segment,
      position,
      id: entryId,
      kind,
      authorId,
      subjectId,
      at,
      bytes,
    });
    return { segment, length: position + 1, size_bytes: head.size_bytes + bytes.length };
  };

  const grow = (tx: UnitOfWork, id: LogId, { head, at }: { head: Head; at: number }) =>
    tx.all(queries.growSegment, {
      id,
      segment: head.segment,
      length: head.length,
      sizeBytes: head.size_bytes,
      at,
    });

  /** Writes the last event of the segment and starts the next segment. */
  const seal = async (
    tx: UnitOfWork,
    id: LogId,
    { head, now }: { readonly head: Head; readonly now: number },
  ): Promise<number> => {
    const next = head.segment + 1;
    const entry = { id: newId<string>(now), kind: "next", event: [EVENT_VERSION, "next", next], at: now };
    const sealed = await write(tx, id, { head, entry: { ...entry, authorId: null, subjectId: null } });
    await grow(tx, id, { head: sealed, at: now });
    await startSegment(tx, id, { segment: next, now });
    await tx.all(queries.moveHead, { id, segment: next });
    return next;
  };

  const decode = (bytes: Uint8Array) => readAny(createDecoder(bytes)) as readonly EntryValue[];

  return {
    create: async (tx, id, now) => {
      await tx.all(queries.insertLog, { id });
      await startSegment(tx, id, { segment: 0, now });
    },

    append: async (tx, id, entry) => {
      // Serialize all appends, so that positions have no gaps: a reader that sees one diverges permanently.
      await tx.lock(`log:${id}`);
      const head = await headOf(tx, id);
      const grown = await write(tx, id, { head, entry });
      const isFull = grown.length + 1 >= limits.segmentEvents || grown.size_bytes > limits.segmentBytes;
      if (isFull) await seal(tx, id, { head: grown, now: entry.at });
      else await grow(tx, id, { head: grown, at: entry.at });
      return { segment: head.segment, index: head.length };
    },

    roll: async (tx, id, now) => {
      await tx.lock(`log:${id}`);
      const head = await headOf(tx, id);
      return head.length === 0 ? head.segment : seal(tx, id, { head, now });
    },

    redact: async (tx, id, { places, now }) => {
      await tx.lock(`log:${id}`);
      const changed = new Set<number>();
      for (const { segment, index: position } of places) {
        if (await tx.first(queries.redactEntry, { id, segment, position })) changed.add(segment);
      }
      for (const segment of changed) await tx.all(queries.noteRedaction, { id, segment, at: now });
    },

    end: async (tx, id) => {
      const { segment, length } = await headOf(tx, id);
      return { segment, index: length };
    },

    decode,

    authored: async (from, authorId, { id, segment }) =>
      (await from.all(queries.authored, { id, segment, authorId })).flatMap(({ bytes, position, ...row }) =>
        bytes ? [{ ...row, index: position, event: decode(bytes) }] : [],
      ),

    drop: async (tx, id) => {
      await tx.lock(`log:${id}`);
      const first = await tx.first(queries.firstSegment, { id });
      if (!first) {
        await tx.all(queries.deleteLog, { id });
        return false;
      }
      await tx.all(queries.deleteEntries, { id, segment: first.segment });
      await tx.all(queries.deleteSegment, { id, segment: first.segment });
      return true;
    },

    segment: async (id, segment) => {
      const row = await read.first(queries.segment, { id, segment });
      return row && rowToState(row);
    },

    read: async (id, segment, reader) => {
      // Read the length first: all entries before it are committed, so the later read of the rows misses none.
      const row = await read.first(queries.segment, { id, segment });
      if (!row) throw new Error("There is no such segment");
      const state = rowToState(row);
      const from = Math.min(reader.length, state.length);
      const rows =
        from < state.length ? await read.all(queries.entries, { id, segment, from, to: state.length }) : [];
      if (
        rows.length !== state.length - from ||
        rows.some(({ position }, index) => position !== from + index)
      ) {
        throw new Error(`Segment ${segment} of a log has a hole after ${from}`);
      }
      const isRedacted =
        state.redactionRevision !== 0 && state.redactionRevision !== reader.redactionRevision;
      const redacted = isRedacted
        ? await read.all(queries.redacted, { id, segment })
        : rows.filter(({ bytes }) => bytes === null);
      return {
        state,
        since: rows[0]?.at ?? row.changed_at,
        stretch: {
          writerId: state.writerId,
          from,
          entries: rows.map(({ bytes }) => bytes),
          // Leave out entries that were appended after the length was read.
          redacted: redacted.map(({ position }) => position).filter((position) => position < state.length),
        },
      };
    },

    formerWriters: async (id, segment) =>
      (await read.all(queries.formerWriters, { id, segment })).map((row) => row.writer_id),

    changedSince: async (since) => {
      const rows = await read.all(queries.changedSince, { since });
      // The instant alone is not enough: two changes may share a millisecond, one seen before the other was committed.
      return new Map(rows.map((row) => [row.log_id, `${row.changed_at} ${row.changes}`]));
    },
  };
};

interface Head {
  readonly segment: number;
  readonly length: number;
  readonly size_bytes: number;
}

const rowToState = (row: {
  writer_id: number;
  length: number;
  redaction_revision: number;
}): SegmentState => ({
  writerId: row.writer_id,
  length: row.length,
  redactionRevision: row.redaction_revision,
});
