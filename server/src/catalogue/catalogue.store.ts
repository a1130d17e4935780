import { prepare, type Queries, type Tables } from "@edvoyage/db";
import type { CourseId, UniversityId } from "@edvoyage/protocol";

type UniversityRow = Tables["universities"];

const byIdentity = prepare<{ sourceKey: string; mainDomain: string | null; importId: string }>()(
  (query, param) =>
    query
      .selectFrom("universities")
      .selectAll()
      .where((eb) =>
        eb.or([eb("source_key", "=", param.sourceKey), eb("main_domain", "=", param.mainDomain)]),
      )
      // Prefer a row that this import wrote, so that a second entry finds it; then a match by name over one by domain.
      .orderBy((eb) => eb.case().when("import_id", "=", param.importId).then(0).else(1).end())
      .orderBy((eb) => eb.case().when("source_key", "=", param.sourceKey).then(0).else(1).end())
      .limit(1),
);

/** The query that finds the university of an imported entry. */
export const catalogueQueries = { byIdentity };

export const insertUniversity = async (tx: Queries, row: UniversityRow): Promise<void> => {
  await tx.all(insertRow, { ...row });
};

const insertRow = prepare<{ [Column in keyof UniversityRow]: UniversityRow[Column] }>()((query, param) =>
  query.insertInto("universities").values({
    id: param.id,
    source_key: param.source_key,
    name: param.name,
    country: param.country,
    city: param.city,
    region: param.region,
    website: param.website,
    domains: param.domains,
    main_domain: param.main_domain,
    import_id: param.import_id,
    sort_key: param.sort_key,
    search_words: param.search_words,
    updated_at: param.updated_at,
  }),
);

const updateRow = prepare<{
  id: UniversityId;
  city: string | null;
  region: string | null;
  website: string | null;
  domains: string;
  main_domain: string | null;
  import_id: string | null;
  search_words: string;
  updated_at: number;
}>()((query, param) =>
  query
    .updateTable("universities")
    .set({
      city: param.city,
      region: param.region,
      website: param.website,
      domains: param.domains,
      main_domain: param.main_domain,
      import_id: param.import_id,
      search_words: param.search_words,
      updated_at: param.updated_at,
    })
    .where("id", "=", param.id),
);

export const updateUniversity = async (tx: Queries, row: UniversityRow): Promise<void> => {
  const { id, city, region, website, domains, main_domain, import_id, search_words, updated_at } = row;
  await tx.all(updateRow, {
    id,
    city,
    region,
    website,
    domains,
    main_domain,
    import_id,
    search_words,
    updated_at,
  });
};

/** The position after which a page begins: the sort key and id of the last row of the previous page. */
export type NamePosition = readonly [sortKey: string, id: string];

/** A page of universities, sorted by name. */
export const universitiesPage = (
  queries: Queries,
  filter: {
    readonly patterns: readonly string[];
    readonly country?: string | undefined;
    readonly after?: NamePosition | undefined;
    readonly limit: number;
  },
): Promise<UniversityRow[]> => {
  const { patterns, country, after, limit } = filter;
  let query = queries.kysely
    .selectFrom("universities")
    .selectAll()
    .orderBy("sort_key")
    .orderBy("id")
    .limit(limit);
  if (country) query = query.where("country", "=", country);
  if (after)
    query = query.where((eb) =>
      eb(eb.refTuple("sort_key", "id"), ">", eb.tuple(after[0], after[1] as UniversityId)),
    );
  for (const pattern of patterns) query = query.where("search_words", "like", pattern);
  return query.execute();
};

const universityById = prepare<{ id: UniversityId }>()((query, param) =>
  query.selectFrom("universities").selectAll().where("id", "=", param.id),
);

export const findUniversity = (queries: Queries, id: UniversityId): Promise<UniversityRow | undefined> =>
  queries.first(universityById, { id });

export const countUniversities = async (queries: Queries): Promise<number> => {
  const counted = await queries.kysely
    .selectFrom("universities")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirst();
  return counted?.count ?? 0;
};

const courseColumns = [
  "courses.id",
  "courses.university_id",
  "courses.title",
  "courses.level",
  "courses.subject",
  "courses.language",
  "courses.duration_months",
  "courses.tuition_per_year",
  "courses.currency",
  "courses.start_month",
  "courses.application_fee",
  "courses.deadline_month",
  "courses.deadline_day",
  "courses.is_sample",
  "courses.sort_key",
  "universities.name as university_name",
  "universities.country",
] as const;

/** A course with its university. */
export type CourseRow = Omit<Tables["courses"], "search_words" | "updated_at"> & {
  readonly university_name: string;
  readonly country: string;
};

/** A page of courses, sorted by title. */
export const coursesPage = (
  queries: Queries,
  filter: {
    readonly patterns: readonly string[];
    readonly universityId?: UniversityId | undefined;
    readonly level?: Tables["courses"]["level"] | undefined;
    readonly country?: string | undefined;
    readonly after?: NamePosition | undefined;
    readonly limit: number;
  },
): Promise<CourseRow[]> => {
  const { patterns, universityId, level, country, after, limit } = filter;
  let query = queries.kysely
    .selectFrom("courses")
    .innerJoin("universities", "universities.id", "courses.university_id")
    .select(courseColumns)
    .orderBy("courses.sort_key")
    .orderBy("courses.id")
    .limit(limit);
  if (universityId !== undefined) query = query.where("courses.university_id", "=", universityId);
  if (level) query = query.where("courses.level", "=", level);
  if (country) query = query.where("universities.country", "=", country);
  if (after) {
    query = query.where((eb) =>
      eb(eb.refTuple("courses.sort_key", "courses.id"), ">", eb.tuple(after[0], after[1] as CourseId)),
    );
  }
  for (const pattern of patterns) query = query.where("courses.search_words", "like", pattern);
  return query.execute();
};

/** All sample courses with the city and website of their university. */
export const sampleRows = (queries: Queries) =>
  queries.kysely
    .selectFrom("courses")
    .innerJoin("universities", "universities.id", "courses.university_id")
    .select(courseColumns)
    .select(["universities.city", "universities.website"])
    .where("courses.is_sample", "=", 1)
    .execute();

export const findCourse = (queries: Queries, id: CourseId): Promise<CourseRow | undefined> =>
  queries.kysely
    .selectFrom("courses")
    .innerJoin("universities", "universities.id", "courses.university_id")
    .select(courseColumns)
    .where("courses.id", "=", id)
    .executeTakeFirst();

export const hasCourses = async (queries: Queries, universityId: UniversityId): Promise<boolean> =>
  (await queries.kysely
    .selectFrom("courses")
    .select("id")
    .where("university_id", "=", universityId)
    .limit(1)
    .executeTakeFirst()) !== undefined;

export const insertCourses = async (queries: Queries, rows: readonly Tables["courses"][]): Promise<void> => {
  await queries.kysely.insertInto("courses").values(rows).execute();
};
