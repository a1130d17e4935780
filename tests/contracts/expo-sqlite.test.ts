import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createExpoSqliteStorage, type ExpoSqlite } from "@edvoyage/client-sdk/react-native";
import Sqlite from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/databases/databases.ts";
import { createFakeExpoSqlite } from "../support/fakes/fake-expo-sqlite.ts";

/** Adds a trigger. SQLite does not roll back by itself after its error, unlike after a full disk. */
const refuseEmptyValues = (path: string): void => {
  const file = new Sqlite(path);
  file.exec(
    "create trigger no_empty before insert on records when length(new.value) = 0 begin select raise(abort, 'empty'); end",
  );
  file.close();
};

describe("expo-sqlite", () => {
  test("a store that is deleted after a crash leaves nothing on the disk", async () => {
    const [folder, crashed] = [temporaryFolder(), temporaryFolder()];
    const store = await createExpoSqliteStorage(createFakeExpoSqlite(folder, "ios")).open("store");
    await store.write([{ key: "a", value: Uint8Array.of(1) }]);
    cpSync(folder, crashed, { recursive: true });
    await store.close();
    expect(readdirSync(crashed)).toContain("edvoyage-store.db-wal");

    const storage = createExpoSqliteStorage(createFakeExpoSqlite(crashed, "ios"));
    await storage.delete("store");

    expect(readdirSync(crashed)).toEqual(["edvoyage.stores.db"]);
    expect(await storage.list()).toEqual([]);
  });

  test("a purged store has no removed value left in its files", async () => {
    const folder = temporaryFolder();
    const store = await createExpoSqliteStorage(createFakeExpoSqlite(folder, "android")).open("store");
    const isSecretOnDisk = (): boolean =>
      readdirSync(folder).some((file) => readFileSync(join(folder, file)).includes("a secret"));
    await store.write([{ key: "a", value: Buffer.from("a secret") }]);
    await store.write([{ key: "a", value: null }]);
    const before = isSecretOnDisk();

    await store.purge?.();

    expect({ before, after: isSecretOnDisk() }).toEqual({ before: true, after: false });
    await store.close();
  });

  test("a store can be written while the app has its file open, even in a transaction", async () => {
    const SQLite = createFakeExpoSqlite(temporaryFolder(), "android");
    const storage = createExpoSqliteStorage(SQLite, { prefix: "mine" });
    const store = await storage.open("store");
    const shared = await SQLite.openDatabaseAsync("mine-store.db", { useNewConnection: false });
    await shared.execAsync("begin");
    await shared.getAllAsync("select * from records", []);

    await store.write([{ key: "a", value: Uint8Array.of(1) }]);
    await shared.execAsync("rollback");

    expect(await store.keys("")).toEqual(["a"]);
    await shared.closeAsync();
    await store.close();
  });

  test("a store that the app has open cannot be deleted, and is still listed", async () => {
    const SQLite = createFakeExpoSqlite(temporaryFolder(), "ios");
    const storage = createExpoSqliteStorage(SQLite);
    await storage.open("store");
    const shared = await SQLite.openDatabaseAsync("edvoyage-store.db", { useNewConnection: false });

    await expect(storage.delete("store")).rejects.toMatchObject({ name: "StorageError", kind: "failed" });
    expect(await storage.list()).toEqual(["store"]);
    await shared.closeAsync();
    await storage.delete("store");

    expect(await storage.list()).toEqual([]);
  });

  test("a write that fails halfway writes nothing, and the next one works", async () => {
    const folder = temporaryFolder();
    const storage = createExpoSqliteStorage(createFakeExpoSqlite(folder, "android"));
    const store = await storage.open("store");
    refuseEmptyValues(join(folder, "edvoyage-store.db"));

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

  test("a device whose SQLite does not sync to the disk is refused", async () => {
    const SQLite = createFakeExpoSqlite(temporaryFolder(), "ios");
    const unsynced: ExpoSqlite = {
      ...SQLite,
      openDatabaseAsync: async (name, options) => {
        const database = await SQLite.openDatabaseAsync(name, options);
        const execAsync = (source: string): Promise<void> =>
          database.execAsync(source.replace("synchronous = full", "synchronous = normal"));
        return { ...database, execAsync };
      },
    };

    await expect(createExpoSqliteStorage(unsynced).open("store")).rejects.toMatchObject({ kind: "failed" });
  });
});
