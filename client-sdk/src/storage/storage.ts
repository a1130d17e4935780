/** Where a device keeps what it must not lose: several named stores, each of bytes by key. */
export interface StorageAdapter {
  /** Opens a store, and makes it when it is not there. Names are 1 to 100 characters of `a-z 0-9 -`. */
  open(name: string): Promise<Store>;
  /** Names of the stores that are there, in no order. */
  list(): Promise<readonly string[]>;
  /**
   * Deletes a store with everything in it; none of that name is no error. One that is open, here or in another
   * program, is closed by it: what is asked of it afterwards throws `StorageError` ("closed").
   */
  delete(name: string): Promise<void>;
  /** Present where several programs, such as the tabs of a browser, may have the same stores open at once. */
  readonly peers?: Peers;
}

/** One store. Keys are ordered by their UTF-16 code units; they and prefixes are at most 500 characters long. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Every record whose key starts with `prefix`, in the order of the keys. */
  list(prefix: string): Promise<readonly StoredRecord[]>;
  /** The same without the values. */
  keys(prefix: string): Promise<readonly string[]>;
  /**
   * Makes all changes or none, in their order, and resolves when they are on the disk. Writes are made in the
   * order in which they were asked for. Throws `StorageError`; after "full" the store works on.
   */
  write(changes: readonly Change[]): Promise<void>;
  /** Leaves nothing of what was removed in the store's files. Absent where there is nothing to do about it. */
  purge?(): Promise<void>;
  /** Waits for what was asked for. Closing twice is no error; it purges too. */
  close(): Promise<void>;
}

/** A record as it is kept. */
export interface StoredRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** What becomes of a key: new bytes, or with `null` none. */
export interface Change {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** What programs that share stores say to each other. None of it is kept: it is lost on who is not there. */
export interface Peers {
  /** Says a topic to all others, not to oneself. */
  broadcast(topic: string): void;
  /** Hears what the others say; returns how to stop. */
  subscribe(listener: (topic: string) => void): () => void;
  /**
   * Takes a name that one program at a time can have, as soon as nobody else has it, and calls `taken`. Returns how
   * to give it back, or to stop waiting. It also comes free when the program that has it ends, however it ends.
   * `lost` is aborted when another has taken it from a program that stood still; it is waited for again then.
   */
  acquire(name: string, taken: (lost?: AbortSignal) => void): () => void;
}

/** Why a store did not do what it was asked. */
export type StorageErrorKind =
  /** There is no room. Nothing of the write was kept; the rest of the store works on. */
  | "full"
  /** The store was closed or deleted. */
  | "closed"
  /** Anything else: the device cannot read or write. */
  | "failed";

/** What a store throws, and nothing else. */
export class StorageError extends Error {
  readonly kind: StorageErrorKind;

  constructor(kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StorageError";
    this.kind = kind;
  }
}

/** Tells by shape: the adapters may come from another copy of this package than the client. */
export const isStorageError = (error: unknown): error is StorageError =>
  error instanceof Error && error.name === "StorageError" && "kind" in error;
