import { describe, expect, test } from "vitest";
import { createMemoryStorage } from "./memory.ts";
import { createRecords, putBytes, putJson, remove } from "./records.ts";
import { StorageError, type Store } from "./storage.ts";

const createScene = async () => {
  const storage = createMemoryStorage();
  const store = await storage.open("store");
  const damaged: string[] = [];
  const records = createRecords(store, { onDamaged: (key) => damaged.push(key) });

  /** Changes one byte of a record; a negative index counts from its end. */
  const damage = async (key: string, at = -1): Promise<void> => {
    const value = (await store.get(key)) ?? expect.fail(`there is no record ${key}`);
    const index = at < 0 ? value.byteLength + at : at;
    value[index] = (value[index] ?? 0) ^ 1;
    await store.write([{ key, value }]);
  };

  return { records, store, damaged, damage };
};

describe("records", () => {
  test("returns JSON and bytes, in the order of their keys", async () => {
    const { records } = await createScene();
    const value = { text: "Größe 大 🎓", list: [1, null, true], lone: "\ud83c" };

    await records.write([putJson("b", value), putJson("a", 1), putBytes("c", Uint8Array.of(0, 255))]);
    await records.write([putBytes("d", new Uint8Array()), putJson("e", null), remove("a")]);

    expect(await records.getJson("b")).toEqual(value);
    expect(await records.getJson("a")).toBeUndefined();
    expect(await records.getJson("e")).toBeNull();
    expect(await records.getBytes("c")).toEqual(Uint8Array.of(0, 255));
    expect(await records.listBytes("d")).toEqual([{ key: "d", value: new Uint8Array() }]);
    expect(await records.keys("")).toEqual(["b", "c", "d", "e"]);
    expect(await records.listJson("b")).toEqual([{ key: "b", value }]);
  });

  test("keeps the values as they were at the call", async () => {
    const { records } = await createScene();
    const value = { list: [1] };
    const bytes = Uint8Array.of(1);
    const changes = [putJson("a", value), putBytes("b", bytes)];
    value.list.push(2);
    bytes.fill(2);
    await records.write(changes);

    expect(await records.getJson("a")).toEqual({ list: [1] });
    expect(await records.getBytes("b")).toEqual(Uint8Array.of(1));
  });

  test("rejects a value that JSON cannot represent", () => {
    expect(() => putJson("a", undefined)).toThrow(TypeError);
  });

  test("starts each record with the version of the format and the CRC-32 of key and payload", () => {
    const { value } = putBytes("123", new TextEncoder().encode("456"));

    expect(value?.[0]).toBe(1);
    expect(value?.subarray(5)).toEqual(new TextEncoder().encode("456"));
    expect(putBytes("124", new TextEncoder().encode("456")).value).not.toEqual(value);
    expect(putBytes("1234", new TextEncoder().encode("56")).value?.subarray(0, 5)).not.toEqual(
      value?.subarray(0, 5),
    );
  });
});

