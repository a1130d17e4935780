// What an app's start costs, in a process of its own: `node cold-start.js sdk|floor <url> <folder> <room>`.
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds since the process began to run this. */
export interface ColdStart {
  readonly importedMs: number;
  /** The list of rooms can be read. */
  readonly readyMs: number;
  /** The newest messages of a room can be read. */
  readonly roomMs: number;
  readonly rooms: number;
  readonly messages: number;
}

const [kind, url = "", folder = "", roomId = ""] = process.argv.slice(2);
const startedAt = performance.now();
const since = (): number => performance.now() - startedAt;

/** What reading these records costs with nothing but the database. */
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
