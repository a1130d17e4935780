import type { Tables } from "@edvoyage/db";
import type {
  ApplicationFields,
  ApplicationDocument,
  ApplicationMove,
  SentApplication,
} from "@edvoyage/protocol";
import { intakeOf, nextIntake } from "./intake.ts";
import { movesFrom } from "./applications.rules.ts";
import type { ApplicationRow } from "./applications.store.ts";

export type { ApplicationDocument, ApplicationMove, SentApplication } from "@edvoyage/protocol";

type DocumentRow = Tables["application_documents"];

export const rowToApplication = (
  row: ApplicationRow,
  { documents, now }: { readonly documents: readonly DocumentRow[]; readonly now: number },
): SentApplication => ({
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
const rowToTerms = (row: ApplicationRow, now: number): Pick<SentApplication, "fee" | "deadline"> => {
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

const toFee = (amount: number | null, currency: string): SentApplication["fee"] =>
  amount === null ? null : { amount, currency };

const rowToDocument = (row: DocumentRow): ApplicationDocument => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  status: row.status,
  note: row.note,
  updatedAt: row.updated_at,
});
