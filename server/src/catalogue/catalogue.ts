import type { Database, Tables, UnitOfWork } from "@edvoyage/db";
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
  catalogueQueries,
  countUniversities,
  coursesPage,
  findCourse,
  findUniversity,
  hasCourses,
  insertCourses,
  insertUniversity,
  sampleRows,
  universitiesPage,
  updateUniversity,
  type CourseRow,
} from "./catalogue.store.ts";
import { countryToName, foldText, queryToPatterns, textsToSearchWords } from "./fold.ts";
import { createSampleCourses } from "./sample-courses.ts";
import { sampleUniversities } from "./sample-universities.ts";

export type { University, Course } from "@edvoyage/protocol";

/** A sample course with the terms of its intakes, in the shape of `IntakeTerms`. */
export interface CourseSample {
  readonly id: CourseId;
  readonly title: string;
  readonly subject: string;
  readonly universityName: string;
  readonly city: string | null;
  readonly start_month: number;
  readonly deadline_month: number | null;
  readonly deadline_day: number | null;
}

/** A university of the sample catalogue. */
export interface UniversitySample {
  readonly id: UniversityId;
  readonly name: string;
  readonly country: string;
  readonly city: string | null;
  readonly website: string | null;
  readonly courses: readonly CourseSample[];
}

interface PageRequest {
  readonly cursor?: string | null | undefined;
  readonly limit: number;
}

/** The result of an import. `skipped` lists each skipped entry with its index in the import and the reason. */
export interface ImportReport {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: readonly {
    readonly index: number;
    readonly name: string | null;
    readonly reason: string;
  }[];
}

/** The public catalogue of universities and courses. */
export interface Catalogue {
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
  /**
   * Adds or completes universities. Entries with the same country and name, or with the same first domain, are the same
   * university, so importing twice changes nothing. `importId` names the import to which the entries belong; it
   * distinguishes a second entry for a university from a second run. `offset` is the index of the first entry in that import.
   */
  importEntries(
    tx: UnitOfWork,
    batch: { readonly entries: readonly unknown[]; readonly importId: string; readonly offset: number },
  ): Promise<ImportReport>;
  /** Adds the sample universities and their courses. Returns how many were new. */
  seed(tx: UnitOfWork): Promise<{ readonly universities: number; readonly courses: number }>;
  /** Returns the sample universities with sample courses, in the same order in every database. */
  samples(): Promise<readonly UniversitySample[]>;
  count(): Promise<number>;
}

const text = (maxCharacters: number) =>
  z
    .string()
    .transform((value) => value.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim())
    .pipe(z.string().min(1).max(maxCharacters));

const entryShape = z.object({
  name: text(300),
  alpha_two_code: z
    .string()
    .refine((code) => countryToName(code.toUpperCase()) !== undefined)
    .transform((code) => code.toUpperCase()),
  city: text(100).nullish().catch(null),
  "state-province": text(100).nullish().catch(null),
  domains: z
    .array(
      z
        .string()
        .max(253)
        .toLowerCase()
        .regex(/^[a-z0-9.-]+$/),
    )
    .max(20)
    .nullish()
    .catch([]),
  web_pages: z
    .array(
      z
        .url({ protocol: /^https?$/ })
        .max(500)
        .regex(/^[^\p{Cc}\s]*$/u),
    )
    .max(20)
    .nullish()
    .catch([]),
});

const skipReasonByField: Readonly<Record<string, string>> = {
  "": "not an object",
  name: "no usable name",
  alpha_two_code: "no known country code",
};

