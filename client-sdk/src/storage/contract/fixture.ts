import { isStorageError, type Change, type Store, type StorageAdapter } from "../storage.ts";

/** What vitest and jest give, as far as it is used here. */
export interface TestApi {
  readonly describe: (name: string, body: () => void) => void;
  readonly test: (name: string, body: () => Promise<void>) => void;
  readonly expect: (actual: unknown) => { toEqual(expected: unknown): void };
}

/** A device of its own, made anew for each test. */
export interface StorageFixture {
  /** Starts a program on the device, or starts it again: an adapter that knows nothing of the others. */
  connect(): StorageAdapter;
  /** Fills the disk, until what it resolves with is called: then there is room again. */
  fill?(): Promise<() => Promise<void>>;
  /** Called when the test has ended. */
  close?(): Promise<void>;
}

/** What not every adapter has, or not every fixture can do. */
export type StorageAbility =
  /** The disk can be filled. */
  | "fill"
  /** Several programs may have the same store open at once. */
  | "programs"
  /** They hear each other: the adapter has `peers`. */
  | "peers";

export interface StorageContract extends TestApi {
  readonly createFixture: () => Promise<StorageFixture>;
  /** Leaves out the tests that need these; none unless told. */
  readonly without?: readonly StorageAbility[];
}

export const MEBIBYTE = 1_024 * 1_024;

/** Defines one test on a device of its own. */
export const on = (
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

/** Defines one test on a store that is open, and empty. */
export const onStore = (
  contract: StorageContract,
  body: { readonly name: string; readonly run: (store: Store) => Promise<void> },
): void =>
  on(contract, {
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

/** Bytes of these values. */
export const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
/** A change that puts one byte, unless told. */
export const put = (key: string, value: Uint8Array = bytes(1)): Change => ({ key, value });
/** A change that removes a key. */
export const remove = (key: string): Change => ({ key, value: null });

/** Bytes that no compression shortens. */
export const noise = (length: number): Uint8Array => {
  const values = new Uint8Array(length);
  let state = 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[index] = state >>> 24;
  }
  return values;
};

/** Whether these are the same bytes; a runner takes seconds to say so of a mebibyte. */
export const isSame = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined &&
  one.byteLength === other.byteLength &&
  one.every((byte, index) => byte === other[index]);

/** All of a store, in plain values. */
export const contentOf = async (store: Store): Promise<Record<string, readonly number[]>> =>
  Object.fromEntries((await store.list("")).map(({ key, value }) => [key, [...value]]));

/** The kind of a refusal; `undefined` when there was none. Throws whatever else was thrown. */
export const refusalOf = async (asked: Promise<unknown>): Promise<string | undefined> => {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (isStorageError(error)) return error.kind;
    throw error;
  }
};
