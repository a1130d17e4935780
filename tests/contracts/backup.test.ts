import { createBackup, listBackups, openDatabase, pruneBackups } from "@edvoyage/db";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { NOW, ROOM, edit, rowsOf, createPopulated, takeBackup } from "../support/databases/backups.ts";

describe("a backup", () => {
  test("contains every commit acknowledged before it started, and only whole commits, under constant writes", async () => {
    const path = await createPopulated();
    edit(path, (connection) =>
      connection.exec(`
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 20000)
        insert into log_entries (log_id, segment, position, id, kind, at, bytes)
          select '${ROOM}', 2, n, 'filler' || n, 'message', 1, randomblob(1000) from numbers;
      `),
    );
    const database = await openDatabase(`sqlite:${path}`);
    onTestFinished(() => database.close());
    const { copyTo } = database;
    if (!copyTo) throw new Error("The database cannot be copied");
    let acknowledged = 0;
    let isCopying = true;
    const writeOn = async (): Promise<void> => {
      while (isCopying) {
        const number = acknowledged + 1;
        await database.write(async (tx) => {
          await tx.kysely.insertInto("send_minutes").values({ minute: number, count: 1 }).execute();
          // This page was copied long ago.
          await tx.kysely
            .insertInto("heartbeat")
            .values({ id: number + 1, at: number })
            .execute();
        });
        acknowledged = number;
        // In the server, each request takes a turn of the event loop.
        await new Promise(setImmediate);
      }
    };
    const writing = writeOn();
    while (acknowledged < 20) await new Promise(setImmediate);
    const before = acknowledged;
    let steps = 0;

    const backup = await createBackup(
      { ...database, copyTo },
      {
        folder: join(dirname(path), "backups"),
        now: NOW,
        onProgress: () => (steps += 1),
        signal: new AbortController().signal,
      },
    );
    isCopying = false;
    await writing;

    const [copied] = rowsOf(
      backup.path,
      "select (select count(*) from send_minutes) as minutes, (select count(*) - 1 from heartbeat) as beats",
    ) as [{ minutes: number; beats: number }];
    expect(copied.minutes).toBe(copied.beats);
    expect(copied.minutes).toBeGreaterThanOrEqual(before);
    expect(acknowledged).toBeGreaterThan(before);
    expect(steps).toBeGreaterThan(10);
    // Commits were merged into the running copy: if each had restarted it, it would have taken many more steps.
    expect(steps).toBeLessThan(100);
  });

  test("creates a single file, readable only by its owner and named after the time it was taken", async () => {
    const path = await createPopulated();

    const backup = await takeBackup(path);

    const folder = join(dirname(path), "backups");
    expect(readdirSync(folder)).toEqual(["edvoyage-20261123T225250.123Z.sqlite"]);
    expect(statSync(backup.path).mode & 0o777).toBe(0o600);
    expect(backup).toMatchObject({ epoch: 1, takenAt: NOW, sizeBytes: statSync(backup.path).size });
    expect(rowsOf(backup.path, "pragma journal_mode")).toEqual([{ journal_mode: "delete" }]);
    expect(listBackups(folder)).toMatchObject([{ path: backup.path, takenAt: NOW }]);
  });

  test("leaves no file behind that looks like a backup when it is aborted or crashes", async () => {
    const path = await createPopulated();
    const folder = join(dirname(path), "backups");
    await takeBackup(path);
    writeFileSync(join(folder, "edvoyage-20260101T000000.000Z.sqlite.partial"), "of a crash");
    const giveUp = new AbortController();
    giveUp.abort(new Error("given up"));

    await expect(takeBackup(path, { signal: giveUp.signal })).rejects.toThrow("given up");

    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("has a unique name within the same millisecond, and the oldest backups are removed first", async () => {
    const path = await createPopulated();
    const folder = join(dirname(path), "backups");
    const [first, second] = [await takeBackup(path), await takeBackup(path)];

    const removed = pruneBackups(folder, 1);

    expect(first.path).not.toBe(second.path);
    expect(removed).toEqual([first.path]);
    expect(listBackups(folder)).toMatchObject([{ path: second.path }]);
  });

  test("fails for a damaged database, and says what may be wrong", async () => {
    const path = await createPopulated();
    edit(path, (connection) => {
      connection.pragma("foreign_keys = off");
      connection.exec("update documents set owner_id = 'nobody'");
    });

    await expect(takeBackup(path)).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("the database itself may be damaged"),
    });

    expect(readdirSync(join(dirname(path), "backups"))).toEqual([]);
  });
});
