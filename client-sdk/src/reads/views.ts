import type { AnswerOf, QueryPath } from "../rpc/server-api.ts";
import { follow, watchFrom, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import { NOTHING_READ, type Fresh, type Query, type ReadOptions, type ReadSnapshot } from "./query.ts";
import type { Reads } from "./reads.ts";

/** Something that is read from the device first, of whoever is signed in. */
export interface View<Value> {
  /** The same for the same thing. */
  readonly key: string;
  /** What is known, at once; else what the server answers. Throws `offline` only for what this device has never seen. */
  get(options?: ReadOptions): Promise<Fresh<Value>>;
  /** Calls at once and after each change, also from other devices; asks the server again when what is known is stale. */
  watch(listener: (snapshot: ReadSnapshot<Value>) => void): Unsubscribe;
  /** Reads on in a list. Returns whether there is more. Throws `offline`. */
  loadMore(): Promise<boolean>;
}

/** Makes views. */
export type OpenView = <P extends QueryPath, Value = AnswerOf<P>>(query: Query<P>) => View<Value>;

/** Views of whatever store is open; `require` throws when none is. */
export const createViews =
  (reads: Observable<Reads | undefined>, require: () => Reads): OpenView =>
  <P extends QueryPath, Value>(query: Query<P>): View<Value> => ({
    key: `${query.procedure} ${JSON.stringify(query.input)}`,
    // What a projection adds is in the type that the caller names.
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
