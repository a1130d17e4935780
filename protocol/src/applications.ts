/** The statuses of an application, in their usual order. */
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
/** The status of an application. */
export type ApplicationStatus = (typeof APPLICATION_STATUSES)[number];

export const STUDY_MODES = ["full-time", "part-time"] as const;
/** How much of the week a student intends to study. */
export type StudyMode = (typeof STUDY_MODES)[number];

export const FUNDINGS = ["self", "family", "scholarship", "loan", "employer", "undecided"] as const;
/** The source of money that a student expects to pay with. */
export type Funding = (typeof FUNDINGS)[number];

/** The fields that a student fills in; `null` is not filled in. Only the fields of a draft can change. */
export interface ApplicationFields {
  /** The year in which the student intends to start; the course decides the month. */
  readonly intakeYear: number | null;
  readonly studyMode: StudyMode | null;
  readonly contactEmail: string | null;
  readonly funding: Funding | null;
  /** Why the student and the course fit; lines end in `\n`. */
  readonly statement: string | null;
  /** Further information for those who decide. */
  readonly notes: string | null;
}

/** The names of the fields of an application. */
export const APPLICATION_FIELDS = [
  "intakeYear",
  "studyMode",
  "contactEmail",
  "funding",
  "statement",
  "notes",
] as const satisfies readonly (keyof ApplicationFields)[];
/** The name of one field. */
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
/** The kind of a document of an application. */
export type ApplicationDocumentKind = (typeof APPLICATION_DOCUMENT_KINDS)[number];

export const APPLICATION_DOCUMENT_STATUSES = ["expected", "uploaded", "accepted", "rejected"] as const;
/** The status of a document: not uploaded yet, uploaded, or reviewed. */
export type ApplicationDocumentStatus = (typeof APPLICATION_DOCUMENT_STATUSES)[number];

/** Who changes the status of an application. */
export type ApplicationMover = "student" | "admin";
