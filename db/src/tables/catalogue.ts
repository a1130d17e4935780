import type { CourseId, UniversityId } from "@edvoyage/protocol";

/** Universities of the catalogue. Read by `universities.list/get`. */
export interface UniversitiesTable {
  id: UniversityId;
  /** Country and folded name; two entries with the same key are the same university. Unique. */
  source_key: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  city: string | null;
  region: string | null;
  website: string | null;
  /** A JSON array of host names. */
  domains: string;
  /** The first of `domains`; another sign that two entries are the same university. */
  main_domain: string | null;
  /** The last import that wrote the row. A second entry in the same import is a duplicate. */
  import_id: string | null;
  /** The folded name, for sorting. */
  sort_key: string;
  /** Folded words, each with a space before and after. */
  search_words: string;
  updated_at: number;
}

/** Courses of the catalogue. Read by `courses.list/get`. */
export interface CoursesTable {
  id: CourseId;
  university_id: UniversityId;
  title: string;
  level: "bachelor" | "master" | "doctorate";
  subject: string;
  language: string;
  duration_months: number;
  /** Tuition fee for a year, in whole units of `currency`; 0 for no fee. */
  tuition_per_year: number;
  currency: string;
  /** The month in which teaching starts, 1 to 12. */
  start_month: number;
  /** The cost of an application, in whole units of `currency`; 0 for none, `null` for unknown. */
  application_fee: number | null;
  /** 1 to 12. With `deadline_day`, the last day of each year to apply for the next start; `null` for no deadline. */
  deadline_month: number | null;
  deadline_day: number | null;
  /** 0 or 1: whether the course was generated for demonstration and is not a real offer. */
  is_sample: number;
  sort_key: string;
  search_words: string;
  updated_at: number;
}
