import { createStorageAdapter, type Table } from "./adapter.ts";
import { StorageError, type Peers, type StorageAdapter } from "./storage.ts";

/** Storage that lasts as long as the program: for tests, and where an app may keep nothing. */
export interface MemoryStorage extends StorageAdapter {
  readonly peers: Peers;
  /** Another program over the same stores, as another tab of a browser is. */
  connect(): MemoryStorage;
}

/** Makes an empty memory, and the first program on it. */
export const createMemoryStorage = (): MemoryStorage =>
  connect({ stores: new Map(), programs: new Set(), queues: new Map() });

type Records = Map<string, Uint8Array>;
type Listener = (topic: string) => void;

interface Waiting {
  readonly taken: () => void;
}

/** What programs over one memory share. */
interface Memory {
  readonly stores: Map<string, Records>;
  /** What each program hears with. */
  readonly programs: Set<Set<Listener>>;
  /** Who wants a name, by name; the first of them has it. */
  readonly queues: Map<string, Waiting[]>;
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
      const into = current();
      for (const { key, value } of changes) {
        if (value) into.set(key, value);
        else into.delete(key);
      }
    },
    close: async () => {},
  };
};

/** What other programs do reaches one in a later turn, as between tabs: nobody is called from within their own call. */
const later = (task: () => void): void => void Promise.resolve().then(task);

const createPeers = ({ programs, queues }: Memory): Peers => {
  const mine = new Set<Listener>();
  programs.add(mine);

  return {
    broadcast: (topic) => {
      const others = [...programs].filter((listeners) => listeners !== mine);
      later(() => {
        for (const listeners of others) for (const listener of listeners) listener(topic);
      });
    },
    subscribe: (listener) => {
      // One function may listen twice.
      const heard: Listener = (topic) => listener(topic);
      mine.add(heard);
      return () => void mine.delete(heard);
    },
    acquire: (name, taken) => {
      const queue = queues.get(name) ?? [];
      queues.set(name, queue);
      const callFirst = (): void => {
        const [first] = queue;
        later(() => {
          if (first && queue[0] === first) first.taken();
        });
      };
      const waiting = { taken };
      queue.push(waiting);
      if (queue[0] === waiting) callFirst();
      return () => {
        const place = queue.indexOf(waiting);
        if (place === -1) return;
        queue.splice(place, 1);
        if (place === 0) callFirst();
      };
    },
  };
};
