/** The durable storage of a device: several named stores, each with bytes by key. */
export interface StorageAdapter {
  /** Opens a store. Creates it if it does not exist. Names are 1 to 100 characters of `a-z 0-9 -`. */
  open(name: string): Promise<Store>;
  /** Returns the names of the stores that exist, in no particular order. */
  list(): Promise<readonly string[]>;
  /**
   * Deletes a store with everything in it. Does nothing if there is none. A store that is open, in this or another
   * program, is closed by this: later calls to it throw `StorageError` ("closed").
   */
  delete(name: string): Promise<void>;
  /**
   * Present where several programs, such as the tabs of a browser, may have the same stores open at the same time.
   */
  readonly peers?: Peers | undefined;
  /** How long stores last: on the disk, or only as long as the program. Known once a store is open. Default: "durable". */
  readonly durability?: Durability | undefined;
  /**
   * Calls the listener when it turns out, at the latest at the next call to a store, that something other than this adapter has
   * deleted it, such as the browser. Returns a function that stops. Without it, the client finds out only from tasks in the background.
   */
  watchDeletions?(listener: () => void): () => void;
}

/** How long stored data lasts. */
export type Durability = "durable" | "memory";

/** An open store. Keys are ordered by their UTF-16 code units. Keys and prefixes are at most 500 characters long. */
export interface Store {
  /** Returns the bytes of a key; `undefined` if there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Returns every record whose key starts with `prefix`, in the order of the keys. */
  list(prefix: string): Promise<readonly StoredRecord[]>;
  /** Returns only the keys. */
  keys(prefix: string): Promise<readonly string[]>;
  /**
   * Applies all changes or none, in their order, and resolves when they are on the disk. Writes take effect in the
   * order of the calls. Throws `StorageError`; after "full" the store still works.
   */
  write(changes: readonly Change[]): Promise<void>;
  /** Erases removed records from the store's files. Absent where that needs no extra step. */
  purge?(): Promise<void>;
  /** Waits for the calls before it, then closes and purges the store. Closing twice is no error. */
  close(): Promise<void>;
}

/** A stored record. */
export interface StoredRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** A change of one key: new bytes, or `null` to remove it. */
export interface Change {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** Messages between programs that share stores. They are not stored: a program that does not run misses them. */
export interface Peers {
  /** Sends a topic to all other programs, but not to this one. */
  broadcast(topic: string): void;
  /** Listens to the topics of the others. Returns a function that stops. */
  subscribe(listener: (topic: string) => void): () => void;
  /**
   * Waits for a name that only one program at a time can hold, and calls `onAcquired` when this one holds it. Returns a
   * function that gives the name back, or stops waiting. The name also becomes free when its holder ends, for
   * whatever reason. `lost` is aborted when another program takes the name from this one because it was suspended;
   * this one then waits for the name again.
   */
  acquire(name: string, onAcquired: (lost?: AbortSignal) => void): () => void;
  /** Whether nobody sees this program, so that its timers may be a minute late. Default: no. */
  isHidden?(): boolean;
}

/** The reason why a call to a store failed. */
export type StorageErrorKind =
  /** The device has no room. Nothing of the write was stored; the rest of the store still works. */
  | "full"
  /** The store was closed or deleted. */
  | "closed"
  /** The store cannot be opened here, such as IndexedDB in a browser that blocks it. */
  | "unavailable"
  /** A newer version of the app has written the store. Nothing of it was changed. */
  | "newer"
  /** Any other failure to read or write. */
  | "failed";

/** The only type of error that a store throws. */
export class StorageError extends Error {
  readonly kind: StorageErrorKind;

  constructor(kind: StorageErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StorageError";
    this.kind = kind;
  }
}

/** Checks the shape, not the class: an adapter may come from another copy of this package than the client. */
export const isStorageError = (error: unknown): error is StorageError =>
  error instanceof Error && error.name === "StorageError" && "kind" in error;
