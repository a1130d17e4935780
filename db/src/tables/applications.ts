import type {
  ApplicationDocumentId,
  ApplicationDocumentKind,
  ApplicationDocumentStatus,
  ApplicationId,
  ApplicationMover,
  ApplicationStatus,
  CourseId,
  Funding,
  StudyMode,
  UniversityId,
  UserId,
} from "@edvoyage/protocol";
import type { CoursesTable } from "./catalogue.ts";

/** Students' applications to courses. Read by `applications` and `admin.applications`. */
export interface ApplicationsTable {
  id: ApplicationId;
  user_id: UserId;
  status: ApplicationStatus;
  /** No foreign key, so that an application stays when its course is removed from the catalogue. */
  course_id: CourseId;
  // A copy of the course, taken when the application is created and again when it is submitted.
  course_title: string;
  course_level: CoursesTable["level"];
  university_id: UniversityId;
  university_name: string;
  country: string;
  start_month: number;
  currency: string;
  intake_year: number | null;
  study_mode: StudyMode | null;
  contact_email: string | null;
  funding: Funding | null;
  statement: string | null;
  notes: string | null;
  /** The course's fee when the application was submitted, in whole units of `currency`. */
  fee: number | null;
  /** The deadline that the application met. */
  deadline: number | null;
  created_at: number;
  updated_at: number;
  submitted_at: number | null;
  /** When it was rejected or withdrawn. From then on the student may apply to the course again. */
  closed_at: number | null;
}

/** The status changes of applications, including their creation. Read by `applications.history`. */
export interface ApplicationMovesTable {
  application_id: ApplicationId;
  /** From 0, without holes. */
  position: number;
  at: number;
  mover: ApplicationMover;
  /** The student's id; `null` for an admin. */
  actor_id: UserId | null;
  /** `null` for the creation of the application. */
  from_status: ApplicationStatus | null;
  to_status: ApplicationStatus;
  note: string | null;
}

/** Documents that applications refer to; their content is stored elsewhere. Read by `applications`. */
export interface ApplicationDocumentsTable {
  application_id: ApplicationId;
  id: ApplicationDocumentId;
  kind: ApplicationDocumentKind;
  name: string;
  status: ApplicationDocumentStatus;
  /** An admin's note about the document. */
  note: string | null;
  updated_at: number;
}