describe("reading a damaged record", () => {
  test.each([
    ["another version", 0],
    ["a changed check", 1],
    ["a changed payload", -1],
  ])("treats a record with %s as absent, sets it aside unchanged, and reports it", async (_what, at) => {
    const { records, store, damaged, damage } = await createScene();
    await records.write([putJson("a", "one"), putJson("b", "two")]);
    await damage("a", at);
    const found = await store.get("a");

    expect(await records.listJson("")).toEqual([{ key: "b", value: "two" }]);

    expect(damaged).toEqual(["a"]);
    expect(await store.keys("")).toEqual(["b", "damaged/000001/a"]);
    expect(await store.get("damaged/000001/a")).toEqual(found);
    expect(await records.getJson("a")).toBeUndefined();
    expect(await records.listJson("")).toEqual([{ key: "b", value: "two" }]);
    expect(await records.keys("")).toEqual(["b"]);
    expect(damaged).toEqual(["a"]);
  });

  test.each([
    ["a truncated record", Uint8Array.of(1, 2, 3)],
    ["an empty record", new Uint8Array()],
  ])("sets %s aside", async (_what, value) => {
    const { records, store, damaged } = await createScene();
    await store.write([{ key: "a", value }]);

    expect(await records.getBytes("a")).toBeUndefined();
    expect(damaged).toEqual(["a"]);
  });

  test("sets aside an intact value that is stored under another key", async () => {
    const { records, store, damaged } = await createScene();
    await store.write([{ ...putJson("a", 1), key: "b" }]);

    expect(await records.getJson("b")).toBeUndefined();
    expect(damaged).toEqual(["b"]);
  });

  test("sets aside a record that is no JSON", async () => {
    const { records, damaged } = await createScene();
    await records.write([putBytes("a", Uint8Array.of(123))]);

    expect(await records.getJson("a")).toBeUndefined();
    expect(damaged).toEqual(["a"]);
  });

  test("sets a record aside only once when several reads run at the same time", async () => {
    const { records, damaged, damage } = await createScene();
    await records.write([putJson("a", 1)]);
    await damage("a");

    const values = await Promise.all([records.getJson("a"), records.getJson("a"), records.listJson("")]);

    expect(values).toEqual([undefined, undefined, []]);
    expect(damaged).toEqual(["a"]);
  });

  test("leaves a new record of the same key in place", async () => {
    const { records, damage, damaged } = await createScene();
    await records.write([putJson("a", "old")]);
    await damage("a");

    const read = records.getJson("a");
    await records.write([putJson("a", "new")]);
    await read;

    expect(await records.getJson("a")).toBe("new");
    expect(damaged.length).toBeLessThanOrEqual(1);
  });

  test("never sets a record aside in the middle of a write of its key", async () => {
    const { records, store, damage } = await createScene();
    await records.write([putJson("a", "old")]);
    await damage("a");
    let reads = 0;
    let written: Promise<void> | undefined;
    const slow = createRecords(
      {
        ...store,
        get: async (key) => {
          const value = await store.get(key);
          reads += 1;
          // The second read: the record is about to be moved.
          if (reads === 2) written = slow.write([putJson("a", "new")]);
          return value;
        },
      },
      { onDamaged: () => {} },
    );

    await slow.getJson("a");
    await written;

    expect(reads).toBe(2);
    expect(await records.getJson("a")).toBe("new");
  });

  test("keeps only the newest 20 records that were set aside", async () => {
    const { records, store, damage } = await createScene();
    const keys = Array.from({ length: 23 }, (_none, index) => `key-${String(index).padStart(2, "0")}`);
    for (const key of [...keys].reverse()) {
      await records.write([putJson(key, key)]);
      await damage(key);
      await records.getJson(key);
    }

    const kept = await store.keys("damaged/");

    expect(kept).toHaveLength(20);
    expect(kept[0]).toBe("damaged/000004/key-19");
    expect(kept[19]).toBe("damaged/000023/key-00");
  });

  test("sets aside a record with a key of maximum length", async () => {
    const { records, store, damage } = await createScene();
    const key = "k".repeat(500);
    await records.write([putJson(key, 1)]);
    await damage(key);

    expect(await records.getJson(key)).toBeUndefined();
    expect(await store.keys("")).toEqual([`damaged/000001/${key}`.slice(0, 500)]);
  });

  test("leaves the record in place on a full disk, and still treats it as absent", async () => {
    const { store, records, damaged, damage } = await createScene();
    await records.write([putJson("a", 1)]);
    await damage("a");
    const full: Store = { ...store, write: () => Promise.reject(new StorageError("full", "Full")) };
    const onFull = createRecords(full, { onDamaged: (key) => damaged.push(key) });

    expect(await onFull.getJson("a")).toBeUndefined();

    expect(damaged).toEqual(["a"]);
    expect(await store.keys("")).toEqual(["a"]);
  });
});

describe("a record of a newer format", () => {
  const createNewerScene = async () => {
    const scene = await createScene();
    await scene.records.write([putJson("a", 1), putJson("b", 2)]);
    const value = (await scene.store.get("b")) ?? expect.fail("there is no record");
    value[0] = 2;
    await scene.store.write([{ key: "b", value }]);
    return { ...scene, value };
  };

  test("stays as it is, and is never taken for a damaged one", async () => {
    const { records, store, damaged, value } = await createNewerScene();

    await expect(records.getJson("b")).rejects.toMatchObject({ kind: "newer" });
    await expect(records.getBytes("b")).rejects.toMatchObject({ kind: "newer" });
    await expect(records.listJson("")).rejects.toMatchObject({ kind: "newer" });

    expect(damaged).toEqual([]);
    expect(await store.keys("")).toEqual(["a", "b"]);
    expect(await store.get("b")).toEqual(value);
  });

  test("ends all writes once it has been seen", async () => {
    const { records, store } = await createNewerScene();
    await records.getJson("b").catch(() => {});

    await expect(records.write([putJson("b", 3), remove("a")])).rejects.toMatchObject({ kind: "newer" });

    expect(await store.keys("")).toEqual(["a", "b"]);
  });

  test("counts as damaged if its check does not match, such as after a sector was lost", async () => {
    const { records, store, damaged } = await createScene();
    await store.write([{ key: "a", value: new Uint8Array(64).fill(0xff) }]);

    expect(await records.getJson("a")).toBeUndefined();
    expect(damaged).toEqual(["a"]);
  });
});
