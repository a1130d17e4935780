import {
  createEncoder,
  toUint8Array,
  writeAny,
  writeUint8,
  writeVarString,
  writeVarUint,
  type Encoder,
} from "lib0/encoding";
import * as Y from "yjs";
import { YKeyValue } from "y-utility/y-keyvalue";

/** A frame of a hostile client. `name` says what it tries. */
export interface HostileFrame {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A document and a valid update of it, from which mutants are made. */
export interface HonestUpdate {
  readonly name: string;
  readonly before: Uint8Array;
  readonly update: Uint8Array;
}

const FAVOURITE = "university:01990000-0000-7000-8000-000000000001";
const OTHER_FAVOURITE = "course:01990000-0000-7000-8000-000000000002";
const FRAME_BYTES = 256 * 1024;

type Part = (encoder: Encoder) => void;
const encode = (...parts: readonly (Part | readonly Part[])[]): Uint8Array => {
  const encoder = createEncoder();
  for (const part of parts.flat()) part(encoder);
  return toUint8Array(encoder);
};
const uint =
  (...values: readonly number[]): Part =>
  (encoder) => {
    for (const value of values) writeVarUint(encoder, value);
  };
const byte =
  (value: number): Part =>
  (encoder) =>
    writeUint8(encoder, value);
const inRoot = (root: string): Part => {
  const write = uint(1);
  return (encoder) => {
    write(encoder);
    writeVarString(encoder, root);
  };
};
const any =
  (value: unknown): Part =>
  (encoder) =>
    writeAny(encoder, JSON.parse(JSON.stringify(value)));
const repeat = (times: number, part: (index: number) => Part): Part[] =>
  Array.from({ length: times }, (_, index) => part(index));

/** Frames that made other servers allocate too much, hang, fail halfway, or serve a prototype. */
export const killers = (): HostileFrame[] => [
  { name: "2^25 structs in seven bytes", bytes: encode(uint(1, 2 ** 25, 1, 0)) },
  { name: "2^24 structs", bytes: encode(uint(1, 2 ** 24, 1, 0)) },
  { name: "2^31 clients", bytes: encode(uint(2 ** 31 - 1)) },
  { name: "2^30 entries", bytes: encode(uint(1, 1, 1, 0), byte(8), inRoot("settings"), uint(2 ** 30)) },
  { name: "2^30 deletes", bytes: encode(uint(0, 1, 1, 2 ** 30)) },
  {
    name: "a collected struct of 2^31 - 1 clocks",
    bytes: encode(uint(1, 1, 99, 0), byte(0), uint(2 ** 31 - 1, 0)),
  },
  { name: "clocks of 2^53", bytes: encode(uint(1, 1, 98, Number.MAX_SAFE_INTEGER), byte(0), uint(1, 0)) },
  { name: "a number without an end", bytes: new Uint8Array(FRAME_BYTES).fill(0xff) },
  { name: "zeros", bytes: new Uint8Array(FRAME_BYTES) },
  {
    name: "20,000 arrays in each other",
    bytes: valueOf(encode(repeat(20_000, () => (e) => (byte(117)(e), uint(1)(e))))),
  },
  {
    name: "20,000 objects in each other",
    bytes: valueOf(encode(repeat(20_000, () => (e) => (byte(118)(e), uint(1)(e), writeVarString(e, "a"))))),
  },
  {
    name: "a prototype",
    bytes: updateOf((doc) =>
      doc.getArray("settings").push([{ key: "k", val: JSON.parse('{"__proto__":{"isAdmin":true}}') }]),
    ),
  },
  {
    name: "the root __proto__",
    bytes: encode(
      uint(1, 1, 97, 0),
      byte(8),
      inRoot("__proto__"),
      uint(1),
      any({ key: "k", val: 1 }),
      uint(0),
    ),
  },
  { name: "text", bytes: updateOf((doc) => doc.getText("settings").insert(0, "x".repeat(1_000))) },
  { name: "a map", bytes: updateOf((doc) => doc.getMap("favourites").set("k", 1)) },
  {
    name: "nested types",
    bytes: updateOf((doc) => doc.getArray("settings").push([new Y.Map([["k", new Y.Array()]])])),
  },
  {
    name: "an array of 200,000 nulls",
    bytes: valueOf(
      encode(
        byte(117),
        uint(200_000),
        repeat(200_000, () => byte(126)),
      ),
    ),
  },
  ...Array.from({ length: 200 }, (_, index) => ({
    name: "an update that waits for one that never arrives",
    bytes: encode(
      uint(1, 1, 50, 10 + index * 2),
      byte(0x88),
      uint(50, 9 + index * 2, 1),
      any({ key: `k${index}`, val: "x".repeat(1_000) }),
      uint(0),
    ),
  })),
  { name: "a cycle of 4,000 clients", bytes: cycle(4_000) },
  { name: "9,000 clients at one position, each after the previous one", bytes: staircase(9_000) },
  { name: "4,000 clients at one position, each after the previous one", bytes: staircase(4_000) },
  { name: "one entry of each of 8,000 clients at one position", bytes: samePosition(8_000) },
  { name: "7,000 entries in one item", bytes: manyEntries(7_000) },
  {
    name: "every other of them deleted",
    bytes: encode(
      uint(0, 1, 7, 3_500),
      repeat(3_500, (index) => uint(index * 2, 1)),
    ),
  },
  {
    name: "60,000 deletes of one clock",
    bytes: encode(
      uint(0, 1, 7, 60_000),
      repeat(60_000, () => uint(1, 1)),
    ),
  },
  { name: "a chain of 20,000 deleted items", bytes: chain(20_000) },
  { name: "5,000 items at its beginning", bytes: atBeginning(5_000) },
];

/** Updates of y-websocket clients, small enough to try every mutant of them. */
export const honestUpdates = (): HonestUpdate[] => [
  honest(
    "a first favourite",
    () => {},
    (doc) => favouritesOf(doc).set(FAVOURITE, { addedAt: 1_790_000_000_000 }),
  ),
  honest(
    "a toggle",
    (doc) => favouritesOf(doc).set(FAVOURITE, { addedAt: 1.5 }),
    (doc) => {
      favouritesOf(doc).delete(FAVOURITE);
      favouritesOf(doc).set(OTHER_FAVOURITE, { addedAt: 7 });
    },
  ),
  honest(
    "settings",
    (doc) => settingsOf(doc).set("a", 1),
    (doc) => {
      settingsOf(doc).set("a", { b: [true, null, -5, 2.25, "é"] });
      settingsOf(doc).set("c", "d");
    },
  ),
  honest(
    "only deletes",
    (doc) => doc.getArray("settings").push(entries(6)),
    (doc) => {
      doc.getArray("settings").delete(4, 1);
      doc.getArray("settings").delete(1, 2);
    },
  ),
  honest(
    "inserts between others",
    (doc) => doc.getArray("settings").push(entries(4)),
    (doc) => {
      doc.getArray("settings").insert(2, entries(2));
      doc.getArray("settings").insert(0, entries(1));
      doc.getArray("settings").delete(3, 1);
    },
  ),
  honest(
    "what another device wrote",
    (doc) => doc.getArray("settings").push(entries(3)),
    (doc) => {
      const other = new Y.Doc();
      other.clientID = 11;
      Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
      other.getArray("settings").insert(1, entries(2));
      doc.getArray("settings").delete(1, 1);
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
      favouritesOf(doc).set(FAVOURITE, { addedAt: 3 });
    },
  ),
];

/** Yields every truncation of an update, and every variant of it that differs in one byte. */
export function* mutantsOf({ name, update }: HonestUpdate): Generator<HostileFrame> {
  for (let end = 0; end < update.length; end += 1) {
    yield { name: `${name}, cut at ${end}`, bytes: update.subarray(0, end) };
  }
  for (const [place, original] of update.entries()) {
    for (let value = 0; value < 256; value += 1) {
      if (value === original) continue;
      const bytes = update.slice();
      bytes[place] = value;
      yield { name: `${name}, byte ${place} is ${value}`, bytes };
    }
  }
}

const honest = (name: string, before: (doc: Y.Doc) => void, change: (doc: Y.Doc) => void): HonestUpdate => {
  const doc = new Y.Doc();
  doc.clientID = 5;
  before(doc);
  const start = Y.encodeStateAsUpdate(doc);
  const stateVector = Y.encodeStateVector(doc);
  change(doc);
  return { name, before: start, update: Y.encodeStateAsUpdate(doc, stateVector) };
};

const favouritesOf = (doc: Y.Doc) => new YKeyValue<unknown>(doc.getArray("favourites"));
const settingsOf = (doc: Y.Doc) => new YKeyValue<unknown>(doc.getArray("settings"));
const entries = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, val: index }));

