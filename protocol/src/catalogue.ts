import type { CourseId, UniversityId } from "./ids.ts";
import type { PageFilter } from "./pages.ts";

/** The levels of courses in the catalogue. */
export const COURSE_LEVELS = ["bachelor", "master", "doctorate"] as const;
/** The degree that a course leads to. */
export type CourseLevel = (typeof COURSE_LEVELS)[number];

/** A university as the app shows it. */
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

/** A course as the app shows it. */
export interface Course {
  readonly id: CourseId;
  readonly universityId: UniversityId;
  readonly universityName: string;
  readonly country: string;
  readonly title: string;
  readonly level: CourseLevel;
  readonly subject: string;
  readonly language: string;
  readonly durationMonths: number;
  /** In whole units of `currency`. 0: free. */
  readonly tuitionPerYear: number;
  readonly currency: string;
  /** 1 to 12. */
  readonly startMonth: number;
  /** The fee of an application, in whole units of `currency`. 0: free. `null`: unknown. */
  readonly applicationFee: number | null;
  /** The first instant that is too late to apply for `intakeYear`. `null`: applications are open until the start. */
  readonly applicationDeadline: number | null;
  /** The year of the next intake that is still open for applications. */
  readonly intakeYear: number;
  /** Whether the course was generated for demonstration and is not a real offer. */
  readonly isSample: boolean;
}

/** Selects universities. */
export interface UniversityFilter extends PageFilter {
  /** The beginnings of words, with or without accents; at most 100 characters. */
  readonly query?: string | undefined;
  /** ISO code or English name. */
  readonly country?: string | undefined;
}

/** Selects courses. */
export interface CourseFilter extends UniversityFilter {
  readonly universityId?: string | undefined;
  readonly level?: CourseLevel | undefined;
}
