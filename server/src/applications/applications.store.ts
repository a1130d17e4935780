import { prepare, type Tables } from "@edvoyage/db";
import type {
  ApplicationId,
  ApplicationMover,
  ApplicationStatus,
  CourseId,
  Funding,
  StudyMode,
  UniversityId,
  UserId,
} from "@edvoyage/protocol";

/** The columns of an application and of its course in the catalogue. The latter are `null` once the course is deleted. */
export const applicationColumns = [
  "applications.id",
  "applications.user_id",
  "applications.status",
  "applications.course_id",
  "applications.course_title",
  "applications.course_level",
  "applications.university_id",
  "applications.university_name",
  "applications.country",
  "applications.start_month",
  "applications.currency",
  "applications.intake_year",
  "applications.study_mode",
  "applications.contact_email",
  "applications.funding",
  "applications.statement",
  "applications.notes",
  "applications.fee",
  "applications.deadline",
  "applications.created_at",
  "applications.updated_at",
  "applications.submitted_at",
  "applications.closed_at",
  "courses.id as offered_course_id",
  "courses.start_month as offered_start_month",
  "courses.currency as offered_currency",
  "courses.application_fee as offered_fee",
  "courses.deadline_month as offered_deadline_month",
  "courses.deadline_day as offered_deadline_day",
] as const;

type ApplicationsRow = Tables["applications"];

export interface ApplicationRow extends Readonly<ApplicationsRow> {
  readonly offered_course_id: CourseId | null;
  readonly offered_start_month: number | null;
  readonly offered_currency: string | null;
  readonly offered_fee: number | null;
  readonly offered_deadline_month: number | null;
  readonly offered_deadline_day: number | null;
}

const own = prepare<{ userId: UserId; id: ApplicationId }>()((query, param) =>
  query
    .selectFrom("applications")
    .leftJoin("courses", "courses.id", "applications.course_id")
    .select(applicationColumns)
    .where("applications.id", "=", param.id)
    .where("applications.user_id", "=", param.userId),
);

/** The student's open application to a course; there is at most one. */
const openByCourse = prepare<{ userId: UserId; courseId: CourseId }>()((query, param) =>
  query
    .selectFrom("applications")
    .leftJoin("courses", "courses.id", "applications.course_id")
    .select(applicationColumns)
    .where("applications.user_id", "=", param.userId)
    .where("applications.course_id", "=", param.courseId)
    .where("applications.closed_at", "is", null),
);

const page = prepare<{ userId: UserId; before: ApplicationId; limit: number }>()((query, param) =>
  query
    .selectFrom("applications")
    .leftJoin("courses", "courses.id", "applications.course_id")
    .select(applicationColumns)
    .where("applications.user_id", "=", param.userId)
    .where("applications.id", "<", param.before)
    .orderBy("applications.id", "desc")
    .limit(param.limit),
);

const pageOfStatus = prepare<{
  userId: UserId;
  status: ApplicationStatus;
  before: ApplicationId;
  limit: number;
}>()((query, param) =>
  query
    .selectFrom("applications")
    .leftJoin("courses", "courses.id", "applications.course_id")
    .select(applicationColumns)
    .where("applications.user_id", "=", param.userId)
    .where("applications.status", "=", param.status)
    .where("applications.id", "<", param.before)
    .orderBy("applications.id", "desc")
    .limit(param.limit),
);

const count = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("applications")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("user_id", "=", param.userId),
);

/** The columns of a course and its university that an application copies. */
const course = prepare<{ id: CourseId }>()((query, param) =>
  query
    .selectFrom("courses")
    .innerJoin("universities", "universities.id", "courses.university_id")
    .select([
      "courses.id",
      "courses.title",
      "courses.level",
      "courses.university_id",
      "courses.start_month",
      "courses.currency",
      "courses.application_fee",
      "courses.deadline_month",
      "courses.deadline_day",
      "universities.name as university_name",
      "universities.country",
    ])
    .where("courses.id", "=", param.id),
);

export type CourseRow = Pick<
  Tables["courses"],
  | "id"
  | "title"
  | "level"
  | "university_id"
  | "start_month"
  | "currency"
  | "application_fee"
  | "deadline_month"
  | "deadline_day"
> & { readonly university_name: string; readonly country: string };

