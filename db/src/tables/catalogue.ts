import type { CourseId, UniversityId } from "@edvoyage/protocol";

/** Read by `universities.list/get`. */
export interface UniversitiesTable {
  id: UniversityId;
  /** Country and folded name: what makes two entries the same university. Unique. */
  source_key: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  city: string | null;
  region: string | null;
  website: string | null;
  /** Host names, JSON array. */
  domains: string;
  /** The first of them: another sign that two entries are the same university. */
  main_domain: string | null;
  /** The import that wrote it last: a second entry of the same import is a duplicate. */
  import_id: string | null;
  /** The folded name, for order. */
  sort_key: string;
  /** Folded words, each with a space before and after. */
  search_words: string;
  updated_at: number;
}

/** Read by `courses.list/get`. */
export interface CoursesTable {
  id: CourseId;
  university_id: UniversityId;
  title: string;
  level: "bachelor" | "master" | "doctorate";
  subject: string;
  language: string;
  duration_months: number;
  /** Tuition fee a year in whole units of `currency`; 0 is none. */
  tuition_per_year: number;
  currency: string;
  /** 1 to 12: the month in which teaching starts. */
  start_month: number;
  /** What an application costs, in whole units of `currency`; 0 is nothing, `null` is not known. */
  application_fee: number | null;
  /** 1 to 12: with `deadline_day`, the last day of each year on which one applies for the next start; `null` for none. */
  deadline_month: number | null;
  deadline_day: number | null;
  /** 0 or 1: generated for demonstration, not a real offer. */
  is_sample: number;
  sort_key: string;
  search_words: string;
  updated_at: number;
}
