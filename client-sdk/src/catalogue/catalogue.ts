import type { CourseId, UniversityId } from "@edvoyage/protocol";
import type { Unsubscribe } from "../observable.ts";
import type { Page, PageFilter } from "../page.ts";
import type { Fresh, Query, ReadOptions, ReadSnapshot } from "../reads/reads.ts";
import type { ServerCalls } from "../calls.ts";

/** A university. */
export interface University {
  readonly id: UniversityId;
  readonly name: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly countryName: string;
  readonly city: string | null;
  /** State or province. */
  readonly region: string | null;
  readonly website: string | null;
  readonly domains: readonly string[];
}

/** What a course leads to. */
export type CourseLevel = "bachelor" | "master" | "doctorate";

/** A course of a university. */
export interface Course {
  readonly id: CourseId;
  readonly universityId: UniversityId;
  readonly universityName: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly title: string;
  readonly level: CourseLevel;
  readonly subject: string;
  readonly language: string;
  readonly durationMonths: number;
  /** Whole units of `currency`; 0 is none. */
  readonly tuitionPerYear: number;
  readonly currency: string;
  /** 1 to 12. */
  readonly startMonth: number;
  /** Generated for demonstration: not a real offer. */
  readonly isSample: boolean;
}

/** Which universities. */
export interface UniversityFilter extends PageFilter {
  /** Beginnings of words, accents or not; at most 100 characters. */
  readonly query?: string | undefined;
  /** ISO code or English name. */
  readonly country?: string | undefined;
}

/** Which courses. */
export interface CourseFilter extends UniversityFilter {
  readonly universityId?: string | undefined;
  readonly level?: CourseLevel | undefined;
}

/** A list that is read from the device first. Reads throw `offline` only for what this device has never seen. */
export interface CachedList<Filter, Item> {
  /** In order of name, page by page; `{}` is all. */
  list(filter: Filter, options?: ReadOptions): Promise<Fresh<Page<Item>>>;
  /** Throws `not-found`. */
  get(id: string, options?: ReadOptions): Promise<Fresh<Item>>;
  /** Calls at once and after each change; asks the server again when what is known is stale. */
  watch(filter: Filter, listener: (snapshot: ReadSnapshot<Page<Item>>) => void): Unsubscribe;
}

/** How the server is asked for a list and for one of its items. */
export interface ListQueries<Filter, Item> {
  list(filter: Filter): Query<Page<Item>>;
  get(id: string): Query<Item & object>;
}

/** Universities, for anyone. `rpc` is asked at the moment of the call. */
export const universityQueries = (rpc: () => ServerCalls): ListQueries<UniversityFilter, University> => ({
  list: (filter) => ({
    procedure: "universities.list",
    input: filter,
    fetch: () => rpc().universities.list.query(filter),
  }),
  get: (id) => ({
    procedure: "universities.get",
    input: id,
    fetch: () => rpc().universities.get.query({ id }),
  }),
});

/** Courses, for anyone. */
export const courseQueries = (rpc: () => ServerCalls): ListQueries<CourseFilter, Course> => ({
  list: (filter) => ({
    procedure: "courses.list",
    input: filter,
    fetch: () => rpc().courses.list.query(filter),
  }),
  get: (id) => ({ procedure: "courses.get", input: id, fetch: () => rpc().courses.get.query({ id }) }),
});
