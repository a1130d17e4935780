import { openDatabase, restoreSteps, type RestoreStep } from "@edvoyage/db";
import Sqlite from "better-sqlite3";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/databases/databases.ts";
import {
  NOW,
  ROOM,
  edit,
  rowsOf,
  createPopulated,
  takeBackup,
  restore,
  MESSAGES,
} from "../support/databases/backups.ts";

describe("a restore", () => {
  test("[SY48] starts the next epoch: new writers, former ones remembered, no sessions, an audit entry", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    edit(path, (connection) => connection.exec("delete from log_entries where id = 'm2'"));

    const restoration = await restore({ source, target: path });

    expect(restoration).toMatchObject({ epoch: 2, sessionsEnded: 1, segments: 2, documents: 1 });
    expect(rowsOf(path, "select epoch from database_epoch")).toEqual([{ epoch: 2 }]);
    expect(rowsOf(path, "select id from log_entries order by id")).toHaveLength(MESSAGES.length);
    expect(rowsOf(path, "select * from log_former_writers order by segment")).toEqual([
      { log_id: ROOM, segment: 0, epoch: 1, writer_id: 10 },
      { log_id: ROOM, segment: 1, epoch: 1, writer_id: 11 },
    ]);
    const writers = rowsOf(
      path,
      "select epoch, writer_id from log_segments union all select epoch, writer_id from documents",
    ) as { epoch: number; writer_id: number }[];
    expect(writers).toHaveLength(3);
    for (const { epoch, writer_id: writerId } of writers) {
      expect(epoch).toBe(2);
      expect([10, 11, 30]).not.toContain(writerId);
      expect(writerId).toBeGreaterThan(0);
      expect(writerId).toBeLessThan(2 ** 32);
    }
    expect(rowsOf(path, "select ended_at, end_reason from sessions")).toEqual([
      { ended_at: NOW, end_reason: "restore" },
    ]);
    expect(rowsOf(path, "select action, actor from audit_log")).toEqual([
      { action: "database.restored", actor: "admin" },
    ]);
  });

  test("[SY48] continues from the replaced epoch when the same backup is restored again, and remembers the writers of both", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    await restore({ source, target: path });
    const second = rowsOf(path, "select segment, epoch, writer_id from log_segments");

    const { epoch } = await restore({ source, target: path }, { now: NOW + 1 });

    expect(epoch).toBe(3);
    const former = rowsOf(path, "select segment, epoch, writer_id from log_former_writers");
    expect(former).toHaveLength(4);
    expect(former).toEqual(expect.arrayContaining(second));
    // The audit log keeps what admins did, although the backup does not contain it.
    expect(rowsOf(path, "select action from audit_log")).toHaveLength(2);
  });

  test("keeps messages erased that were erased after the backup, and readers can tell", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    edit(path, (connection) => {
      connection.exec("update log_entries set bytes = null where id = 'm1'");
      connection.exec("update log_segments set redaction_revision = 1 where segment = 0");
    });

    const { erasures } = await restore({ source, target: path });

    expect(erasures).toEqual({ state: "done", entries: 1, students: 0 });
    expect(rowsOf(path, "select id from log_entries where bytes is null")).toEqual([{ id: "m1" }]);
    expect(rowsOf(path, "select segment, redaction_revision, changed_at from log_segments")).toEqual([
      { segment: 0, redaction_revision: 1, changed_at: NOW },
      { segment: 1, redaction_revision: 0, changed_at: 1 },
    ]);
  });

  test("keeps the replaced database, including what only its write-ahead log had", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    // As a crash leaves it: the last commits are only in the write-ahead log.
    const crashed = join(temporaryFolder(), "edvoyage.sqlite");
    edit(path, (connection) => {
      connection.pragma("wal_autocheckpoint = 0");
      connection.exec("update users set phone = '+447400999999'");
      cpSync(path, crashed);
      cpSync(`${path}-wal`, `${crashed}-wal`);
    });

    const { kept } = await restore({ source, target: crashed });

    expect(rowsOf(crashed, "select phone from users")).toEqual([{ phone: "+447400123456" }]);
    expect(rowsOf(kept ?? "", "select phone from users")).toEqual([{ phone: "+447400999999" }]);
    expect(readdirSync(dirname(crashed)).filter((name) => /-wal|-shm|restoring/.test(name))).toEqual([]);
  });

  test("reports that the replaced database is unreadable, keeps it, and keeps its write-ahead log away from the new one", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    const ruin = randomBytes(8_192);
    writeFileSync(path, ruin);
    writeFileSync(`${path}-wal`, "a log");

    const { erasures, kept, epoch } = await restore({ source, target: path });

    expect(erasures).toMatchObject({ state: "impossible" });
    expect(epoch).toBe(2);
    expect(rowsOf(path, "select id from log_entries")).toHaveLength(MESSAGES.length);
    expect(readFileSync(kept ?? "")).toEqual(ruin);
    expect(readdirSync(dirname(path))).not.toContain("edvoyage.sqlite-wal");
  });

  test("creates the folder and the database where there was none", async () => {
    const { path: source } = await takeBackup(await createPopulated());
    const target = join(temporaryFolder(), "new", "edvoyage.sqlite");

    const { erasures, kept } = await restore({ source, target });

    expect({ erasures, kept }).toEqual({ erasures: { state: "nothing-to-replay" }, kept: undefined });
    await (await openDatabase(`sqlite:${target}`)).close();
  });

  test("fails at once for a database in use, and leaves it unchanged", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    const database = await openDatabase(`sqlite:${path}`);
    onTestFinished(() => database.close());

    await expect(restore({ source, target: path })).rejects.toMatchObject({ kind: "locked" });
  });

  test("leaves a database alone that another program is reading", async () => {
    const path = await createPopulated();
    const { path: source } = await takeBackup(path);
    const other = new Sqlite(path);
    onTestFinished(() => void other.close());
    other.exec("begin; select * from users");
    other.prepare("select * from users").all();

    await expect(restore({ source, target: path })).rejects.toMatchObject({ kind: "locked" });
  });
});

