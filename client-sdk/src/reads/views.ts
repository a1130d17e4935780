import type { AnswerOf, QueryPath } from "../rpc/server-api.ts";
import { follow, watchFrom, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import { NOTHING_READ, type Fresh, type Query, type ReadOptions, type ReadSnapshot } from "./query.ts";
import type { Reads } from "./reads.ts";

/** A read for the student who is signed in, answered from the device first. */
export interface View<Value> {
  /** Identifies the read: equal for equal reads. */
  readonly key: string;
  /** Returns the device's value immediately, otherwise the server's answer. Throws `offline` only for data that this device has never seen. */
  get(options?: ReadOptions): Promise<Fresh<Value>>;
  /** Calls the listener immediately and after each change, on any device; asks the server again when the value is stale. */
  watch(listener: (snapshot: ReadSnapshot<Value>) => void): Unsubscribe;
  /** Loads more of a list. Returns whether there is more. Throws `offline`. */
  loadMore(): Promise<boolean>;
}

/** Creates the view of a query. */
export type OpenView = <P extends QueryPath, Value = AnswerOf<P>>(query: Query<P>) => View<Value>;

/** Creates views of whichever store is open; `require` throws when none is. */
export const createViews =
  (reads: Observable<Reads | undefined>, require: () => Reads): OpenView =>
  <P extends QueryPath, Value>(query: Query<P>): View<Value> => ({
    key: `${query.procedure} ${JSON.stringify(query.input)}`,
    // The fields that a projection adds are in `Value`, which the caller chooses.
    get: async (options) => (await require().read(query, options)) as Fresh<Value>,
    watch: (listener) => {
      const read = follow<Reads, ReadSnapshot<Value>>(
        reads,
        (open) => open.watch(query) as unknown as Observable<ReadSnapshot<Value>>,
        NOTHING_READ,
      );
      return watchFrom(read, listener);
    },
    loadMore: async () => require().loadMore(query),
  });
