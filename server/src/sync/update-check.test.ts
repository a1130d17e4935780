import {
  createEncoder,
  toUint8Array,
  writeAny,
  writeUint8,
  writeVarString,
  writeVarUint,
  type Encoder,
} from "lib0/encoding";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { YKeyValue } from "y-utility/y-keyvalue";
import { checkStateVector, checkUpdate } from "./update-check.ts";

const FAVOURITE = "university:01990000-0000-7000-8000-000000000001";
const CLIENT = 7;

const encode = (...parts: readonly ((encoder: Encoder) => void)[]): Uint8Array => {
  const encoder = createEncoder();
  for (const part of parts) part(encoder);
  return toUint8Array(encoder);
};
const uint = (value: number) => (encoder: Encoder) => writeVarUint(encoder, value);
const byte = (value: number) => (encoder: Encoder) => writeUint8(encoder, value);
const text = (value: string) => (encoder: Encoder) => writeVarString(encoder, value);
const any = (value: unknown) => (encoder: Encoder) => writeAny(encoder, value as never);
const raw =
  (...bytes: number[]) =>
  (encoder: Encoder) =>
    bytes.forEach((value) => writeUint8(encoder, value));

type Part = (encoder: Encoder) => void;
/** Encodes the structs of one client from clock 0, without deletes. */
const structs = (count: number, ...parts: readonly Part[]): Uint8Array =>
  encode(uint(1), uint(count), uint(CLIENT), uint(0), ...parts, uint(0));
const inRoot = (root: string): Part[] => [uint(1), text(root)];
const entry = (value: unknown): Uint8Array => structs(1, byte(8), ...inRoot("settings"), uint(1), any(value));
/** Encodes an entry whose value is these bytes. */
const value = (...bytes: number[]): Uint8Array =>
  structs(
    1,
    byte(8),
    ...inRoot("settings"),
    uint(1),
    raw(118, 2),
    text("key"),
    any("k"),
    text("val"),
    raw(...bytes),
  );

const nested = (depth: number): unknown => (depth === 0 ? null : [nested(depth - 1)]);

