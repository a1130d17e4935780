import { createStorageAdapter, type Table } from "./adapter.ts";
import { StorageError, type Durability, type Peers, type StorageAdapter } from "./storage.ts";

/** Storage that lasts as long as the program. Use it in tests, and where an app may keep nothing. */
export interface MemoryStorage extends StorageAdapter {
  readonly peers: Peers;
  /** Returns another program on the same stores, like another tab of a browser. */
  connect(): MemoryStorage;
}

/** Options of the memory. */
export interface MemoryStorageOptions {
  /**
   * `"memory"` tells the client that everything is gone with the program: `sync.status.storage` says so, and signing in
   * ends no session of another device. Default: "durable", for tests, in which the memory stands for a disk.
   */
  readonly durability?: Durability;
}

/** Creates an empty memory, and the first program on it. */
export const createMemoryStorage = ({ durability = "durable" }: MemoryStorageOptions = {}): MemoryStorage =>
  connect({ stores: new Map(), programs: new Set(), queues: new Map(), durability });

type Records = Map<string, Uint8Array>;
type Listener = (topic: string) => void;

interface Waiter {
  readonly onAcquired: () => void;
}

/** The state that programs on one memory share. */
interface Memory {
  readonly stores: Map<string, Records>;
  /** The listeners of each program. */
  readonly programs: Set<Set<Listener>>;
  /** The programs that want a name, by name. The first in each queue holds it. */
  readonly queues: Map<string, Waiter[]>;
  readonly durability: Durability;
}

const connect = (memory: Memory): MemoryStorage => ({
  ...createStorageAdapter({
    open: async (name) => {
      const records = memory.stores.get(name) ?? new Map<string, Uint8Array>();
      memory.stores.set(name, records);
      return createTable(records, () => memory.stores.get(name) === records);
    },
    list: async () => [...memory.stores.keys()],
    delete: async (name) => {
      memory.stores.delete(name);
    },
  }),
  peers: createPeers(memory),
  durability: memory.durability,
  connect: () => connect(memory),
});

const createTable = (records: Records, isThere: () => boolean): Table => {
  const current = (): Records => {
    if (isThere()) return records;
    throw new StorageError("closed", "The store was deleted");
  };
  const keys = (prefix: string): string[] =>
    [...current().keys()].filter((key) => key.startsWith(prefix)).sort();

  return {
    get: async (key) => {
      const value = current().get(key);
      return value && new Uint8Array(value);
    },
    list: async (prefix) =>
      keys(prefix).map((key) => ({ key, value: new Uint8Array(records.get(key) ?? []) })),
    keys: async (prefix) => keys(prefix),
    write: async (changes) => {
      const target = current();
      for (const { key, value } of changes) {
        if (value) target.set(key, value);
        else target.delete(key);
      }
    },
    close: async () => {},
  };
};

/** Runs a task in a later turn, as between tabs: no listener is called during the call that triggers it. */
const inLaterTurn = (task: () => void): void => void Promise.resolve().then(task);

const createPeers = ({ programs, queues }: Memory): Peers => {
  const ownListeners = new Set<Listener>();
  programs.add(ownListeners);

  return {
    broadcast: (topic) => {
      const others = [...programs].filter((listeners) => listeners !== ownListeners);
      inLaterTurn(() => {
        for (const listeners of others) for (const listener of listeners) listener(topic);
      });
    },
    subscribe: (listener) => {
      // The same function may subscribe twice.
      const wrapped: Listener = (topic) => listener(topic);
      ownListeners.add(wrapped);
      return () => void ownListeners.delete(wrapped);
    },
    acquire: (name, onAcquired) => {
      const queue = queues.get(name) ?? [];
      queues.set(name, queue);
      const callFirst = (): void => {
        const [first] = queue;
        inLaterTurn(() => {
          if (first && queue[0] === first) first.onAcquired();
        });
      };
      const waiting = { onAcquired };
      queue.push(waiting);
      if (queue[0] === waiting) callFirst();
      return () => {
        const position = queue.indexOf(waiting);
        if (position === -1) return;
        queue.splice(position, 1);
        if (position === 0) callFirst();
      };
    },
  };
};
