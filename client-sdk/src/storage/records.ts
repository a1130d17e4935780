import { crc32 } from "./crc32.ts";
import { MAX_KEY_LENGTH } from "./keys.ts";
import { isStorageError, StorageError, type Change, type Store } from "./storage.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";

/**
 * A store whose records are checked when they are read, so that a value that the disk changed is never taken for the
 * student's. Reading a record of a newer format throws `StorageError` ("newer"), as do all writes after that: an app that
 * was rolled back must not change what it cannot read.
 */
export interface Records {
  /** Resolves with `undefined` if there is no record, or if it was damaged. */
  getJson<T>(key: string): Promise<T | undefined>;
  getBytes(key: string): Promise<Uint8Array | undefined>;
  /** Returns every intact record whose key starts with `prefix`, in the order of the keys. */
  listJson<T>(prefix: string): Promise<readonly KeptRecord<T>[]>;
  listBytes(prefix: string): Promise<readonly KeptRecord<Uint8Array>[]>;
  /** Returns only the keys, without checking the records. */
  keys(prefix: string): Promise<readonly string[]>;
  /** Returns the keys of the records that were set aside. */
  damagedKeys(): Promise<readonly string[]>;
  /**
   * Applies all changes or none, as `Store.write` does. Create the changes with `putJson`, `putBytes` and `remove`.
   */
  write(changes: readonly Change[]): Promise<void>;
  /** Erases removed records from the files of the store. */
  purge(): Promise<void>;
  close(): Promise<void>;
}

/** A checked record with its parsed value. */
export interface KeptRecord<T> {
  readonly key: string;
  readonly value: T;
}

export interface RecordsOptions {
  /** Called for each record that was set aside. */
  readonly onDamaged: (key: string) => void;
}

const FORMAT_VERSION = 1;
/**
 * The size of the format's version and the CRC-32 of key and payload, high byte first. Every format begins with these, so
 * that an older version of the app can tell a record of a newer format from a damaged one.
 */
const HEADER_BYTES = 5;
/** Separates key and payload in the checksum. This byte never occurs in UTF-8. */
const SEPARATOR = Uint8Array.of(0xff);

const DAMAGED = "damaged/";
/** Enough to find the cause, without using up the disk. */
const MAX_DAMAGED = 20;
const NUMBER_DIGITS = 6;

// Created on use: an app may install polyfills after it has loaded this module.
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/**
 * Returns a change that stores the current state of a value as JSON. Throws `TypeError` for a value that JSON cannot
 * represent.
 */
export const putJson = (key: string, value: unknown): Change => {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`The value for "${key}" cannot be represented as JSON`);
  return putBytes(key, encode(text));
};

/** Returns a change that stores the current state of the bytes. */
export const putBytes = (key: string, bytes: Uint8Array): Change => {
  const value = new Uint8Array(HEADER_BYTES + bytes.byteLength);
  value[0] = FORMAT_VERSION;
  new DataView(value.buffer).setUint32(1, checksum(key, bytes));
  value.set(bytes, HEADER_BYTES);
  return { key, value };
};

/** Returns a change that removes a record, if there is one. */
export const remove = (key: string): Change => ({ key, value: null });

/**
 * Reads and writes checked records in a store, and closes the store. A damaged record is moved to
 * `damaged/<number>/<its key>`, where the last 20 stay, and is then treated as absent. A write from another tab can
 * be lost if it happens at the moment in which this tab finds the damage.
 */
