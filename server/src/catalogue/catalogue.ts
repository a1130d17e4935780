import type { Database, Tables } from "@edvoyage/db";
import type {
  Course,
  CourseFilter,
  CourseId,
  PageFilter,
  University,
  UniversityFilter,
  UniversityId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { nextIntake } from "../applications/intake.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import {
  countUniversities,
  coursesPage,
  findCourse,
  findUniversity,
  universitiesPage,
  type CourseRow,
} from "./catalogue.store.ts";
import { countryToName, queryToPatterns } from "./fold.ts";
import { createSamples, type Samples } from "./samples.ts";
import { createUniversityImport, type UniversityImport } from "./university-import.ts";

export type { University, Course } from "@edvoyage/protocol";

interface PageRequest {
  readonly cursor?: string | null | undefined;
  readonly limit: number;
}

/** The public catalogue of universities and courses. */
export interface Catalogue extends Samples, Pick<UniversityImport, "importEntries"> {
  /** Lists universities by name. Every word of `query` must begin a word of the name, city, region or web address. */
  universities(
    filter: Omit<UniversityFilter, keyof PageFilter>,
    page: PageRequest,
  ): Promise<Page<University>>;
  /** Throws `not-found`. */
  university(id: UniversityId): Promise<University>;
  /** Lists courses by title. Every word of `query` must begin a word of the title, the subject or the university's name. */
  courses(
    filter: Omit<CourseFilter, keyof PageFilter | "universityId"> & {
      readonly universityId?: UniversityId | undefined;
    },
    page: PageRequest,
  ): Promise<Page<Course>>;
  /** Throws `not-found`. */
  course(id: CourseId): Promise<Course>;
  count(): Promise<number>;
}

export const createCatalogue = (deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
}): Catalogue => {
  const { database, clock } = deps;
  const { read } = database;
  const universityImport = createUniversityImport(deps);

  return {
    universities: async ({ query = "", country }, { cursor, limit }) => {
      const after = parseCursor(cursor, "universities", namePosition);
      const rows = await universitiesPage(read, {
        patterns: queryToPatterns(query),
        country,
        after,
        limit: limit + 1,
      });
      return toPage(rows, limit, {
        list: "universities",
        itemOf: rowToUniversity,
        positionOf: ({ sort_key, id }) => [sort_key, id],
      });
    },

    university: async (id) => {
      const row = await findUniversity(read, id);
      if (!row) throw new AppError("not-found", "There is no such university.");
      return rowToUniversity(row);
    },

    courses: async ({ query = "", ...filter }, { cursor, limit }) => {
      const after = parseCursor(cursor, "courses", namePosition);
      const rows = await coursesPage(read, {
        ...filter,
        patterns: queryToPatterns(query),
        after,
        limit: limit + 1,
      });
      return toPage(rows, limit, {
        list: "courses",
        itemOf: (row) => rowToCourse(row, clock.now()),
        positionOf: ({ sort_key, id }) => [sort_key, id],
      });
    },

    course: async (id) => {
      const row = await findCourse(read, id);
      if (!row) throw new AppError("not-found", "There is no such course.");
      return rowToCourse(row, clock.now());
    },

    importEntries: universityImport.importEntries,
    ...createSamples({ ...deps, importEntry: universityImport.importEntry }),

    count: () => countUniversities(read),
  };
};

const namePosition = z.tuple([z.string(), z.string()]);

const rowToUniversity = (row: Tables["universities"]): University => ({
  id: row.id,
  name: row.name,
  country: row.country,
  countryName: countryToName(row.country) ?? row.country,
  city: row.city,
  region: row.region,
  website: row.website,
  domains: z.array(z.string()).parse(JSON.parse(row.domains)),
});

const rowToCourse = (row: CourseRow, now: number): Course => {
  const { year, deadline } = nextIntake(row, now);
  return {
    id: row.id,
    universityId: row.university_id,
    universityName: row.university_name,
    country: row.country,
    title: row.title,
    level: row.level,
    subject: row.subject,
    language: row.language,
    durationMonths: row.duration_months,
    tuitionPerYear: row.tuition_per_year,
    currency: row.currency,
    startMonth: row.start_month,
    applicationFee: row.application_fee,
    applicationDeadline: deadline,
    intakeYear: year,
    isSample: row.is_sample === 1,
  };
};
