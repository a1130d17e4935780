import { USER_ROOTS } from "@edvoyage/protocol";
import { ByteReader, MalformedBytes } from "./byte-reader.ts";
import { MIN_ENTRY_BYTES, skipEntry } from "./entry-check.ts";

/** A range of clocks of one client; `end` is exclusive. */
export interface ClockRange {
  readonly first: number;
  readonly end: number;
}

/** The contents and dependencies of an update that is safe for Yjs. */
export interface CheckedUpdate {
  /** The clocks that the update brings, by client. */
  readonly brings: ReadonlyMap<number, ClockRange>;
  /** The clock (exclusive) up to which the update depends on earlier structs, by client: as origins, or to delete them. */
  readonly needs: ReadonlyMap<number, number>;
  /** The sender lacks something itself (a Yjs Skip): the update has a gap, whatever the server has. */
  readonly hasSkips: boolean;
  /** Some items have a right origin: they were inserted before another item, which a push never does. */
  readonly hasRightOrigins: boolean;
  /** The number of structs and delete ranges. */
  readonly operations: number;
  /** The number of entries that it adds. */
  readonly entries: number;
}

/** The result of checking an update. */
export type UpdateCheck =
  | { readonly state: "fine"; readonly update: CheckedUpdate }
  /** `fault` is for developers; it never repeats the bytes. */
  | { readonly state: "malformed"; readonly fault: string };

/** The result of checking a state vector. */
export type StateVectorCheck =
  /** The number of clocks that the sender has of each client. */
  | { readonly state: "fine"; readonly clockByClient: ReadonlyMap<number, number> }
  | { readonly state: "malformed" }
  | { readonly state: "tooLarge" };

const CLOCK_END = 2 ** 31;

/** Kinds of structs: the low five bits of the first byte. */
const STRUCT = { gc: 0, deleted: 1, any: 8, skip: 10 } as const;
const KIND_BITS = 0b0001_1111;
const HAS_PARENT_KEY = 0b0010_0000;
const HAS_RIGHT_ORIGIN = 0b0100_0000;
const HAS_ORIGIN = 0b1000_0000;

const MIN_STRUCT_BYTES = 2;
const MIN_CLIENT_BYTES = 3 + MIN_STRUCT_BYTES;
const MIN_DELETES_BYTES = 2;
const MAX_ROOT_BYTES = Math.max(...USER_ROOTS.map((root) => root.length));
const roots: ReadonlySet<string> = new Set(USER_ROOTS);

/**
 * Checks a client's update of a user document (Yjs update format V1) before Yjs gets it: Yjs allocates whatever a number
 * announces, and may throw after half of an update has changed the document. Time and memory are proportional to the
 * size of the bytes.
 *
 * It accepts entries of the known arrays, each a plain `{key, val}`, and the remains of deleted ones.
 */
export const checkUpdate = (bytes: Uint8Array): UpdateCheck => {
  try {
    return { state: "fine", update: readUpdate(new ByteReader(bytes)) };
  } catch (error) {
    if (error instanceof MalformedBytes) return { state: "malformed", fault: error.message };
    throw error;
  }
};

/** Checks a state vector, the body of a client's sync step 1, before Yjs gets it. */
export const checkStateVector = (bytes: Uint8Array, maxEntries: number): StateVectorCheck => {
  const reader = new ByteReader(bytes);
  try {
    const entries = reader.count(2);
    if (entries > maxEntries) return { state: "tooLarge" };
    const clockByClient = new Map<number, number>();
    for (let left = entries; left > 0; left -= 1) clockByClient.set(reader.uint32(), reader.uint31());
    reader.expectEnd();
    return { state: "fine", clockByClient };
  } catch (error) {
    if (error instanceof MalformedBytes) return { state: "malformed" };
    throw error;
  }
};

interface Findings {
  readonly brings: Map<number, ClockRange>;
  readonly needs: Map<number, number>;
  hasSkips: boolean;
  hasRightOrigins: boolean;
  operations: number;
  entries: number;
}

