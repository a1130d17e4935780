import { StorageError } from "./storage.ts";

/** Of keys and prefixes, in UTF-16 code units. */
export const MAX_KEY_LENGTH = 500;
const STORE_NAME = /^[a-z0-9-]{1,100}$/;

/** Whether a store may have this name. */
export const isStoreName = (name: string): boolean => STORE_NAME.test(name);

/** Returns the name. Throws `StorageError` ("failed"). */
export const parseStoreName = (name: string): string => {
  if (isStoreName(name)) return name;
  throw new StorageError("failed", "A store's name is 1 to 100 characters of a-z, 0-9 and -");
};

/** Returns the key or prefix. Throws `StorageError` ("failed"). */
export const parseKey = (key: string): string => {
  if (key.length <= MAX_KEY_LENGTH) return key;
  throw new StorageError("failed", `A key is at most ${MAX_KEY_LENGTH} characters long`);
};

/** A range of keys: from the first, to before the second. */
export interface KeyRange {
  readonly from: string;
  readonly before: string;
}

/** The range that holds every key with a prefix, and no other, in the order of UTF-16 code units. */
export const rangeOfPrefix = (prefix: string): KeyRange => {
  // The last code unit that has a next one; a prefix of the last code unit alone ends with the last of all keys.
  const head = prefix.replace(/\uffff+$/, "");
  const before =
    head === ""
      ? "\uffff".repeat(MAX_KEY_LENGTH + 1)
      : head.slice(0, -1) + String.fromCharCode(head.charCodeAt(head.length - 1) + 1);
  return { from: prefix, before };
};
