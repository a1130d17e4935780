import type { Database, Tables, UnitOfWork } from "@edvoyage/db";
import type { CourseId, UniversityId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { catalogueQueries, hasCourses, insertCourses, sampleRows } from "./catalogue.store.ts";
import { foldText, textsToSearchWords } from "./fold.ts";
import { createSampleCourses } from "./sample-courses.ts";
import { sampleUniversities } from "./sample-universities.ts";
import type { Entry, UniversityImport } from "./university-import.ts";

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

/** The sample catalogue. */
export interface Samples {
  /** Adds the sample universities and their courses. Returns how many were new. */
  seed(tx: UnitOfWork): Promise<{ readonly universities: number; readonly courses: number }>;
  /** Returns the sample universities with sample courses, in the same order in every database. */
  samples(): Promise<readonly UniversitySample[]>;
}

export const createSamples = ({
  database,
  clock,
  newId,
  importEntry,
}: Pick<UniversityImport, "importEntry"> & {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
}): Samples => {
  const seedCourses = async (tx: UnitOfWork, { name, alpha_two_code: country }: Entry): Promise<number> => {
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
  };

  return {
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

    samples: async () => rowsToSamples(await sampleRows(database.read)),
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
