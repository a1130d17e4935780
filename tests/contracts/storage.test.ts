import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { createExpoSqliteStorage } from "@edvoyage/client-sdk/react-native";
import { describeStorage, type StorageFixture } from "@edvoyage/client-sdk/storage/contract";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/databases/databases.ts";
import { createFailingStorage } from "../support/fakes/failing-storage.ts";
import { createFakeExpoSqlite, type FakePlatform } from "../support/fakes/fake-expo-sqlite.ts";
import { createFakeIndexedDb } from "../support/fakes/fake-indexed-db.ts";
import { mountSmallDisk } from "../support/disks/small-disk.ts";

const DISK_BYTES = 8 * 1_024 * 1_024;
const testApi = { describe, test, expect };

describeStorage("IndexedDB, a fake", {
  ...testApi,
  // Node 20 has no Web Locks. browser-storage.test.ts covers them.
  without: ["peers"],
  createFixture: async () => {
    const browser = createFakeIndexedDb();
    return {
      connect: () => createIndexedDbStorage(browser),
      fill: async () => {
        const free = browser.fill();
        return async () => free();
      },
    };
  },
});

describeStorage("IndexedDB without a list of databases, a fake", {
  ...testApi,
  without: ["peers", "fill"],
  createFixture: async () => {
    const { indexedDB, IDBKeyRange } = createFakeIndexedDb();
    // Firefox before version 126.
    const old = new Proxy(indexedDB, { has: (_factory, name) => name !== "databases" });
    return { connect: () => createIndexedDbStorage({ indexedDB: old, IDBKeyRange }) };
  },
});

describeStorage("storage that is made to fail", {
  ...testApi,
  without: ["programs", "peers"],
  createFixture: async () => {
    const storage = createFailingStorage(createIndexedDbStorage(createFakeIndexedDb()));
    return {
      connect: () => storage,
      fill: async () => {
        storage.failWrites("full");
        return async () => storage.mend();
      },
    };
  },
});

/** Writes as much as fits, at last in pieces that are smaller than a database page. */
const fillUp = (path: string): void => {
  const file = openSync(path, "w");
  for (let pieceBytes = 1_024 * 1_024; pieceBytes >= 1; pieceBytes /= 4) {
    try {
      for (;;) writeSync(file, Buffer.alloc(pieceBytes));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
  }
  closeSync(file);
};

const createSmallDiskFixture = async (): Promise<StorageFixture> => {
  const disk = mountSmallDisk(DISK_BYTES);
  if (!disk) throw new Error("The small disk could not be mounted again");
  const ballast = join(disk.folder, "ballast");
  return {
    connect: () => createSqliteStorage({ folder: join(disk.folder, "stores") }),
    fill: async () => {
      fillUp(ballast);
      return async () => rmSync(ballast);
    },
    close: async () => disk.unmount(),
  };
};

const probe = mountSmallDisk(DISK_BYTES);
probe?.unmount();
if (!probe) process.stdout.write("NOT RUN: SQLite on a full disk. Mounting a small one needs root.\n");

describeStorage("SQLite, on Node.js", {
  ...testApi,
  without: probe ? ["programs", "peers"] : ["programs", "peers", "fill"],
  createFixture: async () => {
    if (probe) return createSmallDiskFixture();
    const folder = join(temporaryFolder(), "stores");
    return { connect: () => createSqliteStorage({ folder }) };
  },
});

describe.each<FakePlatform>(["ios", "android"])("expo-sqlite, a fake of %s", (platform) => {
  describeStorage("storage", {
    ...testApi,
    without: ["programs", "peers"],
    createFixture: async () => {
      const SQLite = createFakeExpoSqlite(temporaryFolder(), platform);
      return {
        connect: () => createExpoSqliteStorage(SQLite),
        fill: async () => {
          SQLite.fill();
          return async () => SQLite.free();
        },
      };
    },
  });
});
