import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createExpoSqliteStorage, type ExpoSqlite } from "@edvoyage/client-sdk/react-native";
import Sqlite from "better-sqlite3";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { temporaryFolder } from "../support/databases/databases.ts";
import { createFakeExpoSqlite, type FakePlatform } from "../support/fakes/fake-expo-sqlite.ts";

const put = (key: string) => ({ key, value: Uint8Array.of(1) });

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

  describe.each<FakePlatform>(["ios", "android"])(
    "a connection whose native side %s has released",
    (platform) => {
      const createReleasedScene = async () => {
        const folder = temporaryFolder();
        const SQLite = createFakeExpoSqlite(folder, platform);
        const storage = createExpoSqliteStorage(SQLite);
        const store = await storage.open("store");
        await store.write([put("a")]);
        return { folder, SQLite, storage, store };
      };

      test("reopens for the next call, whichever it is", async () => {
        const { SQLite, store } = await createReleasedScene();

        SQLite.releaseAll();
        expect(await store.get("a")).toEqual(Uint8Array.of(1));
        SQLite.releaseAll();
        await store.write([put("b"), put("c"), { key: "a", value: null }]);
        SQLite.releaseAll();
        expect(await store.keys("")).toEqual(["b", "c"]);
        SQLite.releaseAll();
        expect((await store.list("b")).map(({ key }) => key)).toEqual(["b"]);
        SQLite.releaseAll();
        await store.purge?.();
      });

      test("closes without an error, and its store can be deleted", async () => {
        const { SQLite, storage, store } = await createReleasedScene();
        SQLite.releaseAll();

        await store.close();
        await storage.delete("store");

        expect(await storage.list()).toEqual([]);
      });

      test("writes all changes or none when it is released in the middle of a write", async () => {
        const { folder, SQLite } = await createReleasedScene();
        let statements = 0;
        const dying: ExpoSqlite = {
          ...SQLite,
          openDatabaseAsync: async (name, options) => {
            const database = await SQLite.openDatabaseAsync(name, options);
            return {
              ...database,
              runAsync: async (source, params) => {
                statements += 1;
                if (statements === 2) SQLite.releaseAll();
                return database.runAsync(source, params);
              },
            };
          },
        };
        const store = await createExpoSqliteStorage(dying, { prefix: "dying" }).open("store");
        statements = 0;

        await store.write([put("a"), put("b"), put("c")]);

        expect(statements).toBe(5);
        expect(await store.keys("")).toEqual(["a", "b", "c"]);
        expect(readdirSync(folder)).toContain("dying-store.db");
      });

      test("never reopens a file that is gone: nothing is written to an empty store", async () => {
        const { folder, SQLite, store } = await createReleasedScene();
        SQLite.releaseAll();
        for (const file of readdirSync(folder)) rmSync(join(folder, file));

        await expect(store.write([put("b")])).rejects.toMatchObject({ kind: "closed" });
        await expect(store.keys("")).rejects.toMatchObject({ kind: "closed" });
      });
    },
  );

  test("a call that is never answered fails after 30 seconds, and the next one has a new connection", async () => {
    const SQLite = createFakeExpoSqlite(temporaryFolder(), "android");
    let isSilent = false;
    let opened = 0;
    const silent: ExpoSqlite = {
      ...SQLite,
      openDatabaseAsync: async (name, options) => {
        const database = await SQLite.openDatabaseAsync(name, options);
        opened += 1;
        const own = opened;
        const getAllAsync: typeof database.getAllAsync = (source, params) =>
          isSilent && own === opened ? new Promise(() => {}) : database.getAllAsync(source, params);
        return { ...database, getAllAsync };
      },
    };
    const store = await createExpoSqliteStorage(silent).open("store");
    await store.write([put("a")]);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());

    isSilent = true;
    const failure = store.keys("").catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await failure).toMatchObject({ name: "StorageError", kind: "failed" });
    isSilent = false;

    expect(await store.keys("")).toEqual(["a"]);
    expect(opened).toBe(3);
  });

  test("a database of a newer version is left as it is, and its store is not opened", async () => {
    const folder = temporaryFolder();
    const storage = createExpoSqliteStorage(createFakeExpoSqlite(folder, "ios"));
    const store = await storage.open("store");
    await store.write([put("a")]);
    await store.close();
    const file = new Sqlite(join(folder, "edvoyage-store.db"));
    file.pragma("user_version = 2");
    file.close();
    const before = readFileSync(join(folder, "edvoyage-store.db"));

    await expect(storage.open("store")).rejects.toMatchObject({ name: "StorageError", kind: "newer" });

    expect(readFileSync(join(folder, "edvoyage-store.db"))).toEqual(before);
  });

  test("a phone on which no database can be opened is named unavailable", async () => {
    const SQLite: ExpoSqlite = {
      ...createFakeExpoSqlite(temporaryFolder(), "ios"),
      openDatabaseAsync: () => Promise.reject(new Error("Cannot find native module 'ExpoSQLite'")),
    };

    await expect(createExpoSqliteStorage(SQLite).open("store")).rejects.toMatchObject({
      kind: "unavailable",
    });
  });
});
