import type { Tables } from "@edvoyage/db";
import type {
  ApplicationDocumentId,
  ApplicationDocumentKind,
  ApplicationDocumentStatus,
  ApplicationFields,
  ApplicationId,
  ApplicationMover,
  ApplicationStatus,
  CourseId,
  CourseLevel,
  UniversityId,
  UserId,
} from "@edvoyage/protocol";
import { intakeOf, nextIntake } from "./intake.ts";
import { movesFrom } from "./applications.rules.ts";
import type { ApplicationRow } from "./applications.store.ts";

/** A student's application to a course. */
export interface Application {
  readonly id: ApplicationId;
  readonly status: ApplicationStatus;
  /** The statuses that the student may set now. */
  readonly moves: readonly ApplicationStatus[];
  /** The course as it was when the application was created; submitting stores it again. */
  readonly course: {
    readonly id: CourseId;
    readonly title: string;
    readonly level: CourseLevel;
    readonly universityId: UniversityId;
    readonly universityName: string;
    /** ISO 3166-1 alpha-2. */
    readonly country: string;
    /** 1 to 12. */
    readonly startMonth: number;
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

type DocumentRow = Tables["application_documents"];

export const rowToApplication = (
  row: ApplicationRow,
  { documents, now }: { readonly documents: readonly DocumentRow[]; readonly now: number },
): Application => ({
  id: row.id,
  status: row.status,
  moves: movesFrom(row.status, "student"),
  course: {
    id: row.course_id,
    title: row.course_title,
    level: row.course_level,
    universityId: row.university_id,
    universityName: row.university_name,
    country: row.country,
    startMonth: row.submitted_at === null ? (row.offered_start_month ?? row.start_month) : row.start_month,
    isOffered: row.offered_course_id !== null,
  },
  fields: rowToFields(row),
  ...rowToTerms(row, now),
  documents: documents.map(rowToDocument),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  submittedAt: row.submitted_at,
});

export const rowToFields = (row: ApplicationRow): ApplicationFields => ({
  intakeYear: row.intake_year,
  studyMode: row.study_mode,
  contactEmail: row.contact_email,
  funding: row.funding,
  statement: row.statement,
  notes: row.notes,
});

export const rowToMove = (row: Tables["application_moves"]): ApplicationMove => ({
  position: row.position,
  at: row.at,
  by: row.mover,
  actorId: row.actor_id,
  from: row.from_status,
  to: row.to_status,
  note: row.note,
});

/** The fee and the deadline: from the catalogue for a draft, otherwise as they were at submission. */
const rowToTerms = (row: ApplicationRow, now: number): Pick<Application, "fee" | "deadline"> => {
  if (row.submitted_at !== null) return { fee: toFee(row.fee, row.currency), deadline: row.deadline };
  if (row.offered_start_month === null) return { fee: null, deadline: null };
  const terms = {
    start_month: row.offered_start_month,
    deadline_month: row.offered_deadline_month,
    deadline_day: row.offered_deadline_day,
  };
  const intake = row.intake_year === null ? nextIntake(terms, now) : intakeOf(terms, row.intake_year);
  return { fee: toFee(row.offered_fee, row.offered_currency ?? row.currency), deadline: intake.deadline };
};

const toFee = (amount: number | null, currency: string): Application["fee"] =>
  amount === null ? null : { amount, currency };

const rowToDocument = (row: DocumentRow): ApplicationDocument => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  status: row.status,
  note: row.note,
  updatedAt: row.updated_at,
});