export const createCatalogue = (deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
}): Catalogue => {
  const { database, clock, newId } = deps;
  const { read } = database;

  const importEntry = async (tx: UnitOfWork, entry: Entry, importId: string): Promise<EntryOutcome> => {
    const now = clock.now();
    const mainDomain = entry.domains?.[0] ?? hostOf(entry.web_pages?.[0]);
    const sourceKey = `${entry.alpha_two_code}:${foldText(entry.name)}`;
    const found = await tx.first(catalogueQueries.byIdentity, { sourceKey, mainDomain, importId });
    if (found?.import_id === importId)
      return { skipped: `the same university as "${found.name}" earlier in this import` };
    const row = entryToRow(entry, {
      found,
      id: found?.id ?? newId<UniversityId>(now),
      sourceKey,
      mainDomain,
      importId,
      now,
    });
    if (!found) {
      await insertUniversity(tx, row);
      return "created";
    }
    await updateUniversity(tx, row);
    const isSame = (["city", "region", "website", "domains"] as const).every(
      (column) => found[column] === row[column],
    );
    return isSame ? "unchanged" : "updated";
  };

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

    importEntries: async (tx, { entries, importId, offset }) => {
      // Run one import at a time; otherwise two concurrent imports would each miss what the other adds.
      await tx.lock("catalogue");
      const report = {
        created: 0,
        updated: 0,
        unchanged: 0,
        skipped: [] as ImportReport["skipped"][number][],
      };
      for (const [place, raw] of entries.entries()) {
        const index = offset + place;
        const parsed = entryShape.safeParse(raw);
        if (!parsed.success) {
          const field = parsed.error.issues[0]?.path[0] ?? "";
          report.skipped.push({
            index,
            name: nameOf(raw),
            reason: skipReasonByField[String(field)] ?? `bad ${String(field)}`,
          });
          continue;
        }
        const outcome = await importEntry(tx, parsed.data, importId);
        if (typeof outcome === "string") report[outcome] += 1;
        else report.skipped.push({ index, name: parsed.data.name, reason: outcome.skipped });
      }
      return report;
    },

    seed: async (tx) => {
      await tx.lock("catalogue");
      const importId = newId<string>(clock.now());
      const added = { universities: 0, courses: 0 };
      for (const [name, country, city, website] of sampleUniversities) {
        const entry: Entry = { name, alpha_two_code: country, city, web_pages: [website] };
        const outcome = await importEntry(tx, entry, importId);
        if (outcome === "created") added.universities += 1;
        added.courses += await seedCourses(tx, entry);
      }
      return added;
    },

    samples: async () => rowsToSamples(await sampleRows(read)),

    count: () => countUniversities(read),
  };

  async function seedCourses(tx: UnitOfWork, { name, alpha_two_code: country }: Entry): Promise<number> {
    const university = await tx.first(catalogueQueries.byIdentity, {
      sourceKey: `${country}:${foldText(name)}`,
      mainDomain: null,
      importId: "",
    });
    if (!university || (await hasCourses(tx, university.id))) return 0;
    const now = clock.now();
    const rows = createSampleCourses(name, country).map((course): Tables["courses"] => ({
      id: newId<CourseId>(now),
      university_id: university.id,
      title: course.title,
      level: course.level,
      subject: course.subject,
      language: course.language,
      duration_months: course.durationMonths,
      tuition_per_year: course.tuitionPerYear,
      currency: course.currency,
      start_month: course.startMonth,
      application_fee: course.applicationFee,
      deadline_month: course.deadline[0],
      deadline_day: course.deadline[1],
      is_sample: 1,
      sort_key: foldText(course.title),
      search_words: textsToSearchWords([course.title, course.subject, university.name]),
      updated_at: now,
    }));
    await insertCourses(tx, rows);
    return rows.length;
  }
};

type Entry = z.output<typeof entryShape>;
type EntryOutcome = "created" | "updated" | "unchanged" | { readonly skipped: string };

const namePosition = z.tuple([z.string(), z.string()]);

/** Builds the row of an entry. Fields that the entry leaves out keep their stored values. */
const entryToRow = (
  entry: Entry,
  {
    found,
    id,
    sourceKey,
    mainDomain,
    importId,
    now,
  }: {
    readonly found: Tables["universities"] | undefined;
    readonly id: UniversityId;
    readonly sourceKey: string;
    readonly mainDomain: string | null;
    readonly importId: string;
    readonly now: number;
  },
): Tables["universities"] => {
  const name = found?.name ?? entry.name;
  const city = entry.city ?? found?.city ?? null;
  const region = entry["state-province"] ?? found?.region ?? null;
  const domains = entry.domains?.length
    ? JSON.stringify(entry.domains)
    : (found?.domains ?? JSON.stringify(mainDomain ? [mainDomain] : []));
  return {
    id,
    source_key: found?.source_key ?? sourceKey,
    name,
    country: found?.country ?? entry.alpha_two_code,
    city,
    region,
    website: entry.web_pages?.[0] ?? found?.website ?? null,
    domains,
    // Never change the columns by which a row is found; otherwise the next run would find other rows.
    main_domain: found?.main_domain ?? mainDomain,
    import_id: importId,
    sort_key: found?.sort_key ?? foldText(name),
    search_words: textsToSearchWords([name, city, region, found?.main_domain ?? mainDomain]),
    updated_at: now,
  };
};

const rowsToSamples = (rows: Awaited<ReturnType<typeof sampleRows>>): UniversitySample[] => {
  const keyOf = (row: (typeof rows)[number]): string => `${row.country} ${row.university_name} ${row.title}`;
  const samples = new Map<UniversityId, UniversitySample & { readonly courses: CourseSample[] }>();
  for (const row of rows.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))) {
    const { university_id: id, university_name: name, country, city, website } = row;
    const sample = samples.get(id) ?? { id, name, country, city, website, courses: [] };
    const { start_month, deadline_month, deadline_day } = row;
    sample.courses.push({
      id: row.id,
      title: row.title,
      subject: row.subject,
      universityName: name,
      city,
      start_month,
      deadline_month,
      deadline_day,
    });
    samples.set(id, sample);
  }
  return [...samples.values()];
};

const hostOf = (url: string | undefined): string | null =>
  url ? new URL(url).hostname.replace(/^www\d?\./, "") : null;

const nameOf = (entry: unknown): string | null => {
  const named = z.object({ name: text(300) }).safeParse(entry);
  return named.success ? named.data.name : null;
};

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
