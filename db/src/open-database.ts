import type { Database } from "./database.ts";
import { openPostgres } from "./dialects/postgres.ts";
import { openSqlite } from "./dialects/sqlite.ts";

/**
 * Opens the database of a URL and migrates it to the newest schema.
 * Only one process can open `sqlite:<path>`; it throws `StorageError` `locked` when another process has it open.
 * Many processes can share `postgres://…`.
 */
export const openDatabase = async (url: string): Promise<Database> => {
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length));
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url);
  throw new Error("A database URL starts with sqlite: or postgres://");
};