describe("the check of an update", () => {
  test("[SY30] accepts every update that two devices make with a YKeyValue", () => {
    const [first, second] = [new Y.Doc(), new Y.Doc()];
    const favourites = new YKeyValue<{ addedAt: number }>(first.getArray("favourites"));
    const settings = new YKeyValue<unknown>(second.getArray("settings"));
    for (let i = 0; i < 50; i += 1) {
      favourites.set(`course:01990000-0000-7000-8000-0000000000${10 + (i % 20)}`, { addedAt: i / 3 });
      settings.set(`s${i % 7}`, { theme: "dark", sizes: [1, 2.5, -3, 1e300, null, true], "": "naïve 🎓" });
      if (i % 3 === 0) favourites.delete(FAVOURITE);
      if (i % 10 === 0) Y.applyUpdate(second, Y.encodeStateAsUpdate(first));
    }
    const before = Y.encodeStateVector(first);
    Y.applyUpdate(first, Y.encodeStateAsUpdate(second));

    for (const doc of [first, second, new Y.Doc()]) {
      for (const stateVector of [undefined, before]) {
        expect(checkUpdate(Y.encodeStateAsUpdate(doc, stateVector))).toMatchObject({ state: "fine" });
      }
    }
  });

  test("returns what the update brings and what it depends on", () => {
    const first = new Y.Doc();
    first.clientID = 1;
    first.getArray("settings").push([{ key: "a", val: 1 }]);
    const second = new Y.Doc();
    second.clientID = 2;
    Y.applyUpdate(second, Y.encodeStateAsUpdate(first));
    const stateVector = Y.encodeStateVector(second);
    second.getArray("settings").push([
      { key: "b", val: 2 },
      { key: "c", val: 3 },
    ]);
    second.getArray("settings").delete(0, 2);

    const check = checkUpdate(Y.encodeStateAsUpdate(second, stateVector));

    expect(check).toEqual({
      state: "fine",
      update: {
        brings: new Map([[2, { first: 0, end: 2 }]]),
        needs: new Map([
          [1, 1],
          [2, 1],
        ]),
        hasSkips: false,
        hasRightOrigins: false,
        operations: 4,
        entries: 1,
      },
    });
  });

  test("accepts a skip and returns that the sender lacks something itself", () => {
    expect(checkUpdate(structs(1, byte(10), uint(5)))).toMatchObject({
      state: "fine",
      update: { hasSkips: true },
    });
  });

  const atLimits: Readonly<Record<string, Uint8Array>> = {
    "nothing at all": bytesOf(0, 0),
    "collected structs": structs(1, byte(0), uint(5)),
    "a client id of 2^32 - 1": encode(
      uint(1),
      uint(1),
      uint(2 ** 32 - 1),
      uint(0),
      byte(0),
      uint(1),
      uint(0),
    ),
    "clocks up to 2^31 - 1": structs(1, byte(0), uint(2 ** 31 - 1)),
    "a key of 128 characters": entry({ key: "ü".repeat(128), val: null }),
    "a value before its key": entry({ val: null, key: "k" }),
    "a value of 2 KiB": entry({ key: "k", val: "x".repeat(2 * 1024 - 3) }),
    "a value nested 32 deep": entry({ key: "k", val: nested(31) }),
  };
  test.each(Object.entries(atLimits))("[SY29] accepts %s", (_name, bytes) => {
    expect(checkUpdate(bytes)).toMatchObject({ state: "fine" });
  });

  const faults: Readonly<Record<string, Uint8Array>> = {
    "no bytes": new Uint8Array(),
    "no delete set": bytesOf(0),
    "bytes after its end": bytesOf(0, 0, 0),
    "2^25 structs in seven bytes": encode(uint(1), uint(2 ** 25), uint(1), uint(0)),
    "2^25 clients": encode(uint(2 ** 25), uint(0)),
    "2^30 deletes": encode(uint(0), uint(1), uint(1), uint(2 ** 30)),
    "2^30 entries": structs(1, byte(8), ...inRoot("settings"), uint(2 ** 30)),
    "a number that never ends": bytesOf(...Array<number>(12).fill(0xff), 0),
    "a client id of 2^32": encode(uint(1), uint(1), uint(2 ** 32), uint(0), byte(0), uint(1), uint(0)),
    "a client that occurs twice": encode(
      uint(2),
      ...[0, 1].flatMap(() => [uint(1), uint(CLIENT), uint(0), byte(0), uint(1)]),
      uint(0),
    ),
    "a client without structs": encode(uint(1), uint(0), uint(CLIENT), uint(0), ...[1, 1, 1, 0, 1].map(uint)),
    "a clock of 2^31": encode(uint(1), uint(1), uint(CLIENT), uint(2 ** 31), byte(0), uint(1), uint(0)),
    "clocks that reach 2^31": structs(2, byte(0), uint(2 ** 31 - 1), byte(0), uint(1)),
    "a struct of length 0": structs(1, byte(0), uint(0)),
    "an item without entries": structs(1, byte(8), ...inRoot("settings"), uint(0)),
    "a delete of length 0": encode(uint(0), uint(1), uint(CLIENT), uint(1), uint(0), uint(0)),
    "a delete that reaches 2^31": encode(uint(0), uint(1), uint(CLIENT), uint(1), uint(5), uint(2 ** 31 - 1)),
    "an unknown root": structs(1, byte(8), ...inRoot("events"), uint(1), any({ key: "k", val: 1 })),
    "a root that every object has": structs(
      1,
      byte(8),
      ...inRoot("__proto__"),
      uint(1),
      any({ key: "k", val: 1 }),
    ),
    "an item of a map": structs(1, byte(8 | 0xa0), uint(3), uint(0), uint(1), any({ key: "k", val: 1 })),
    "an item inside another": structs(
      1,
      byte(8),
      uint(0),
      text("settings"),
      uint(1),
      any({ key: "k", val: 1 }),
    ),
    "an item next to itself": structs(
      1,
      byte(8 | 0x80),
      uint(CLIENT),
      uint(0),
      uint(1),
      any({ key: "k", val: 1 }),
    ),
    "an item to the left of a later one": structs(
      1,
      byte(8 | 0x40),
      uint(CLIENT),
      uint(9),
      uint(1),
      any({ key: "k", val: 1 }),
    ),
    "a text type": updateOf((doc) => doc.getText("settings").insert(0, "text")),
    "a map type": updateOf((doc) => doc.getMap("settings").set("k", 1)),
    "a nested type": updateOf((doc) => doc.getArray("settings").push([new Y.Map()])),
    "bytes as content": updateOf((doc) => doc.getArray("settings").push([new Uint8Array(3)])),
    "a subdocument": updateOf((doc) => doc.getArray("settings").push([new Y.Doc()])),
    "a bare value": entry(5),
    "an entry without a value": entry({ key: "k" }),
    "an entry with a third field": entry({ key: "k", val: 1, more: 1 }),
    "an entry with two keys": structs(
      1,
      byte(8),
      ...inRoot("settings"),
      uint(1),
      raw(118, 2),
      text("key"),
      any("a"),
      text("key"),
      any("b"),
    ),
    "a key that is not a text": entry({ key: 5, val: 1 }),
    "a key of 129 characters": entry({ key: "k".repeat(129), val: 1 }),
    "a value of more than 2 KiB": entry({ key: "k", val: "x".repeat(2 * 1024 - 2) }),
    "a value nested 33 deep": entry({ key: "k", val: nested(32) }),
    "a value nested 1,000 deep": entry({ key: "k", val: nested(1_000) }),
    undefined: entry({ key: "k", val: undefined }),
    "a bigint": entry({ key: "k", val: 5n }),
    "bytes in a value": entry({ key: "k", val: new Uint8Array(2) }),
    NaN: entry({ key: "k", val: Number.NaN }),
    infinity: entry({ key: "k", val: [-Infinity] }),
    "an unknown kind of value": value(115),
    "an integer of more than 32 bits": value(125, ...Array<number>(9).fill(0xff), 0),
    "a name that becomes a prototype": entry({ key: "k", val: JSON.parse('{"__proto__":{"isAdmin":true}}') }),
    "a constructor": entry({ key: "k", val: { constructor: 1 } }),
    "a nested prototype": entry({ key: "k", val: [{ a: { prototype: 1 } }] }),
    "NUL in a key": entry({ key: "a\0b", val: 1 }),
    "NUL in a value": entry({ key: "k", val: ["a\0"] }),
    "half a character": value(119, 1, 0xc3),
    "a surrogate": value(119, 3, 0xed, 0xa0, 0x80),
    "a text that is longer than the bytes": value(119, 100, 65),
  };
  test.each(Object.entries(faults))("[SY29] [SY30] rejects %s", (_name, bytes) => {
    expect(checkUpdate(bytes)).toMatchObject({ state: "malformed" });
  });

  test("[SY30] rejects an update that is cut short at any byte", () => {
    const bytes = updateOf((doc) => {
      const favourites = new YKeyValue<unknown>(doc.getArray("favourites"));
      favourites.set(FAVOURITE, { addedAt: 1 });
      favourites.set(FAVOURITE, { addedAt: 2.5 });
    });

    for (let end = 0; end < bytes.length; end += 1) {
      expect(checkUpdate(bytes.subarray(0, end)).state, `cut at ${end}`).toBe("malformed");
    }
  });
});

