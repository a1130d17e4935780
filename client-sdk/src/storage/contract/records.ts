import { MAX_KEY_LENGTH } from "../keys.ts";
import {
  bytes,
  contentOf,
  isSameBytes,
  MEBIBYTE,
  noise,
  testOnStore,
  put,
  errorKindOf,
  remove,
  type StorageContract,
} from "./fixture.ts";

/** Defines the tests of a store's records. */
export const describeRecords = (contract: StorageContract): void => {
  const { expect } = contract;

  testOnStore(contract, {
    name: "returns the bytes that were written",
    run: async (store) => {
      const values = [bytes(), Uint8Array.from({ length: 256 }, (_none, byte) => byte), noise(MEBIBYTE)];

      await store.write(values.map((value, index) => put(`value-${index}`, value)));

      for (const [index, value] of values.entries()) {
        expect(isSameBytes(await store.get(`value-${index}`), value)).toEqual(true);
      }
      const listed = await store.list("value-");
      expect(listed.map(({ value }, index) => isSameBytes(value, values[index] ?? bytes()))).toEqual([
        true,
        true,
        true,
      ]);
    },
  });

  testOnStore(contract, {
    name: "stores only the bytes inside a view of a longer buffer",
    run: async (store) => {
      await store.write([put("view", bytes(1, 2, 3, 4, 5).subarray(1, 3))]);

      const value = await store.get("view");

      expect(value && [...value]).toEqual([2, 3]);
      expect(value?.buffer.byteLength).toEqual(2);
    },
  });

  testOnStore(contract, {
    name: "has nothing under a key that was never written, or was removed",
    run: async (store) => {
      await store.write([put("a"), put("b")]);
      await store.write([remove("a"), remove("never")]);

      expect(await store.get("a")).toEqual(undefined);
      expect(await store.get("never")).toEqual(undefined);
      expect(await store.keys("")).toEqual(["b"]);
    },
  });

  testOnStore(contract, {
    name: "orders keys by their UTF-16 code units",
    run: async (store) => {
      // A surrogate pair (U+1F393) comes before U+FF5E here, and after it in UTF-8.
      const ordered = [
        "",
        "\u0000",
        "A",
        "B",
        "Z",
        "a",
        "a\u0000",
        "aa",
        "é",
        "大",
        "\u{1f393}",
        "\uff5e",
        "\uffff",
      ];

      await store.write([...ordered].reverse().map((key) => put(key)));

      expect(await store.keys("")).toEqual(ordered);
      expect((await store.list("")).map(({ key }) => key)).toEqual(ordered);
    },
  });

  testOnStore(contract, {
    name: "accepts the empty key like any other",
    run: async (store) => {
      await store.write([put("", bytes(1)), put("a")]);
      expect(await contentOf(store)).toEqual({ "": [1], a: [1] });
      expect([...((await store.get("")) ?? [])]).toEqual([1]);

      await store.write([remove("")]);

      expect(await store.get("")).toEqual(undefined);
      expect(await store.keys("")).toEqual(["a"]);
    },
  });

  testOnStore(contract, {
    name: "distinguishes keys that differ in half a surrogate pair",
    run: async (store) => {
      await store.write([put("\ud83c", bytes(1)), put("\ud83d", bytes(2)), put("\ufffd", bytes(3))]);

      expect(await contentOf(store)).toEqual({ "\ud83c": [1], "\ud83d": [2], "\ufffd": [3] });
    },
  });

  testOnStore(contract, {
    name: "lists the records with a prefix, whatever characters the prefix contains",
    run: async (store) => {
      const keys = [
        "a",
        "a%",
        "a%b",
        "a_",
        "a_b",
        "ab",
        "A%",
        "a\uffff",
        "a\uffff\uffff",
        "a\uffffb",
        "b",
        "*",
        "a*",
      ];
      await store.write(keys.map((key) => put(key)));

      for (const prefix of ["", "a", "a%", "a_", "a\uffff", "a\uffff\uffff", "\uffff", "c", "a*", "A"]) {
        const expected = keys.filter((key) => key.startsWith(prefix)).sort();
        expect(await store.keys(prefix)).toEqual(expected);
        expect((await store.list(prefix)).map(({ key }) => key)).toEqual(expected);
      }
    },
  });

  testOnStore(contract, {
    name: "accepts keys and prefixes of 500 characters, and rejects longer ones",
    run: async (store) => {
      for (const character of ["k", "é", "大", "\uffff"]) {
        const key = character.repeat(MAX_KEY_LENGTH);
        await store.write([put(key)]);

        expect(await store.keys(key)).toEqual([key]);
        expect(await store.keys(character)).toEqual([key]);
        expect(await errorKindOf(store.write([put("short"), put(`${key}k`)]))).toEqual("failed");
        expect(await errorKindOf(store.get(`${key}k`))).toEqual("failed");
        expect(await store.get("short")).toEqual(undefined);
      }
    },
  });

  testOnStore(contract, {
    name: "applies the changes of a write in their order",
    run: async (store) => {
      await store.write([
        put("a", bytes(1)),
        put("a", bytes(2)),
        put("b"),
        remove("b"),
        remove("c"),
        put("c"),
      ]);
      await store.write([]);

      expect(await contentOf(store)).toEqual({ a: [2], c: [1] });
    },
  });

  testOnStore(contract, {
    name: "applies a write of 1,000 changes",
    run: async (store) => {
      const keys = Array.from({ length: 1_000 }, (_none, index) => `key-${String(index).padStart(4, "0")}`);

      await store.write(keys.map((key) => put(key)));

      expect(await store.keys("key-")).toEqual(keys);
    },
  });

  testOnStore(contract, {
    name: "applies writes in the order of the calls, and a read sees the writes before it",
    run: async (store) => {
      const writes: Promise<void>[] = [];
      const reads: Promise<Uint8Array | undefined>[] = [];
      for (let turn = 0; turn < 50; turn += 1) {
        writes.push(store.write([put("last", bytes(turn)), put(`turn-${turn}`)]));
        reads.push(store.get("last"));
      }

      await Promise.all(writes);

      expect((await Promise.all(reads)).map((value) => value?.[0])).toEqual(reads.map((_none, turn) => turn));
      expect((await store.keys("turn-")).length).toEqual(50);
    },
  });

  testOnStore(contract, {
    name: "stores the bytes as they were at the call, even if the caller changes them afterwards",
    run: async (store) => {
      const value = bytes(1, 2);
      const changes = [put("a", value)];
      const written = store.write(changes);
      value.fill(9);
      changes.push(put("b"));
      await written;
      (await store.get("a"))?.fill(9);
      for (const record of await store.list("")) record.value.fill(9);

      expect(await contentOf(store)).toEqual({ a: [1, 2] });
    },
  });
};
