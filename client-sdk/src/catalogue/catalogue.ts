import type { Unsubscribe } from "../runtime/observable.ts";
import type { Course, CourseFilter, Page, University, UniversityFilter } from "@edvoyage/protocol";
import type { Fresh, ReadOptions, ReadSnapshot } from "../reads/query.ts";
import type { OpenView } from "../reads/views.ts";

/** A list that is read from the device first. Reads throw `offline` only for data that this device has never seen. */
export interface CachedList<Filter, Item> {
  /** Returns a page in order of name; `{}` selects everything. */
  list(filter: Filter, options?: ReadOptions): Promise<Fresh<Page<Item>>>;
  /** Returns one item. Throws `not-found`. */
  get(id: string, options?: ReadOptions): Promise<Fresh<Item>>;
  /** Calls the listener immediately and after each change; asks the server again when the stored data is stale. */
  watch(filter: Filter, listener: (snapshot: ReadSnapshot<Page<Item>>) => void): Unsubscribe;
}

/** Creates the list of universities. It needs no session. */
export const createUniversities = (open: OpenView): CachedList<UniversityFilter, University> => ({
  list: (input, options) => open({ procedure: "universities.list", input }).get(options),
  get: (id, options) => open({ procedure: "universities.get", input: { id } }).get(options),
  watch: (input, listener) => open({ procedure: "universities.list", input }).watch(listener),
});

/** Creates the list of courses. It needs no session. */
export const createCourses = (open: OpenView): CachedList<CourseFilter, Course> => ({
  list: (input, options) => open({ procedure: "courses.list", input }).get(options),
  get: (id, options) => open({ procedure: "courses.get", input: { id } }).get(options),
  watch: (input, listener) => open({ procedure: "courses.list", input }).watch(listener),
});
