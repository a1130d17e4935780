import { createBackup, openDatabase, restoreBackup } from "@edvoyage/db";
import Sqlite from "better-sqlite3";
import { randomBytes, randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "./databases.ts";

/** The instant of a backup. */
export const NOW = Date.UTC(2026, 10, 23, 22, 52, 50, 123);

/** The room of a populated database. */
export const ROOM = "room-1";

const USER = "user-1";

/** The messages of a populated database. */
export const MESSAGES = ["m0", "m1", "m2"];

/** Creates an empty, migrated database that nobody has open. */
const createMigrated = async (): Promise<string> => {
  const path = join(temporaryFolder(), "edvoyage.sqlite");
  await (await openDatabase(`sqlite:${path}`)).close();
  return path;
};

/** Opens a database file that no server has open, and closes it afterwards. */
export const edit = <T>(path: string, use: (connection: Sqlite.Database) => T): T => {
  const connection = new Sqlite(path);
  try {
    return use(connection);
  } finally {
    connection.close();
  }
};

/** Returns the rows that a statement selects. */
export const rowsOf = (path: string, sql: string): unknown[] =>
  edit(path, (connection) => connection.prepare(sql).all());

/** Creates a database with a room of three messages in two segments, one document, and one live session. */
export const createPopulated = async (): Promise<string> => {
  const path = await createMigrated();
  edit(path, (connection) => {
    connection.exec(`
      insert into users (id, phone, created_at) values ('${USER}', '+447400123456', 1);
      insert into sessions (id, user_id, device_key, key_hash, platform, created_at, last_seen_at, expires_at)
        values ('session-1', '${USER}', 'device', 'hash', 'ios', 1, 1, ${NOW + 1});
      insert into documents (name, owner_id, epoch, writer_id, revision, snapshot_revision, changed_at)
        values ('user/${USER}', '${USER}', 1, 30, 0, 0, 1);
      insert into logs (id, head_segment) values ('${ROOM}', 1);
      insert into log_segments (log_id, segment, epoch, writer_id, length, size_bytes, redaction_revision, changed_at)
        values ('${ROOM}', 0, 1, 10, 2, 2, 0, 1), ('${ROOM}', 1, 1, 11, 1, 1, 0, 1);
      insert into log_entries (log_id, segment, position, id, kind, at, bytes)
        values ('${ROOM}', 0, 0, 'm0', 'message', 1, x'00'), ('${ROOM}', 0, 1, 'm1', 'message', 1, x'01'),
               ('${ROOM}', 1, 0, 'm2', 'message', 1, x'02');
    `);
  });
  return path;
};

/** Takes a backup of a database. */
export const takeBackup = async (
  path: string,
  { onProgress = () => {}, signal = new AbortController().signal } = {},
) => {
  const database = await openDatabase(`sqlite:${path}`);
  onTestFinished(() => database.close().catch(() => {}));
  const { copyTo } = database;
  if (!copyTo) throw new Error("The database cannot be copied");
  const folder = join(dirname(path), "backups");
  try {
    return await createBackup({ ...database, copyTo }, { folder, now: NOW, onProgress, signal });
  } finally {
    await database.close();
  }
};

/** Replaces a database with a backup. */
export const restore = (
  { source, target }: { readonly source: string; readonly target: string },
  { now = NOW } = {},
) =>
  restoreBackup(
    { source, target },
    {
      now,
      random: randomBytes,
      newId: () => randomUUID(),
      onStep: async () => {},
      eraseAgain: async () => {},
      signal: new AbortController().signal,
    },
  );
