import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { createSqliteStorage } from "./node-sqlite.ts";

const createScene = () => {
  const parent = mkdtempSync(join(tmpdir(), "edvoyage-sqlite-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "a", "b");
  return { folder, storage: createSqliteStorage({ folder }) };
};

test("other users cannot read the folder, a store, or its write-ahead log", async () => {
  const { folder, storage } = createScene();
  const store = await storage.open("store");
  await store.write([{ key: "a", value: Uint8Array.of(1) }]);

  const files = readdirSync(folder);

  expect(files).toEqual(["store.sqlite", "store.sqlite-wal"]);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const file of files) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  await store.close();
});

test("a deleted store leaves no file", async () => {
  const { folder, storage } = createScene();
  const store = await storage.open("store");
  await store.write([{ key: "a", value: Uint8Array.of(1) }]);

  await storage.delete("store");

  expect(readdirSync(folder)).toEqual([]);
});

test("deleting a store also deletes a write-ahead log whose database file is already gone", async () => {
  const { folder, storage } = createScene();
  await (await storage.open("other")).close();
  writeFileSync(join(folder, "store.sqlite-wal"), "left by a crash between two deletions");

  await storage.delete("store");

  expect(readdirSync(folder)).toEqual(["other.sqlite"]);
});

test("a removed record is no longer in the files after closing", async () => {
  const { folder, storage } = createScene();
  const store = await storage.open("store");
  await store.write([{ key: "a", value: new TextEncoder().encode("my phone number") }]);
  await store.write([{ key: "a", value: null }]);
  await store.close();

  expect(readFileSync(join(folder, "store.sqlite")).includes("my phone number")).toBe(false);
});

test("another program can neither open nor delete a store that is in use", async () => {
  const { folder, storage } = createScene();
  const other = createSqliteStorage({ folder });
  const store = await storage.open("store");
  await store.write([{ key: "a", value: Uint8Array.of(1) }]);

  await expect(other.open("store")).rejects.toMatchObject({ kind: "failed" });
  await expect(other.delete("store")).rejects.toMatchObject({ kind: "failed" });
  await store.write([{ key: "b", value: Uint8Array.of(1) }]);
  await store.close();

  const taken = await other.open("store");
  expect(await taken.keys("")).toEqual(["a", "b"]);
  await taken.close();
});

test("a write that fails in the middle leaves nothing, and the next one works", async () => {
  const { folder, storage } = createScene();
  await (await storage.open("store")).close();
  const file = new Sqlite(join(folder, "store.sqlite"));
  // SQLite does not roll back by itself after this, as it does on a full disk.
  file.exec(
    "create trigger no_empty before insert on records when length(new.value) = 0 begin select raise(abort, 'empty'); end",
  );
  file.close();
  const store = await storage.open("store");

  await expect(
    store.write([
      { key: "a", value: Uint8Array.of(1) },
      { key: "b", value: new Uint8Array() },
    ]),
  ).rejects.toMatchObject({ kind: "failed" });
  await store.write([{ key: "c", value: Uint8Array.of(1) }]);

  expect(await store.keys("")).toEqual(["c"]);
  await store.close();
});

test("purging a store leaves no removed record in its files", async () => {
  const { folder, storage } = createScene();
  const store = await storage.open("store");
  const isLeft = (): boolean =>
    readdirSync(folder).some((file) => readFileSync(join(folder, file)).includes("a secret"));
  await store.write([{ key: "a", value: Buffer.from("a secret") }]);
  await store.write([{ key: "a", value: null }]);
  const before = isLeft();

  await store.purge?.();

  expect({ before, after: isLeft() }).toEqual({ before: true, after: false });
  await store.close();
});

test("rejects a file that is no database, and can delete it", async () => {
  const { folder, storage } = createScene();
  await (await storage.open("other")).close();
  writeFileSync(
    join(folder, "store.sqlite"),
    "not a database, but longer than its header would be".repeat(10),
  );

  await expect(storage.open("store")).rejects.toMatchObject({ kind: "failed" });
  await storage.delete("store");

  expect(await storage.list()).toEqual(["other"]);
});

test("throws a StorageError when the folder cannot be created", async () => {
  const { folder, storage } = createScene();
  await (await storage.open("store")).close();
  const inFile = createSqliteStorage({ folder: join(folder, "store.sqlite", "folder") });

  await expect(inFile.open("store")).rejects.toMatchObject({ name: "StorageError", kind: "failed" });
});

test("a store whose files were deleted is closed: nothing is written to files that nobody can find", async () => {
  const { folder, storage } = createScene();
  const store = await storage.open("store");
  await store.write([{ key: "a", value: Uint8Array.of(1) }]);

  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  await expect(store.keys("")).rejects.toMatchObject({ kind: "closed" });
  await expect(store.write([{ key: "b", value: Uint8Array.of(1) }])).rejects.toMatchObject({
    kind: "closed",
  });

  await store.close();
  const again = await storage.open("store");
  expect(await again.keys("")).toEqual([]);
  await again.close();
});

test("a database of a newer version is left as it is, and its store is not opened", async () => {
  const { folder, storage } = createScene();
  await (await storage.open("store")).close();
  const file = new Sqlite(join(folder, "store.sqlite"));
  file.pragma("user_version = 2");
  file.close();
  const before = readFileSync(join(folder, "store.sqlite"));

  await expect(storage.open("store")).rejects.toMatchObject({ name: "StorageError", kind: "newer" });

  expect(readFileSync(join(folder, "store.sqlite"))).toEqual(before);
});