describe("the check of a state vector", () => {
  const vector = (...entries: readonly (readonly [number, number])[]): Uint8Array =>
    encode(uint(entries.length), ...entries.flatMap(([client, clock]) => [uint(client), uint(clock)]));

  test.each([
    ["an empty one", vector(), "fine"],
    ["one with as many entries as allowed", vector([1, 1], [2 ** 32 - 1, 2 ** 31 - 1]), "fine"],
    ["one with too many entries", vector([1, 1], [2, 1], [3, 1]), "tooLarge"],
    ["no bytes", new Uint8Array(), "malformed"],
    ["one that announces more entries than it has", encode(uint(2 ** 30), uint(1)), "malformed"],
    ["one with bytes after its end", encode(uint(0), uint(0)), "malformed"],
    ["one with a client id of 2^32", vector([2 ** 32, 1]), "malformed"],
    ["one with a clock of 2^31", vector([1, 2 ** 31]), "malformed"],
  ])("[SY26] returns the expected state for %s", (_name, bytes, state) => {
    expect(checkStateVector(bytes, 2)).toMatchObject({ state });
  });
});

function bytesOf(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

function updateOf(change: (doc: Y.Doc) => void): Uint8Array {
  const doc = new Y.Doc();
  change(doc);
  return Y.encodeStateAsUpdate(doc);
}
