import { ENTRY_LIMITS, FORBIDDEN_NAMES } from "@edvoyage/protocol";
import { encode, writeAny } from "lib0/encoding";
import { EdVoyageError } from "../runtime/errors.ts";
import type { Json } from "./json.ts";

/** Throws `input/invalid` for a key that the server does not accept. */
export const checkKey = (key: string): void => {
  if (key.length > ENTRY_LIMITS.keyCharacters) throw invalid("A key is too long.");
  checkText(key);
};

/**
 * Converts a value as JSON does, without what JSON leaves out. Throws `input/invalid` for a value for which the
 * server would refuse the whole document.
 */
export const parseValue = (value: unknown): Json => {
  const plain = toPlain(value);
  checkJson(plain, 1);
  const { length } = encode((encoder) => writeAny(encoder, plain));
  if (length > ENTRY_LIMITS.valueBytes) throw invalid("A value is too large.");
  return plain;
};

const toPlain = (value: unknown) => {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw invalid("A value is not valid JSON.", cause);
  }
  if (text === undefined) throw invalid("A value is not valid JSON.");
  return JSON.parse(text);
};

const checkJson = (value: Json, depth: number): void => {
  if (depth > ENTRY_LIMITS.nesting) throw invalid("A value is nested too deep.");
  if (typeof value === "string") return checkText(value);
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (FORBIDDEN_NAMES.has(name)) throw invalid("A value has a forbidden name.");
    checkText(name);
    checkJson(inner, depth + 1);
  }
};

/** PostgreSQL stores no NUL, and half a surrogate pair would change in transit. */
const checkText = (text: string): void => {
  if (text.includes("\0")) throw invalid("A text has a NUL.");
  try {
    encodeURIComponent(text);
  } catch (cause) {
    throw invalid("A text is not well-formed.", cause);
  }
};

const invalid = (message: string, cause?: unknown): EdVoyageError =>
  new EdVoyageError("input/invalid", message, { cause });
