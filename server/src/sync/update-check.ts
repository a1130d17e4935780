import { USER_ROOTS } from "@edvoyage/protocol";
import { ByteReader, MalformedBytes } from "./byte-reader.ts";
import { LEAST_ENTRY_BYTES, skipEntry } from "./entry-check.ts";

/** Clocks of one client: from the first up to, and without, the end. */
export interface ClockRange {
  readonly first: number;
  readonly end: number;
}

/** What an update that may be shown to Yjs brings and leans on. */
export interface CheckedUpdate {
  /** By client, what it brings. */
  readonly brings: ReadonlyMap<number, ClockRange>;
  /** By client, up to which clock it leans on what came before, as an origin or to delete it. */
  readonly needs: ReadonlyMap<number, number>;
  /** Its sender waits for something itself (a Yjs Skip): it has a gap, whatever is known here. */
  readonly hasSkips: boolean;
  /** Some of its items say what they were inserted before, which no push does. */
  readonly hasRightOrigins: boolean;
  /** Structs and ranges of deletes. */
  readonly operations: number;
  /** Entries that it adds. */
  readonly entries: number;
}

/** What bytes that should be an update are. */
export type UpdateCheck =
  | { readonly state: "fine"; readonly update: CheckedUpdate }
  /** `fault` is for a developer; it repeats nothing of the bytes. */
  | { readonly state: "malformed"; readonly fault: string };

/** What bytes that should be a state vector are. */
export type StateVectorCheck =
  /** How many structs its sender has of each client. */
  | { readonly state: "fine"; readonly clockByClient: ReadonlyMap<number, number> }
  | { readonly state: "malformed" }
  | { readonly state: "tooLarge" };

const CLOCK_END = 2 ** 31;

/** What the low five bits of a struct's first byte say. */
const STRUCT = { gc: 0, deleted: 1, any: 8, skip: 10 } as const;
const KIND_BITS = 0b0001_1111;
const HAS_PARENT_KEY = 0b0010_0000;
const HAS_RIGHT_ORIGIN = 0b0100_0000;
const HAS_ORIGIN = 0b1000_0000;

const LEAST_STRUCT_BYTES = 2;
const LEAST_CLIENT_BYTES = 3 + LEAST_STRUCT_BYTES;
const LEAST_DELETES_BYTES = 2;
const MAX_ROOT_BYTES = Math.max(...USER_ROOTS.map((root) => root.length));
const roots: ReadonlySet<string> = new Set(USER_ROOTS);

/**
 * Judges a client's update of a user document (Yjs update format V1) before Yjs sees it: Yjs allocates what a number
 * announces, and may throw after half of an update has changed its document. Takes time and memory in proportion to
 * the bytes that are there.
 *
 * Let through are entries of the known arrays, each a plain `{key, val}`, and what is left of deleted ones.
 */
export const checkUpdate = (bytes: Uint8Array): UpdateCheck => {
  try {
    return { state: "fine", update: readUpdate(new ByteReader(bytes)) };
  } catch (error) {
    if (error instanceof MalformedBytes) return { state: "malformed", fault: error.message };
    throw error;
  }
};

/** Judges a state vector, the body of a client's sync step 1, before Yjs sees it. */
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

interface Found {
  readonly brings: Map<number, ClockRange>;
  readonly needs: Map<number, number>;
  hasSkips: boolean;
  hasRightOrigins: boolean;
  operations: number;
  entries: number;
}

const readUpdate = (reader: ByteReader): CheckedUpdate => {
  const found: Found = {
    brings: new Map(),
    needs: new Map(),
    hasSkips: false,
    hasRightOrigins: false,
    operations: 0,
    entries: 0,
  };
  for (let left = reader.count(LEAST_CLIENT_BYTES); left > 0; left -= 1) readClient(reader, found);
  for (let left = reader.count(LEAST_DELETES_BYTES); left > 0; left -= 1) readDeletes(reader, found);
  reader.expectEnd();
  return found;
};

const readClient = (reader: ByteReader, found: Found): void => {
  const structs = reader.count(LEAST_STRUCT_BYTES);
  const client = reader.uint32();
  const first = reader.uint31();
  if (structs === 0 || found.brings.has(client))
    throw new MalformedBytes("a client that is empty or there twice");
  let clock = first;
  for (let left = structs; left > 0; left -= 1) {
    clock = endOf(clock, readStruct(reader, { client, clock }, found));
  }
  found.operations += structs;
  found.brings.set(client, { first, end: clock });
};

interface StructId {
  readonly client: number;
  readonly clock: number;
}

/** Returns how many clocks the struct takes. */
const readStruct = (reader: ByteReader, id: StructId, found: Found): number => {
  const head = reader.byte();
  switch (head & KIND_BITS) {
    case STRUCT.gc:
      if (head !== STRUCT.gc) throw new MalformedBytes("a struct of an unknown kind");
      return reader.uint31();
    case STRUCT.skip:
      if (head !== STRUCT.skip) throw new MalformedBytes("a struct of an unknown kind");
      found.hasSkips = true;
      return reader.uint31();
    case STRUCT.deleted:
      readPlace(reader, head, { id, found });
      return reader.uint31();
    case STRUCT.any:
      readPlace(reader, head, { id, found });
      return readEntries(reader, found);
    default:
      throw new MalformedBytes("a struct of an unknown kind");
  }
};

/** Where an item stands: beside others, or first in a root. */
const readPlace = (
  reader: ByteReader,
  head: number,
  { id, found }: { readonly id: StructId; readonly found: Found },
): void => {
  if (head & HAS_PARENT_KEY) throw new MalformedBytes("an item of a map");
  if (head & HAS_ORIGIN) readNeighbour(reader, id, found);
  if (head & HAS_RIGHT_ORIGIN) {
    found.hasRightOrigins = true;
    readNeighbour(reader, id, found);
  }
  if (head & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) return;
  if (reader.uint31() !== 1) throw new MalformedBytes("an item inside another");
  if (!roots.has(reader.text(MAX_ROOT_BYTES))) throw new MalformedBytes("an unknown root");
};

const readNeighbour = (reader: ByteReader, id: StructId, found: Found): void => {
  const client = reader.uint32();
  const clock = reader.uint31();
  // Yjs does not look whether its own client's clock is there yet, and throws half-way.
  if (client === id.client && clock >= id.clock) throw new MalformedBytes("an item beside a later one");
  need(found, client, clock + 1);
};

const readEntries = (reader: ByteReader, found: Found): number => {
  const entries = reader.count(LEAST_ENTRY_BYTES);
  for (let left = entries; left > 0; left -= 1) skipEntry(reader);
  found.entries += entries;
  return entries;
};

const readDeletes = (reader: ByteReader, found: Found): void => {
  const client = reader.uint32();
  const ranges = reader.count(2);
  for (let left = ranges; left > 0; left -= 1) need(found, client, endOf(reader.uint31(), reader.uint31()));
  found.operations += ranges;
};

const need = ({ needs }: Found, client: number, end: number): void => {
  if (end > (needs.get(client) ?? 0)) needs.set(client, end);
};

const endOf = (clock: number, length: number): number => {
  if (length === 0 || clock + length >= CLOCK_END) throw new MalformedBytes("a length of none or too many");
  return clock + length;
};