const readUpdate = (reader: ByteReader): CheckedUpdate => {
  const findings: Findings = {
    brings: new Map(),
    needs: new Map(),
    hasSkips: false,
    hasRightOrigins: false,
    operations: 0,
    entries: 0,
  };
  for (let left = reader.count(MIN_CLIENT_BYTES); left > 0; left -= 1) readClient(reader, findings);
  for (let left = reader.count(MIN_DELETES_BYTES); left > 0; left -= 1) readDeletes(reader, findings);
  reader.expectEnd();
  return findings;
};

const readClient = (reader: ByteReader, findings: Findings): void => {
  const structs = reader.count(MIN_STRUCT_BYTES);
  const client = reader.uint32();
  const first = reader.uint31();
  if (structs === 0 || findings.brings.has(client))
    throw new MalformedBytes("a client that is empty or occurs twice");
  let clock = first;
  for (let left = structs; left > 0; left -= 1) {
    clock = endOf(clock, readStruct(reader, { client, clock }, findings));
  }
  findings.operations += structs;
  findings.brings.set(client, { first, end: clock });
};

interface StructId {
  readonly client: number;
  readonly clock: number;
}

/** Reads a struct; returns the number of its clocks. */
const readStruct = (reader: ByteReader, id: StructId, findings: Findings): number => {
  const head = reader.byte();
  switch (head & KIND_BITS) {
    case STRUCT.gc:
      if (head !== STRUCT.gc) throw new MalformedBytes("a struct of an unknown kind");
      return reader.uint31();
    case STRUCT.skip:
      if (head !== STRUCT.skip) throw new MalformedBytes("a struct of an unknown kind");
      findings.hasSkips = true;
      return reader.uint31();
    case STRUCT.deleted:
      readPlace(reader, head, { id, findings });
      return reader.uint31();
    case STRUCT.any:
      readPlace(reader, head, { id, findings });
      return readEntries(reader, findings);
    default:
      throw new MalformedBytes("a struct of an unknown kind");
  }
};

/** Reads the place of an item: next to other items, or first in a root. */
const readPlace = (
  reader: ByteReader,
  head: number,
  { id, findings }: { readonly id: StructId; readonly findings: Findings },
): void => {
  if (head & HAS_PARENT_KEY) throw new MalformedBytes("an item of a map");
  if (head & HAS_ORIGIN) readNeighbour(reader, id, findings);
  if (head & HAS_RIGHT_ORIGIN) {
    findings.hasRightOrigins = true;
    readNeighbour(reader, id, findings);
  }
  if (head & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) return;
  if (reader.uint31() !== 1) throw new MalformedBytes("an item inside another");
  if (!roots.has(reader.text(MAX_ROOT_BYTES))) throw new MalformedBytes("an unknown root");
};

const readNeighbour = (reader: ByteReader, id: StructId, findings: Findings): void => {
  const client = reader.uint32();
  const clock = reader.uint31();
  // Yjs does not check that a clock of the same client exists already, and would throw midway.
  if (client === id.client && clock >= id.clock) throw new MalformedBytes("an item next to a later one");
  noteNeed(findings, client, clock + 1);
};

const readEntries = (reader: ByteReader, findings: Findings): number => {
  const entries = reader.count(MIN_ENTRY_BYTES);
  for (let left = entries; left > 0; left -= 1) skipEntry(reader);
  findings.entries += entries;
  return entries;
};

const readDeletes = (reader: ByteReader, findings: Findings): void => {
  const client = reader.uint32();
  const ranges = reader.count(2);
  for (let left = ranges; left > 0; left -= 1)
    noteNeed(findings, client, endOf(reader.uint31(), reader.uint31()));
  findings.operations += ranges;
};

const noteNeed = ({ needs }: Findings, client: number, end: number): void => {
  if (end > (needs.get(client) ?? 0)) needs.set(client, end);
};

const endOf = (clock: number, length: number): number => {
  if (length === 0 || clock + length >= CLOCK_END)
    throw new MalformedBytes("a length that is zero or too large");
  return clock + length;
};
