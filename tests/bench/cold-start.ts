// Measures an app's start, in a separate process: `node cold-start.js sdk|floor <url> <folder> <room>`.
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Times in milliseconds since the process began to run this file. */
export interface ColdStart {
  readonly importedMs: number;
  /** When the list of rooms could be read. */
  readonly readyMs: number;
  /** When the newest messages of a room could be read. */
  readonly roomMs: number;
  readonly rooms: number;
  readonly messages: number;
}

const [kind, url = "", folder = "", roomId = ""] = process.argv.slice(2);
const startedAt = performance.now();
const since = (): number => performance.now() - startedAt;

/** Measures reading the same records with only the database. */
const readFloor = async (): Promise<ColdStart> => {
  const { default: Database } = await import("better-sqlite3");
  const importedMs = since();
  const name =
    readdirSync(folder).find((file) => file.startsWith("student-") && !/-(wal|shm)$/.test(file)) ?? "";
  const database = new Database(join(folder, name));
  const table = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().get();
  const rows = database.prepare(`SELECT * FROM ${String(table)}`).all();
  const readyMs = since();
  database.close();
  return { importedMs, readyMs, roomMs: readyMs, rooms: 0, messages: rows.length };
};

const readSdk = async (): Promise<ColdStart> => {
  const { createClient } = await import("@edvoyage/client-sdk");
  const { createSqliteStorage } = await import("@edvoyage/client-sdk/node");
  const { WebSocket } = await import("ws");
  const importedMs = since();
  const client = createClient({ url, storage: createSqliteStorage({ folder }), WebSocket });
  await client.ready();
  const rooms = client.chat.rooms().length;
  const readyMs = since();
  const messages = await new Promise<number>((resolve) => {
    client.chat.room(roomId).watch(({ isLoaded, messages: shown }) => {
      if (isLoaded) resolve(shown.length);
    });
  });
  const roomMs = since();
  await client.close();
  return { importedMs, readyMs, roomMs, rooms, messages };
};

process.stdout.write(JSON.stringify(await (kind === "sdk" ? readSdk() : readFloor())));
process.exit(0);