function updateOf(change: (doc: Y.Doc) => void): Uint8Array {
  const doc = new Y.Doc();
  change(doc);
  return Y.encodeStateAsUpdate(doc);
}

/** Builds an entry with these bytes as its value. */
function valueOf(value: Uint8Array): Uint8Array {
  const head = encode(uint(1, 1, 96, 0), byte(8), inRoot("settings"), uint(1), byte(118), uint(2));
  const names = encode(
    (e) => writeVarString(e, "key"),
    any("k"),
    (e) => writeVarString(e, "val"),
  );
  return Buffer.concat([head, names, value, encode(byte(126), uint(0))]);
}

/** Builds a cycle: each client's item is placed next to that of the next client, and the last one next to the first. */
function cycle(clients: number): Uint8Array {
  return encode(
    uint(clients),
    repeat(clients, (index) => (e) => {
      uint(1, 1_000 + index, 0)(e);
      byte(0x81)(e);
      uint(1_000 + ((index + 1) % clients), 0, 1)(e);
    }),
    uint(0),
  );
}

/**
 * Builds items that each depend on the client below, so that they are integrated in ascending order and each passes all
 * earlier ones.
 */
function staircase(clients: number): Uint8Array {
  return encode(
    uint(clients),
    repeat(clients, (index) => (e) => {
      uint(2, 20_000 + index, 0)(e);
      if (index === 0) {
        byte(1)(e);
        inRoot("favourites")(e);
        uint(1)(e);
      } else {
        byte(0x81)(e);
        uint(20_000 + index - 1, 1, 1)(e);
      }
      byte(1)(e);
      inRoot("settings")(e);
      uint(1)(e);
    }),
    uint(0),
  );
}

