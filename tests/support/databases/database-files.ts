import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Returns which of the texts occur in the bytes of a SQLite file, or of a file beside it such as its WAL. */
export const findInDatabaseFiles = (path: string, texts: readonly string[]): string[] => {
  const files = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
  const contents = files.map((name) => readFileSync(join(dirname(path), name)));
  return texts.filter((text) => contents.some((bytes) => bytes.includes(text)));
};
