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
  /** No foreign key: a course that goes from the catalogue takes no application with it. */
  course_id: CourseId;
  // The course as it was when the application was made and again when it was submitted.
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
  /** The deadline that it met. */
  deadline: number | null;
  created_at: number;
  updated_at: number;
  submitted_at: number | null;
  /** When it was rejected or withdrawn: the student may apply to the course again. */
  closed_at: number | null;
}

/** What became of an application, step by step, its beginning included. Read by `applications.history`. */
export interface ApplicationMovesTable {
  application_id: ApplicationId;
  /** From 0, without holes. */
  position: number;
  at: number;
  mover: ApplicationMover;
  /** The student; `null` for an admin. */
  actor_id: UserId | null;
  /** `null` for the beginning. */
  from_status: ApplicationStatus | null;
  to_status: ApplicationStatus;
  note: string | null;
}

/** Documents that an application refers to; what is in them is kept elsewhere. Read by `applications`. */
export interface ApplicationDocumentsTable {
  application_id: ApplicationId;
  id: ApplicationDocumentId;
  kind: ApplicationDocumentKind;
  name: string;
  status: ApplicationDocumentStatus;
  /** What an admin said of it. */
  note: string | null;
  updated_at: number;
}
