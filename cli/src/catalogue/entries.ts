import { createReadStream } from "node:fs";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";
import { CommandError } from "../failure.ts";

/** The limits of one call: a request may have 256 KiB. */
const MAX_PART_ENTRIES = 200;
const MAX_PART_BYTES = 200_000;

/** An example of an import file, for the hint of an error. */
const SHAPE =
  'The file is a JSON array: [{"name": "…", "alpha_two_code": "GB", "web_pages": ["https://…"]}, …].';

/**
 * Reads the universities of a file, or of standard input for `-`. Only the server checks the entries. Throws
 * `input/invalid` for a file that is missing, not JSON, not an array, or empty.
 */
export const readEntries = async (file: string, signal: AbortSignal): Promise<readonly unknown[]> => {
  const name = file === "-" ? "Standard input" : file;
  // Some editors on Windows start a file with a byte order mark, which JSON does not allow.
  const json = (await readText(file, signal)).replace(/^\ufeff/, "");
  if (json.trim() === "") throw new CommandError("input/invalid", `${name} is empty.`, { hints: [SHAPE] });
  let entries: unknown;
  try {
    entries = JSON.parse(json);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError("input/invalid", `${name} is not JSON: ${why}.`, { hints: [SHAPE], cause });
  }
  if (!Array.isArray(entries)) {
    throw new CommandError("input/invalid", `${name} is JSON, but not an array.`, { hints: [SHAPE] });
  }
  if (entries.length === 0)
    throw new CommandError("input/invalid", `${name} has no entries.`, { hints: [SHAPE] });
  return entries;
};

/** Splits entries into parts that the server accepts, in their order. */
export const splitEntries = (entries: readonly unknown[]): readonly (readonly unknown[])[] => {
  const parts: unknown[][] = [];
  let sizeBytes = Infinity;
  for (const entry of entries) {
    const entryBytes = Buffer.byteLength(JSON.stringify(entry)) + 1;
    const part = parts.at(-1);
    if (part && part.length < MAX_PART_ENTRIES && sizeBytes + entryBytes <= MAX_PART_BYTES) {
      part.push(entry);
      sizeBytes += entryBytes;
    } else {
      parts.push([entry]);
      sizeBytes = entryBytes;
    }
  }
  return parts;
};

const readText = async (file: string, signal: AbortSignal): Promise<string> => {
  try {
    return await text(addAbortSignal(signal, file === "-" ? process.stdin : createReadStream(file)));
  } catch (cause) {
    signal.throwIfAborted();
    throw unreadable(file, cause);
  }
};

const readFaults: Readonly<Record<string, string>> = {
  ENOENT: "There is no file",
  EISDIR: "This is a folder, not a file:",
  EACCES: "There is no permission to read",
};

const unreadable = (file: string, cause: unknown): unknown => {
  const fault = cause instanceof Error && "code" in cause ? readFaults[String(cause.code)] : undefined;
  if (fault === undefined) return cause;
  return new CommandError("input/invalid", `${fault} ${file}.`, {
    cause,
    hints: ["Give a file, or - for standard input."],
  });
};
