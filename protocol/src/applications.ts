import type { CourseLevel } from "./catalogue.ts";
import type { ApplicationDocumentId, ApplicationId, CourseId, UniversityId, UserId } from "./ids.ts";

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

/** A document that an application refers to. */
export interface ApplicationDocument {
  readonly id: ApplicationDocumentId;
  readonly kind: ApplicationDocumentKind;
  readonly name: string;
  readonly status: ApplicationDocumentStatus;
  /** The note of the admin who judged it. */
  readonly note: string | null;
  readonly updatedAt: number;
}

/** A step of an application from one status to another. The first one creates the draft. */
export interface ApplicationMove {
  /** Counts from 0 without gaps. */
  readonly position: number;
  readonly at: number;
  readonly by: ApplicationMover;
  /** The student; `null` for an admin. */
  readonly actorId: UserId | null;
  /** `null` for the first step. */
  readonly from: ApplicationStatus | null;
  readonly to: ApplicationStatus;
  readonly note: string | null;
}

/** The course of an application, as it was when the application was created or submitted. */
export interface AppliedCourse {
  readonly id: CourseId;
  readonly title: string;
  readonly level: CourseLevel;
  readonly universityId: UniversityId;
  readonly universityName: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** 1 to 12. */
  readonly startMonth: number;
}

/** A student's application to a course. */
export interface SentApplication {
  readonly id: ApplicationId;
  readonly status: ApplicationStatus;
  /** The statuses that the student may set now. */
  readonly moves: readonly ApplicationStatus[];
  /** The course as it was when the application was created; submitting stores it again. */
  readonly course: AppliedCourse & {
    /** Whether the course is still in the catalogue. If not, a draft cannot be submitted. */
    readonly isOffered: boolean;
  };
  readonly fields: ApplicationFields;
  /** The fee in whole units of the currency: the current one for a draft, otherwise the one at submission. `null` when unknown. */
  readonly fee: { readonly amount: number; readonly currency: string } | null;
  /**
   * The first instant that is too late to submit. A draft has the deadline of its intake year, or of the next intake when the
   * year is empty. A submitted application keeps the deadline that it met. `null` when there is none.
   */
  readonly deadline: number | null;
  readonly documents: readonly ApplicationDocument[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly submittedAt: number | null;
}
