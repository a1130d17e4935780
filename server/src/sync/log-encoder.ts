import { EVENTS_ROOT } from "@edvoyage/protocol";
import {
  createEncoder,
  toUint8Array,
  writeAny,
  writeUint8,
  writeUint8Array,
  writeVarString,
  writeVarUint,
  type Encoder,
} from "lib0/encoding";

/** Consecutive entries of a segment, and the redactions that a reader must apply. */
export interface LogStretch {
  /** The Yjs client id of the segment: 1 to 2^32 - 1. */
  readonly writerId: number;
  /** The position of the first of `entries`. */
  readonly from: number;
  /** Encoded entries in order, without gaps; `null` for a redacted one. */
  readonly entries: readonly (Uint8Array | null)[];
  /** Positions of redacted entries that the reader must drop, ascending; includes those among `entries`. */
  readonly redacted: readonly number[];
}

// The format: https://github.com/yjs/yjs/blob/v13.6.27/src/utils/UpdateEncoder.js, and Item.write of the same version.
const CONTENT_DELETED = 1;
const CONTENT_ANY = 8;
const HAS_ORIGIN = 0x80;
const PARENT_IS_ROOT = 1;

/** A value in an entry. */
export type EntryValue = string | number | null;

/**
 * Encodes an entry as it is stored and sent, in lib0's `any` encoding. Throws for text that the two databases would
 * store differently.
 */
export const encodeEntry = (event: readonly EntryValue[]): Uint8Array => {
  for (const value of event) assertStorable(value);
  const encoder = createEncoder();
  writeAny(encoder, [...event]);
  return toUint8Array(encoder);
};

/**
 * Divides a stretch into consecutive ones whose entries have about `maxBytes`, so that a reader on a slow line sees progress. The
 * last one has all redactions.
 */
export const splitStretch = (stretch: LogStretch, maxBytes: number): readonly LogStretch[] => {
  const { entries, from } = stretch;
  const parts: LogStretch[] = [];
  let [first, sizeBytes] = [0, 0];
  for (const [index, entry] of entries.entries()) {
    sizeBytes += entry?.length ?? 1;
    if (sizeBytes < maxBytes || index === entries.length - 1) continue;
    parts.push({ ...stretch, from: from + first, entries: entries.slice(first, index + 1), redacted: [] });
    [first, sizeBytes] = [index + 1, 0];
  }
  return [...parts, { ...stretch, from: from + first, entries: entries.slice(first) }];
};

/**
 * Encodes the Yjs update (format V1) for a reader that has everything before `from`. It equals byte for byte what
 * `Y.encodeStateAsUpdate` returns for a document in which one client pushed the entries and deleted the redacted ones:
 * one run of `ContentAny` for consecutive live entries, one of `ContentDeleted` for consecutive redacted ones, then the
 * delete set. It never writes a GC struct, because an item whose origin is one vanishes.
 */
export const encodeLogUpdate = ({ writerId, from, entries, redacted }: LogStretch): Uint8Array => {
  const encoder = createEncoder();
  const runs = toRuns(entries);
  writeVarUint(encoder, runs.length > 0 ? 1 : 0);
  if (runs.length > 0) {
    writeVarUint(encoder, runs.length);
    writeVarUint(encoder, writerId);
    writeVarUint(encoder, from);
    let clock = from;
    for (const run of runs) {
      writeRun(encoder, run, { writerId, clock });
      clock += run.length;
    }
  }
  writeDeleteSet(encoder, writerId, redacted);
  return toUint8Array(encoder);
};

interface Run {
  readonly length: number;
  /** The entries of a live run; `undefined` for a redacted one. */
  readonly live: Uint8Array[] | undefined;
}

const toRuns = (entries: readonly (Uint8Array | null)[]): readonly Run[] => {
  const runs: { length: number; live: Uint8Array[] | undefined }[] = [];
  for (const bytes of entries) {
    const last = runs.at(-1);
    if (!last || (last.live === undefined) !== (bytes === null)) {
      runs.push({ length: 1, live: bytes ? [bytes] : undefined });
      continue;
    }
    last.length += 1;
    if (bytes) last.live?.push(bytes);
  }
  return runs;
};

const writeRun = (
  encoder: Encoder,
  { length, live }: Run,
  { writerId, clock }: { readonly writerId: number; readonly clock: number },
): void => {
  const content = live ? CONTENT_ANY : CONTENT_DELETED;
  if (clock > 0) {
    writeUint8(encoder, content | HAS_ORIGIN);
    writeVarUint(encoder, writerId);
    writeVarUint(encoder, clock - 1);
  } else {
    writeUint8(encoder, content);
    writeVarUint(encoder, PARENT_IS_ROOT);
    writeVarString(encoder, EVENTS_ROOT);
  }
  writeVarUint(encoder, length);
  for (const bytes of live ?? []) writeUint8Array(encoder, bytes);
};

const writeDeleteSet = (encoder: Encoder, writerId: number, redacted: readonly number[]): void => {
  const ranges: { clock: number; length: number }[] = [];
  for (const position of redacted) {
    const last = ranges.at(-1);
    if (last && last.clock + last.length === position) last.length += 1;
    else ranges.push({ clock: position, length: 1 });
  }
  writeVarUint(encoder, ranges.length > 0 ? 1 : 0);
  if (ranges.length === 0) return;
  writeVarUint(encoder, writerId);
  writeVarUint(encoder, ranges.length);
  for (const { clock, length } of ranges) {
    writeVarUint(encoder, clock);
    writeVarUint(encoder, length);
  }
};

/** PostgreSQL rejects NUL in a text, and encoders treat half a surrogate pair differently. */
const assertStorable = (value: EntryValue): void => {
  if (typeof value === "string" && (!value.isWellFormed() || value.includes("\0"))) {
    throw new Error("A log entry has a text with NUL or a lone surrogate");
  }
};