function samePosition(clients: number): Uint8Array {
  return encode(
    uint(clients),
    repeat(clients, (index) => (e) => {
      uint(1, 40_000 + index, 0)(e);
      byte(8)(e);
      inRoot("settings")(e);
      uint(1)(e);
      any({ key: `${index}`, val: 0 })(e);
    }),
    uint(0),
  );
}

function manyEntries(count: number): Uint8Array {
  return encode(
    uint(1, 1, 7, 0),
    byte(8),
    inRoot("settings"),
    uint(count),
    repeat(count, (index) => any({ key: `${index}`, val: 0 })),
    uint(0),
  );
}

/** Builds items that cannot be merged, because each is to the left of the previous one. */
function chain(count: number): Uint8Array {
  return encode(
    uint(1, count, 8, 0),
    repeat(count, (index) => (e) => {
      byte(index === 0 ? 1 : 0x41)(e);
      if (index === 0) inRoot("settings")(e);
      else uint(8, index - 1)(e);
      uint(1)(e);
    }),
    uint(0),
  );
}

function atBeginning(count: number): Uint8Array {
  return encode(
    uint(1, count, 2 ** 32 - 1, 0),
    repeat(count, () => (e) => {
      byte(1)(e);
      inRoot("settings")(e);
      uint(1)(e);
    }),
    uint(0),
  );
}
