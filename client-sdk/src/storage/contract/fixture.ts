import { isStorageError, type Change, type Store, type StorageAdapter } from "../storage.ts";

/** The part of vitest or jest that is used here. */
export interface TestApi {
  /** Groups tests. */
  readonly describe: (name: string, body: () => void) => void;
  /** Defines a test. */
  readonly test: (name: string, body: () => Promise<void>) => void;
  /** Compares values deeply. */
  readonly expect: (actual: unknown) => {
    /** Fails the test if the values differ. */
    toEqual(expected: unknown): void;
  };
}

/** A separate device for each test. */
export interface StorageFixture {
  /** Starts a program on the device, or starts it again. Returns an adapter that shares no memory with the others. */
  connect(): StorageAdapter;
  /** Fills the disk. Resolves with a function that makes room again. */
  fill?(): Promise<() => Promise<void>>;
  /** Called when the test has ended. */
  close?(): Promise<void>;
}

/** An ability that some adapters or fixtures lack. */
export type StorageAbility =
  /** The disk can be filled. */
  | "fill"
  /** Several programs may have the same store open at once. */
  | "programs"
  /** The programs hear each other: the adapter has `peers`. */
  | "peers";

/** The test runner, fixture and abilities with which `describeStorage` tests an adapter. */
export interface StorageContract extends TestApi {
  /** Prepares an empty device for a test. */
  readonly createFixture: () => Promise<StorageFixture>;
  /** Skips the tests that need these abilities. Default: none. */
  readonly without?: readonly StorageAbility[];
}

/** The size of a large record, in bytes. */
export const MEBIBYTE = 1_024 * 1_024;

/** Defines a test on its own device. */
export const testOnDevice = (
  { test, createFixture }: StorageContract,
  body: { readonly name: string; readonly run: (fixture: StorageFixture) => Promise<void> },
): void =>
  test(body.name, async () => {
    const fixture = await createFixture();
    try {
      await body.run(fixture);
    } finally {
      await fixture.close?.();
    }
  });

/** Defines a test on an open, empty store. */
export const testOnStore = (
  contract: StorageContract,
  body: { readonly name: string; readonly run: (store: Store) => Promise<void> },
): void =>
  testOnDevice(contract, {
    name: body.name,
    run: async (fixture) => {
      const store = await fixture.connect().open("store");
      try {
        await body.run(store);
      } finally {
        await store.close();
      }
    },
  });

/** Returns bytes with these values. */
export const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
/** Returns a change that puts a value. Default: one byte. */
export const put = (key: string, value: Uint8Array = bytes(1)): Change => ({ key, value });
/** Returns a change that removes a key. */
export const remove = (key: string): Change => ({ key, value: null });

/** Returns bytes that cannot be compressed. */
export const noise = (length: number): Uint8Array => {
  const values = new Uint8Array(length);
  let state = 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[index] = state >>> 24;
  }
  return values;
};

/** Compares bytes. A test runner's own comparison takes seconds for a mebibyte. */
export const isSameBytes = (actual: Uint8Array | undefined, expected: Uint8Array): boolean =>
  actual !== undefined &&
  actual.byteLength === expected.byteLength &&
  actual.every((byte, index) => byte === expected[index]);

/** Returns the whole content of a store as plain values. */
export const contentOf = async (store: Store): Promise<Record<string, readonly number[]>> =>
  Object.fromEntries((await store.list("")).map(({ key, value }) => [key, [...value]]));

/**
 * Returns the kind of the `StorageError` that a call throws, or `undefined` if it throws none. Rethrows other errors.
 */
export const errorKindOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (isStorageError(error)) return error.kind;
    throw error;
  }
};
