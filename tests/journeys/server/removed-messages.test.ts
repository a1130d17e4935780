import Sqlite from "better-sqlite3";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { findInDatabaseFiles } from "../../support/databases/database-files.ts";
import { DIALECTS, rowsOf, type TestDialect } from "../../support/databases/databases.ts";
import { createWorld, type World } from "../../support/servers/world.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";

const TEXTS = ["zanzibar-first", "quixotic-second", "wyvern-third", "jackdaw-fourth"];

/** Fills a message with one of the texts, so that any remains of the message contain it. */
const fill = (text: string): string => `${text} `.repeat(30);

/** Sends a message and edits it three times. Returns a function that removes it. */
const sendAndEdit = async (world: World) => {
  const [ada, bob] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bob);
  await ada.send(roomId, "A message that stays");
  const messageId = uuidv7();
  const [first = "", ...edits] = TEXTS;
  await ada.rpc.chat.send.mutate({ roomId, text: fill(first), commandId: messageId });
  for (const text of edits) {
    await ada.rpc.chat.edit.mutate({ roomId, messageId, text: fill(text), commandId: uuidv7() });
  }
  await bob.send(roomId, "A later message");
  const remove = () => ada.rpc.chat.remove.mutate({ roomId, messageId, commandId: uuidv7() });
  return { ada, bob, roomId, remove };
};

const QUERY_OF_TABLES = {
  sqlite: "select name from sqlite_schema where type = 'table'",
  postgres: "select tablename as name from pg_tables where schemaname = 'public'",
} as const;

/** Returns which of the texts are in any column of any table. */
const textsInTables = async (databaseUrl: string, dialect: TestDialect): Promise<string[]> => {
  const found = new Set<string>();
  for (const table of await rowsOf(databaseUrl, QUERY_OF_TABLES[dialect])) {
    const { name } = table as { name: string };
    for (const row of await rowsOf(databaseUrl, `select * from "${name}"`)) {
      for (const value of Object.values(row as Record<string, unknown>)) {
        const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
        for (const text of TEXTS) if (bytes.includes(text)) found.add(text);
      }
    }
  }
  return [...found];
};

/** Returns which of the texts are in the bytes of the database file or of a file beside it, after a checkpoint. */
const textsInFiles = (databaseUrl: string): string[] => {
  const path = databaseUrl.slice("sqlite:".length);
  const connection = new Sqlite(path);
  connection.pragma("wal_checkpoint(truncate)");
  connection.close();
  return findInDatabaseFiles(path, TEXTS);
};

describe.each(DIALECTS)("a removed message with three edits, on %s", (dialect) => {
  test("leaves no text in any column of any table, or in any history", async () => {
    const world = await createWorld({ dialect });
    const { ada, bob, roomId, remove } = await sendAndEdit(world);
    expect(await textsInTables(world.databaseUrl, dialect)).toEqual(expect.arrayContaining(TEXTS));

    await remove();

    expect(await textsInTables(world.databaseUrl, dialect)).toEqual([]);
    for (const student of [ada, bob]) {
      expect(await student.texts(roomId)).toEqual(["A message that stays", null, "A later message"]);
    }
  });
});

test("[SY25] a removed message and its edits are not in the bytes of the SQLite file, without a VACUUM", async () => {
  const world = await createWorld({ dialect: "sqlite" });
  const { remove } = await sendAndEdit(world);
  expect(textsInFiles(world.databaseUrl)).toEqual(TEXTS);

  await remove();

  expect(textsInFiles(world.databaseUrl)).toEqual([]);
});
