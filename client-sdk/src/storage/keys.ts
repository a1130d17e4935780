import { StorageError } from "./storage.ts";

/** The maximum length of keys and prefixes, in UTF-16 code units. */
export const MAX_KEY_LENGTH = 500;
const STORE_NAME = /^[a-z0-9-]{1,100}$/;

/** Returns whether a store may have this name. */
export const isStoreName = (name: string): boolean => STORE_NAME.test(name);

/** Returns the name if it is valid. Throws `StorageError` ("failed"). */
export const parseStoreName = (name: string): string => {
  if (isStoreName(name)) return name;
  throw new StorageError("failed", "A store's name is 1 to 100 characters of a-z, 0-9 and -");
};

/** Returns the key or prefix if it is short enough. Throws `StorageError` ("failed"). */
export const parseKey = (key: string): string => {
  if (key.length <= MAX_KEY_LENGTH) return key;
  throw new StorageError("failed", `A key is at most ${MAX_KEY_LENGTH} characters long`);
};

/** A range of keys: `from` is inside it, `before` is not. */
export interface KeyRange {
  readonly from: string;
  readonly before: string;
}

/** Returns the range that holds exactly the keys with a prefix, in the order of UTF-16 code units. */
export const rangeOfPrefix = (prefix: string): KeyRange => {
  // Increment the last code unit that can be incremented. A prefix that consists only of U+FFFF ends after the last
  // possible key.
  const head = prefix.replace(/\uffff+$/, "");
  const before =
    head === ""
      ? "\uffff".repeat(MAX_KEY_LENGTH + 1)
      : head.slice(0, -1) + String.fromCharCode(head.charCodeAt(head.length - 1) + 1);
  return { from: prefix, before };
};
