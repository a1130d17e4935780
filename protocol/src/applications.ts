/** What becomes of an application, in the order in which it usually happens. */
export const APPLICATION_STATUSES = [
  "draft",
  "submitted",
  "under_review",
  "interview",
  "accepted",
  "rejected",
  "waitlisted",
  "deferred",
  "withdrawn",
] as const;
/** Where an application stands. */
export type ApplicationStatus = (typeof APPLICATION_STATUSES)[number];

export const STUDY_MODES = ["full-time", "part-time"] as const;
/** How much of her week a student means to study. */
export type StudyMode = (typeof STUDY_MODES)[number];

export const FUNDINGS = ["self", "family", "scholarship", "loan", "employer", "undecided"] as const;
/** Who a student expects to pay. */
export type Funding = (typeof FUNDINGS)[number];

/** What a student fills in; `null` is not filled in. Only a draft's fields change. */
export interface ApplicationFields {
  /** The year in which she means to start, in the month in which the course does. */
  readonly intakeYear: number | null;
  readonly studyMode: StudyMode | null;
  readonly contactEmail: string | null;
  readonly funding: Funding | null;
  /** Why this course and why she; lines end in `\n`. */
  readonly statement: string | null;
  /** What else those who decide should know. */
  readonly notes: string | null;
}

/** The names of the fields. */
export const APPLICATION_FIELDS = [
  "intakeYear",
  "studyMode",
  "contactEmail",
  "funding",
  "statement",
  "notes",
] as const satisfies readonly (keyof ApplicationFields)[];
/** One of them. */
export type ApplicationField = (typeof APPLICATION_FIELDS)[number];

export const APPLICATION_DOCUMENT_KINDS = [
  "passport",
  "transcript",
  "cv",
  "statement",
  "reference-letter",
  "language-certificate",
  "other",
] as const;
/** What a document of an application is. */
export type ApplicationDocumentKind = (typeof APPLICATION_DOCUMENT_KINDS)[number];

export const APPLICATION_DOCUMENT_STATUSES = ["expected", "uploaded", "accepted", "rejected"] as const;
/** Whether a document is still to come, is there, or was looked at. */
export type ApplicationDocumentStatus = (typeof APPLICATION_DOCUMENT_STATUSES)[number];

/** Who moves an application. */
export type ApplicationMover = "student" | "admin";
