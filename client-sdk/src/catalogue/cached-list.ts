import { follow, watchValue, type Observable } from "../observable.ts";
import { NOTHING_READ, type Reads, type ReadSnapshot } from "../reads/reads.ts";
import type { Page } from "../page.ts";
import type { CachedList, ListQueries } from "./catalogue.ts";

/** Reads a list out of whatever store is open; `require` throws when none is. */
export const createCachedList = <Filter extends object, Item extends object>(
  queries: ListQueries<Filter, Item>,
  { reads, require }: { readonly reads: Observable<Reads | undefined>; readonly require: () => Reads },
): CachedList<Filter, Item> => ({
  list: async (filter, options) => require().read(queries.list(filter), options),
  get: async (id, options) => require().read(queries.get(id), options),
  watch: (filter, listener) => {
    const query = queries.list(filter);
    const read = follow<Reads, ReadSnapshot<Page<Item>>>(reads, (open) => open.watch(query), NOTHING_READ);
    const unsubscribe = watchValue(read, listener);
    listener(read.value);
    return unsubscribe;
  },
});