describe("a file that is not a valid backup", () => {
  const spoil: Readonly<Record<string, (path: string, target: string) => string>> = {
    missing: (path) => `${path}.nowhere`,
    "not-sqlite": (path) => {
      writeFileSync(path, "a letter to my aunt, of some length");
      return path;
    },
    foreign: (path) => {
      const other = `${path}.other`;
      edit(other, (connection) => connection.exec("create table bookmarks (url text)"));
      return other;
    },
    damaged: (path) => {
      const bytes = readFileSync(path);
      bytes.fill(0xaa, Math.floor(bytes.length / 2));
      writeFileSync(path, bytes);
      return path;
    },
    newer: (path) => {
      edit(path, (connection) =>
        connection.exec("insert into kysely_migration (name, timestamp) values ('9999-future', '')"),
      );
      return path;
    },
    incomplete: (path) => {
      writeFileSync(`${path}-wal`, "the last commits");
      return path;
    },
    same: (_path, target) => target,
  };

  test.each(Object.keys(spoil))("rejects a backup that is %s, and changes nothing", async (kind) => {
    const target = await createPopulated();
    const { path } = await takeBackup(target);
    const source = spoil[kind]?.(path, target) ?? "";
    const before = { bytes: readFileSync(target), names: readdirSync(dirname(target)) };

    await expect(restore({ source, target })).rejects.toMatchObject({
      name: "BackupError",
      kind,
      message: expect.not.stringContaining(".restoring"),
    });

    expect({ bytes: readFileSync(target), names: readdirSync(dirname(target)) }).toEqual(before);
  });
});

describe("kill -9 during a restore", () => {
  /** Restores in a separate process that dies right before a step. */
  const dieBefore = async (step: RestoreStep, paths: { source: string; target: string }): Promise<void> => {
    const program = `
      import { randomBytes, randomUUID } from "node:crypto";
      import { restoreBackup } from "@edvoyage/db";
      const [source, target, fatal] = process.argv.slice(1);
      await restoreBackup({ source, target }, {
        now: ${NOW}, random: randomBytes, newId: () => randomUUID(), signal: new AbortController().signal,
        eraseAgain: async () => {},
        onStep: async (step) => { if (step === fatal) process.kill(process.pid, "SIGKILL"); },
      });`;
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", program, paths.source, paths.target, step],
      { cwd: import.meta.dirname, stdio: "inherit" },
    );
    const [, signal] = await once(child, "exit");
    expect(signal).toBe("SIGKILL");
  };

  test.each(restoreSteps)(
    "leaves either the old database or the new one, complete, when it happens before %s",
    async (step) => {
      const target = await createPopulated();
      const { path: source } = await takeBackup(target);
      edit(target, (connection) => connection.exec("update users set phone = '+447400999999'"));

      await dieBefore(step, { source, target });

      const isNew = step === "finish";
      await (await openDatabase(`sqlite:${target}`)).close();
      expect(rowsOf(target, "pragma integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(rowsOf(target, "select epoch from database_epoch")).toEqual([{ epoch: isNew ? 2 : 1 }]);
      expect(rowsOf(target, "select phone from users")).toEqual([
        { phone: isNew ? "+447400123456" : "+447400999999" },
      ]);
      // The only recovery is to try again.
      expect(await restore({ source, target }, { now: NOW + 1 })).toMatchObject({ epoch: isNew ? 3 : 2 });
    },
  );
});
