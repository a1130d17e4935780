import type { Clock } from "../clock.ts";
import { toEdVoyageError, type EdVoyageError } from "../errors.ts";
import { callListener, createSubject, type Subject, type Unsubscribe } from "../observable.ts";
import { putJson, remove, type Records } from "../storage/records.ts";

/** What was read, with how fresh it is. */
export type Fresh<Value> = Value & {
  /** When the server said so, by this device's clock. */
  readonly fetchedAt: number;
  readonly source: "device" | "server";
  /** Older than five minutes: it is being asked for again, if there is a network. */
  readonly isStale: boolean;
};

/** A read that goes on. */
export interface ReadSnapshot<Value> {
  /** The newest that is known; `undefined` while nothing is. */
  readonly value: Fresh<Value> | undefined;
  /** Whether the server is being asked. */
  readonly isFetching: boolean;
  /** Why it was not answered the last time. */
  readonly error: EdVoyageError | undefined;
}

/** How to read. */
export interface ReadOptions {
  /** Waits for the server's answer, also when something is known; what is known when there is none. */
  readonly refresh?: boolean;
}

/** One thing that can be read: by what it is known, and how the server is asked. */
export interface Query<Value> {
  /** Such as `universities.list`; with the input it is the key. */
  readonly procedure: string;
  readonly input: unknown;
  readonly fetch: () => Promise<Value>;
}

/** Reads that are answered from the device first. */
export interface Reads {
  /** What is known, at once; else what the server answers. Throws what the server refuses with, and `offline`. */
  read<Value extends object>(query: Query<Value>, options?: ReadOptions): Promise<Fresh<Value>>;
  /** The same as something to watch: read when it is first subscribed to, and again when it is stale and there is a network. */
  watch<Value extends object>(query: Query<Value>): ReadHandle<Value>;
  /** Puts a value in the place of what is known; what is not known stays so. */
  update<Value extends object>(query: Query<Value>, change: (value: Value) => Value): Promise<void>;
  /** Asks again for what is watched and stale. */
  wake(): void;
  close(): void;
}

/** One read, watched. */
export interface ReadHandle<Value> {
  readonly value: ReadSnapshot<Value>;
  subscribe(listener: () => void): Unsubscribe;
  refresh(): Promise<void>;
}

export interface ReadsDeps {
  readonly records: Records;
  readonly clock: Clock;
  readonly onNotKept: (cause: unknown) => void;
}

/** Before anything is known. */
export const NOTHING_READ: ReadSnapshot<never> = { value: undefined, isFetching: false, error: undefined };

const PREFIX = "cache/";
const STALE_MS = 5 * 60_000;
/** Records above which the oldest go. */
const MAX_RECORDS = 600;
const KEPT_RECORDS = 400;
const MAX_READABLE_KEY = 200;

/** What is kept of an answer. */
interface Stored {
  /** Two inputs may share a key, if rarely. */
  readonly input: unknown;
  readonly value: object;
  readonly fetchedAt: number;
}

interface Entry {
  readonly key: string;
  readonly input: unknown;
  readonly snapshot: Subject<ReadSnapshot<object>>;
  isLoaded: boolean;
  fetching: Promise<void> | undefined;
  watchers: number;
  fetch: () => Promise<object>;
}

