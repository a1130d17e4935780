import type { UserId } from "@edvoyage/protocol";
import type { AnswerOf, QueryPath } from "../rpc/server-api.ts";
import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError, isTransient, toEdVoyageError } from "../runtime/errors.ts";
import {
  callListener,
  createSubject,
  type Observable,
  type Subject,
  type Unsubscribe,
} from "../runtime/observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Records } from "../storage/records.ts";
import { areaOf } from "../rpc/queued-inputs.ts";
import { createProjection, projectionOf, type AnyPage, type Project } from "./projection.ts";
import { createStoredAnswers, isSame, keyOf, type StoredAnswer } from "./stored-answers.ts";
import {
  NOTHING_READ,
  type Fresh,
  type OwnChange,
  type Projections,
  type Query,
  type ReadOptions,
  type ReadSnapshot,
} from "./query.ts";

/** Reads that are answered from the device first. */
export interface Reads {
  /** Returns the device's value immediately, otherwise the server's answer. Throws the server's errors, and `offline`. */
  read<P extends QueryPath>(query: Query<P>, options?: ReadOptions): Promise<Fresh<AnswerOf<P>>>;
  /** Returns a read to watch. It is requested at the first subscription, and again when it is stale and there is a network. */
  watch<P extends QueryPath>(query: Query<P>): ReadHandle<AnswerOf<P>>;
  /** Loads the next items of a list. Returns whether there are more. Throws `offline` and the server's errors. */
  loadMore(query: Query): Promise<boolean>;
  /** Applies an answered command to the known values of its area. */
  settled(change: Pick<OwnChange, "entry" | "answer">): Promise<void>;
  /** Reads watched values again if they are stale. */
  wake(): void;
  close(): void;
}

/** A read that can be watched. */
export interface ReadHandle<Value> {
  readonly value: ReadSnapshot<Value>;
  subscribe(listener: () => void): Unsubscribe;
}

export interface ReadsDeps {
  readonly records: Records;
  readonly clock: Clock;
  /** Calls the procedure of a path. */
  readonly ask: (procedure: string, input: unknown) => Promise<unknown>;
  readonly onNotKept: (cause: unknown) => void;
  /** Returns when an area last changed, as far as this device knows; earlier reads are stale. */
  readonly changedAt?: (area: string) => number | undefined;
  /** Pending commands, and their effect on what is read. */
  readonly own?: {
    readonly userId: UserId;
    /** Observes the student's commands in an area. */
    readonly inArea: (area: string) => Observable<readonly OutboxEntry[]>;
    readonly projections: Projections;
  };
}

const STALE_MS = 5 * 60_000;
/** The maximum number of items in one answer, and of a growing list on the device. */
const MAX_PAGE_SIZE = 100;
/** The number of items by which a list grows. */
const PAGE_SIZE = 20;

interface Entry {
  readonly key: string;
  readonly query: Query;
  readonly snapshot: Subject<ReadSnapshot<object>>;
  readonly project: Project;
  /** The record on the device. */
  stored: StoredAnswer | undefined;
  isLoaded: boolean;
  /** When the server last answered, and the area's last change at that time. */
  checked: Pick<StoredAnswer, "fetchedAt" | "changedAt"> | undefined;
  fetching: Promise<void> | undefined;
  watchers: number;
}