const insert = prepare<{
  id: ApplicationId;
  userId: UserId;
  courseId: CourseId;
  courseTitle: string;
  courseLevel: ApplicationsRow["course_level"];
  universityId: UniversityId;
  universityName: string;
  country: string;
  startMonth: number;
  currency: string;
  intakeYear: number | null;
  studyMode: StudyMode | null;
  contactEmail: string | null;
  funding: Funding | null;
  statement: string | null;
  notes: string | null;
  now: number;
}>()((query, param) =>
  query
    .insertInto("applications")
    .values({
      id: param.id,
      user_id: param.userId,
      status: "draft",
      course_id: param.courseId,
      course_title: param.courseTitle,
      course_level: param.courseLevel,
      university_id: param.universityId,
      university_name: param.universityName,
      country: param.country,
      start_month: param.startMonth,
      currency: param.currency,
      intake_year: param.intakeYear,
      study_mode: param.studyMode,
      contact_email: param.contactEmail,
      funding: param.funding,
      statement: param.statement,
      notes: param.notes,
      fee: null,
      deadline: null,
      created_at: param.now,
      updated_at: param.now,
      submitted_at: null,
      closed_at: null,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id"),
);

const updateFields = prepare<{
  id: ApplicationId;
  intakeYear: number | null;
  studyMode: StudyMode | null;
  contactEmail: string | null;
  funding: Funding | null;
  statement: string | null;
  notes: string | null;
  now: number;
}>()((query, param) =>
  query
    .updateTable("applications")
    .set({
      intake_year: param.intakeYear,
      study_mode: param.studyMode,
      contact_email: param.contactEmail,
      funding: param.funding,
      statement: param.statement,
      notes: param.notes,
      updated_at: param.now,
    })
    .where("id", "=", param.id),
);

/** Stores a copy of the course and its terms with a submitted application, so that later catalogue changes do not matter. */
const keepTerms = prepare<{
  id: ApplicationId;
  courseTitle: string;
  courseLevel: ApplicationsRow["course_level"];
  universityId: UniversityId;
  universityName: string;
  country: string;
  startMonth: number;
  currency: string;
  fee: number | null;
  deadline: number | null;
  now: number;
}>()((query, param) =>
  query
    .updateTable("applications")
    .set({
      course_title: param.courseTitle,
      course_level: param.courseLevel,
      university_id: param.universityId,
      university_name: param.universityName,
      country: param.country,
      start_month: param.startMonth,
      currency: param.currency,
      fee: param.fee,
      deadline: param.deadline,
      submitted_at: param.now,
    })
    .where("id", "=", param.id),
);

const setStatus = prepare<{
  id: ApplicationId;
  status: ApplicationStatus;
  closedAt: number | null;
  now: number;
}>()((query, param) =>
  query
    .updateTable("applications")
    .set({ status: param.status, closed_at: param.closedAt, updated_at: param.now })
    .where("id", "=", param.id),
);

const markUpdated = prepare<{ id: ApplicationId; now: number }>()((query, param) =>
  query.updateTable("applications").set({ updated_at: param.now }).where("id", "=", param.id),
);

const lastPosition = prepare<{ applicationId: ApplicationId }>()((query, param) =>
  query
    .selectFrom("application_moves")
    .select("position")
    .where("application_id", "=", param.applicationId)
    .orderBy("position", "desc")
    .limit(1),
);

const insertMove = prepare<{
  applicationId: ApplicationId;
  position: number;
  now: number;
  mover: ApplicationMover;
  actorId: UserId | null;
  from: ApplicationStatus | null;
  to: ApplicationStatus;
  note: string | null;
}>()((query, param) =>
  query.insertInto("application_moves").values({
    application_id: param.applicationId,
    position: param.position,
    at: param.now,
    mover: param.mover,
    actor_id: param.actorId,
    from_status: param.from,
    to_status: param.to,
    note: param.note,
  }),
);

const history = prepare<{ applicationId: ApplicationId; after: number; limit: number }>()((query, param) =>
  query
    .selectFrom("application_moves")
    .selectAll()
    .where("application_id", "=", param.applicationId)
    .where("position", ">", param.after)
    .orderBy("position")
    .limit(param.limit),
);

/** The queries of applications. */
export const applicationQueries = {
  own,
  openByCourse,
  page,
  pageOfStatus,
  count,
  course,
  insert,
  updateFields,
  keepTerms,
  setStatus,
  markUpdated,
  lastPosition,
  insertMove,
  history,
};