export const createReads = ({ records, clock, onNotKept }: ReadsDeps): Reads => {
  const entryByKey = new Map<string, Entry>();
  let isClosed = false;
  let kept: number | undefined;

  const entryOf = ({ procedure, input, fetch }: Query<object>): Entry => {
    const key = keyOf(procedure, input);
    let entry = entryByKey.get(key);
    if (!entry || JSON.stringify(entry.input) !== JSON.stringify(input)) {
      const snapshot = createSubject<ReadSnapshot<object>>(NOTHING_READ);
      entry = { key, input, snapshot, isLoaded: false, fetching: undefined, watchers: 0, fetch };
      entryByKey.set(key, entry);
    }
    entry.fetch = fetch;
    return entry;
  };

  const toFresh = (value: object, fetchedAt: number, source: "device" | "server"): Fresh<object> => ({
    ...value,
    fetchedAt,
    source,
    isStale: Math.abs(clock.now() - fetchedAt) >= STALE_MS,
  });

  const load = async (entry: Entry): Promise<void> => {
    if (entry.isLoaded) return;
    const stored = await records.getJson<Stored>(entry.key);
    if (entry.isLoaded) return;
    entry.isLoaded = true;
    if (stored === undefined || JSON.stringify(stored.input) !== JSON.stringify(entry.input)) return;
    const value = toFresh(stored.value, stored.fetchedAt, "device");
    entry.snapshot.set({ ...entry.snapshot.value, value });
  };

  const keep = async (entry: Entry, stored: Stored): Promise<void> => {
    await records.write([putJson(entry.key, stored)]);
    kept = (kept ?? (await records.keys(PREFIX)).length) + 1;
    if (kept <= MAX_RECORDS) return;
    const all = await records.listJson<Stored>(PREFIX);
    const oldestFirst = [...all].sort((one, other) => one.value.fetchedAt - other.value.fetchedAt);
    await records.write(oldestFirst.slice(0, -KEPT_RECORDS).map(({ key }) => remove(key)));
    kept = Math.min(all.length, KEPT_RECORDS);
  };

  const take = (entry: Entry, value: object): void => {
    const fetchedAt = clock.now();
    entry.isLoaded = true;
    entry.snapshot.set({ value: toFresh(value, fetchedAt, "server"), isFetching: false, error: undefined });
    keep(entry, { input: entry.input, value, fetchedAt }).catch((cause: unknown) => {
      if (!isClosed) onNotKept(cause);
    });
  };

  const refresh = (entry: Entry): Promise<void> => {
    entry.fetching ??= (async () => {
      entry.snapshot.set({ ...entry.snapshot.value, isFetching: true });
      try {
        const value = await entry.fetch();
        if (!isClosed) take(entry, value);
      } catch (thrown) {
        const error = toEdVoyageError(thrown);
        entry.snapshot.set({ ...entry.snapshot.value, isFetching: false, error });
      } finally {
        entry.fetching = undefined;
      }
    })();
    return entry.fetching;
  };

  const isFresh = ({ snapshot: { value } }: Entry): boolean =>
    value.value !== undefined && Math.abs(clock.now() - value.value.fetchedAt) < STALE_MS;

  const read = async (
    query: Query<object>,
    { refresh: waits = false }: ReadOptions,
  ): Promise<Fresh<object>> => {
    const entry = entryOf(query);
    await load(entry);
    const isKnown = entry.snapshot.value.value !== undefined;
    if (waits || !isKnown) await refresh(entry);
    else if (!isFresh(entry)) void refresh(entry);
    const { value, error } = entry.snapshot.value;
    if (value === undefined || (error && !isKnown)) throw error ?? toEdVoyageError(undefined);
    // It may have become stale since it was put there.
    return toFresh(withoutFreshness(value), value.fetchedAt, value.source);
  };

  const wakeEntry = async (entry: Entry): Promise<void> => {
    await load(entry);
    if (!isFresh(entry)) await refresh(entry);
  };

  return {
    // The map's values are of many types; a key belongs to one.
    read: (query, options = {}) => read(query, options) as Promise<Fresh<never>>,
    watch: <Value extends object>(query: Query<Value>): ReadHandle<Value> => {
      const entry = entryOf(query);
      return {
        get value() {
          return entry.snapshot.value as ReadSnapshot<Value>;
        },
        subscribe: (listener) => {
          entry.watchers += 1;
          const unsubscribe = entry.snapshot.subscribe(() => callListener(listener));
          if (!isClosed) wakeEntry(entry).catch(onNotKept);
          let isOver = false;
          return () => {
            if (isOver) return;
            isOver = true;
            entry.watchers -= 1;
            unsubscribe();
          };
        },
        refresh: () => refresh(entry),
      };
    },
    update: async <Value extends object>(query: Query<Value>, change: (value: Value) => Value) => {
      if (isClosed) return;
      const entry = entryOf(query);
      await load(entry);
      const { value } = entry.snapshot.value;
      if (value !== undefined) take(entry, change(withoutFreshness(value) as Value));
    },
    wake: () => {
      for (const entry of entryByKey.values()) {
        if (entry.watchers > 0) wakeEntry(entry).catch(onNotKept);
      }
    },
    close: () => {
      isClosed = true;
    },
  };
};

const withoutFreshness = ({
  fetchedAt: _at,
  source: _source,
  isStale: _stale,
  ...value
}: Fresh<object>): object => value;

/** Readable where it is short. */
const keyOf = (procedure: string, input: unknown): string => {
  const text = JSON.stringify(input) ?? "";
  const shown = text.length <= MAX_READABLE_KEY ? text : `${text.slice(0, MAX_READABLE_KEY)}#${hashOf(text)}`;
  return `${PREFIX}${procedure}/${shown}`;
};

/** FNV-1a, 32 bits: what it mixes up is told apart by the input that is kept beside the value. */
const hashOf = (text: string): string => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16);
};
