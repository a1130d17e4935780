import type { CourseId, UniversityId } from "@edvoyage/protocol";
import type { Unsubscribe } from "../runtime/observable.ts";
import type { Page, PageFilter } from "../reads/page.ts";
import type { Fresh, ReadOptions, ReadSnapshot } from "../reads/query.ts";
import type { OpenView } from "../reads/views.ts";

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

/** Universities, for anyone. */
export const createUniversities = (open: OpenView): CachedList<UniversityFilter, University> => ({
  list: (input, options) => open({ procedure: "universities.list", input }).get(options),
  get: (id, options) => open({ procedure: "universities.get", input: { id } }).get(options),
  watch: (input, listener) => open({ procedure: "universities.list", input }).watch(listener),
});

/** Courses, for anyone. */
export const createCourses = (open: OpenView): CachedList<CourseFilter, Course> => ({
  list: (input, options) => open({ procedure: "courses.list", input }).get(options),
  get: (id, options) => open({ procedure: "courses.get", input: { id } }).get(options),
  watch: (input, listener) => open({ procedure: "courses.list", input }).watch(listener),
});