export const createRecords = (store: Store, { onDamaged }: RecordsOptions): Records => {
  // Serial: a record that was damaged when it was read may be whole when it is set aside, so no write may come in
  // between.
  const runSerially = createSerialQueue();

  let isNewer = false;
  const throwNewer = (): never => {
    isNewer = true;
    throw new StorageError("newer", "A newer version of the app has written this store");
  };

  const setAside = (key: string, isWhole: (value: Uint8Array) => boolean): Promise<void> =>
    runSerially(async () => {
      const value = await store.get(key);
      if (!value || isWhole(value)) return;
      try {
        await store.write([...moveAside(key, value, await store.keys(DAMAGED)), remove(key)]);
      } catch (error) {
        // On a full disk the record stays in place, and is found again.
        if (!(isStorageError(error) && error.kind === "full")) throw error;
      }
      onDamaged(key);
    });

  const get = async <T>(key: string, parse: Parse<T>): Promise<T | undefined> => {
    const value = await store.get(key);
    if (!value) return undefined;
    const parsed = parse(key, value);
    if (parsed.state === "whole") return parsed.value;
    if (parsed.state === "newer") throwNewer();
    await setAside(key, (current) => parse(key, current).state === "whole");
    return undefined;
  };

  const list = async <T>(prefix: string, parse: Parse<T>): Promise<readonly KeptRecord<T>[]> => {
    const records: KeptRecord<T>[] = [];
    for (const { key, value } of await store.list(prefix)) {
      if (key.startsWith(DAMAGED)) continue;
      const parsed = parse(key, value);
      if (parsed.state === "newer") throwNewer();
      if (parsed.state === "whole") records.push({ key, value: parsed.value });
      else await setAside(key, (current) => parse(key, current).state === "whole");
    }
    return records;
  };

  return {
    getJson: <T>(key: string) => get<T>(key, parseJson),
    getBytes: (key) => get(key, parseBytes),
    listJson: <T>(prefix: string) => list<T>(prefix, parseJson),
    listBytes: (prefix) => list(prefix, parseBytes),
    keys: async (prefix) => (await store.keys(prefix)).filter((key) => !key.startsWith(DAMAGED)),
    damagedKeys: () => store.keys(DAMAGED),
    write: (changes) => runSerially(async () => (isNewer ? throwNewer() : store.write(changes))),
    purge: () => runSerially(async () => store.purge?.()),
    close: () => runSerially(() => store.close()),
  };
};

type Parsed<T> =
  | { readonly state: "whole"; readonly value: T }
  | { readonly state: "damaged" }
  | { readonly state: "newer" };
type Parse<T> = (key: string, value: Uint8Array) => Parsed<T>;

const parseBytes: Parse<Uint8Array> = (key, value) => {
  const [version = 0] = value;
  if (value.byteLength < HEADER_BYTES || version < FORMAT_VERSION) return { state: "damaged" };
  const payload = value.slice(HEADER_BYTES);
  const sum = new DataView(value.buffer, value.byteOffset).getUint32(1);
  if (sum !== checksum(key, payload)) return { state: "damaged" };
  return version === FORMAT_VERSION ? { state: "whole", value: payload } : { state: "newer" };
};

const parseJson = <T>(key: string, value: Uint8Array): Parsed<T> => {
  const bytes = parseBytes(key, value);
  if (bytes.state !== "whole") return bytes;
  try {
    return { state: "whole", value: JSON.parse(decode(bytes.value)) };
  } catch {
    return { state: "damaged" };
  }
};

const checksum = (key: string, payload: Uint8Array): number => crc32(encode(key), SEPARATOR, payload);

/**
 * Returns the changes that move a damaged record aside. The number in the key keeps the order in which damage was
 * found.
 */
const moveAside = (key: string, value: Uint8Array, damaged: readonly string[]): Change[] => {
  const newest = damaged[damaged.length - 1]?.slice(DAMAGED.length, DAMAGED.length + NUMBER_DIGITS) ?? "0";
  const number = String(Number(newest) + 1).padStart(NUMBER_DIGITS, "0");
  const oldest = damaged.slice(0, Math.max(0, damaged.length + 1 - MAX_DAMAGED));
  return [...oldest.map(remove), { key: `${DAMAGED}${number}/${key}`.slice(0, MAX_KEY_LENGTH), value }];
};