export const createReads = (deps: ReadsDeps): Reads => {
  const { records, clock, ask, onNotKept, changedAt = () => undefined, own } = deps;
  const entryByKey = new Map<string, Entry>();
  const answers = createStoredAnswers(records);
  let isClosed = false;

  const entryOf = (query: Query): Entry => {
    const key = keyOf(query);
    let entry = entryByKey.get(key);
    if (!entry || !isSame(entry.query.input, query.input)) {
      const project = own && projectionOf(own.projections, query.procedure);
      entry = {
        key,
        query,
        snapshot: createSubject<ReadSnapshot<object>>(NOTHING_READ),
        project: project ? createProjection(query, { project, userId: own.userId }) : (snapshot) => snapshot,
        stored: undefined,
        isLoaded: false,
        checked: undefined,
        fetching: undefined,
        watchers: 0,
      };
      entryByKey.set(key, entry);
    }
    return entry;
  };

  const isFresh = ({ query, checked }: Entry): boolean =>
    checked !== undefined &&
    Math.abs(clock.now() - checked.fetchedAt) < STALE_MS &&
    checked.changedAt === changedAt(areaOf(query.procedure));

  const snapshotOf = ({ query, snapshot, project }: Entry): ReadSnapshot<object> =>
    project(snapshot.value, own?.inArea(areaOf(query.procedure)).value ?? []);

  const show = (entry: Entry, value: object, source: "device" | "server"): void => {
    const { fetchedAt = 0 } = entry.checked ?? {};
    entry.snapshot.set({
      value: { ...value, fetchedAt, source, isStale: !isFresh(entry) },
      isFetching: source === "device" && entry.snapshot.value.isFetching,
      error: undefined,
    });
  };

  const load = async (entry: Entry): Promise<void> => {
    if (entry.isLoaded) return;
    const stored = await answers.get(entry.query);
    const shown = stored ?? (await answers.findListed(entry.query));
    if (entry.isLoaded) return;
    entry.isLoaded = true;
    entry.stored = stored;
    if (!shown) return;
    entry.checked = shown;
    show(entry, shown.value, "device");
  };

  const keep = async (entry: Entry, value: object): Promise<void> => {
    const { fetchedAt = 0, changedAt: at } = entry.checked ?? {};
    entry.stored = { input: entry.query.input, value, fetchedAt, changedAt: at };
    await answers.put(entry.key, entry.stored);
  };

  const inBackground = (task: Promise<unknown>): void => {
    task.catch((cause: unknown) => {
      if (!isClosed) onNotKept(cause);
    });
  };

  /** Fetches a list. Returns it, and the `head` for the device: of a long list only the first items, with the cursor after them. */
  const fetchList = async ({ query, snapshot, stored }: Entry, isMore: boolean) => {
    const { procedure, input, count = PAGE_SIZE } = query;
    const loaded = toPage(snapshot.value.value);
    const itemById = new Map(isMore ? loaded.items.map((item) => [item.id, item]) : []);
    const wanted = isMore ? itemById.size + PAGE_SIZE : Math.max(count, loaded.items.length);
    let page: AnyPage = isMore ? loaded : NOTHING;
    let head = isMore ? stored?.value : undefined;
    do {
      const limit = Math.min(MAX_PAGE_SIZE, wanted - itemById.size);
      const next = toPage(await ask(procedure, Object.assign({}, input, { cursor: page.nextCursor, limit })));
      for (const item of next.items) itemById.set(item.id, item);
      page = { items: [...itemById.values()], nextCursor: next.nextCursor };
      if (!head || count > MAX_PAGE_SIZE || page.items.length <= MAX_PAGE_SIZE) head = page;
    } while (page.nextCursor !== null && itemById.size < wanted);
    return { value: page, head };
  };

  const fetch = async (entry: Entry, isMore: boolean): Promise<void> => {
    const { procedure, input, count } = entry.query;
    const since = changedAt(areaOf(procedure));
    entry.snapshot.set({ ...entry.snapshot.value, isFetching: true });
    try {
      const { value, head } =
        count === undefined
          ? await ask(procedure, input).then((answer) => ({
              value: answer as object,
              head: answer as object,
            }))
          : await fetchList(entry, isMore);
      if (isClosed) return;
      // Appending items does not make the earlier ones fresher.
      if (!isMore) entry.checked = { fetchedAt: clock.now(), changedAt: since };
      entry.isLoaded = true;
      show(entry, value, "server");
      inBackground(keep(entry, head));
    } catch (thrown) {
      const error = toEdVoyageError(thrown);
      if (!isTransient(error.reason)) entry.checked = { fetchedAt: clock.now(), changedAt: since };
      // Delete what the student can no longer access.
      const isGone = error.reason === "not-found";
      if (isGone && !isClosed) inBackground(answers.remove(entry.key));
      const { value } = entry.snapshot.value;
      entry.snapshot.set({ value: isGone ? undefined : value, isFetching: false, error });
    }
  };

  /** Fetches an entry; simultaneous callers share one request. */
  const refresh = (entry: Entry, isMore = false): Promise<void> => {
    entry.fetching ??= fetch(entry, isMore).finally(() => {
      entry.fetching = undefined;
      // It may have changed during the request.
      if (entry.watchers > 0 && !entry.snapshot.value.error) wakeEntry(entry);
    });
    return entry.fetching;
  };

  const wakeEntry = (entry: Entry): void => {
    if (isClosed) return;
    inBackground(load(entry).then(() => (isFresh(entry) ? undefined : refresh(entry))));
  };

  const read = async (query: Query, { refresh: waits, deviceOnly }: ReadOptions): Promise<Fresh<object>> => {
    const entry = entryOf(query);
    // A value that cannot be read is not known: the server is asked.
    const failure = await load(entry).then(() => undefined, toEdVoyageError);
    // A pending command in the outbox counts as a value, too.
    const isKnown = snapshotOf(entry).value !== undefined;
    if (!deviceOnly) {
      if (waits || !isKnown) await refresh(entry);
      else if (!isFresh(entry)) void refresh(entry);
    }
    const { value, error } = snapshotOf(entry);
    if (value === undefined || (error && !isKnown)) {
      throw error ?? failure ?? new EdVoyageError("offline", "This device has never read this data.");
    }
    // It may have become stale since it was stored.
    return { ...value, isStale: !isFresh(entry) };
  };

  return {
    // The map's values have different types; each key belongs to one.
    read: (query, options = {}) => read(query, options) as Promise<Fresh<never>>,
    watch: (query) => {
      const entry = entryOf(query);
      return {
        get value() {
          return snapshotOf(entry) as ReadSnapshot<never>;
        },
        subscribe: (listener) => {
          entry.watchers += 1;
          const call = (): void => callListener(listener);
          const unsubscribes = [
            entry.snapshot.subscribe(call),
            own?.inArea(areaOf(query.procedure)).subscribe(call),
          ];
          wakeEntry(entry);
          let isUnsubscribed = false;
          return () => {
            if (isUnsubscribed) return;
            isUnsubscribed = true;
            entry.watchers -= 1;
            for (const unsubscribe of unsubscribes) unsubscribe?.();
          };
        },
      };
    },
    loadMore: async (query) => {
      const entry = entryOf(query);
      await load(entry).catch((thrown: unknown) => {
        throw toEdVoyageError(thrown);
      });
      await entry.fetching;
      if (toPage(entry.snapshot.value.value).nextCursor !== null) {
        await refresh(entry, true);
        const { error } = entry.snapshot.value;
        if (error) throw error;
      }
      return toPage(entry.snapshot.value.value).nextCursor !== null;
    },
    settled: async (change) => {
      if (!own) return;
      const area = areaOf(change.entry.procedure);
      const after = (
        procedure: string,
        stored: Pick<StoredAnswer, "value" | "input">,
      ): object | undefined => {
        const value = projectionOf(own.projections, procedure)?.(
          stored.value,
          { ...change, userId: own.userId },
          stored.input,
        );
        return value === stored.value ? undefined : value;
      };
      const keeping: Promise<void>[] = [];
      for (const entry of entryByKey.values()) {
        const { procedure, input } = entry.query;
        if (areaOf(procedure) !== area) continue;
        const { value } = entry.snapshot.value;
        const next = value && after(procedure, { value, input });
        if (next) entry.snapshot.set({ ...entry.snapshot.value, value: { ...value, ...next } });
        const newValue = entry.stored && after(procedure, entry.stored);
        if (newValue) keeping.push(keep(entry, newValue));
      }
      // Records that nobody has read since the app was opened.
      const replacing = answers.ofArea(area).then(async (listed) => {
        for (const { key, procedure, answer } of listed) {
          const newValue = entryByKey.has(key) ? undefined : after(procedure, answer);
          if (newValue) await answers.replace(key, { ...answer, value: newValue });
        }
      });
      // Together, so that the failure of one leaves none of the others unhandled.
      await Promise.all([...keeping, replacing]);
    },
    wake: () => {
      for (const entry of entryByKey.values()) if (entry.watchers > 0) wakeEntry(entry);
    },
    close: () => {
      isClosed = true;
    },
  };
};

const NOTHING: AnyPage = { items: [], nextCursor: null };

// Queries with a `count` always return lists.
const toPage = (value: unknown): AnyPage => (value ?? NOTHING) as AnyPage;
