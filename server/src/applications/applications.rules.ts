import type {
  ApplicationDocumentStatus,
  ApplicationField,
  ApplicationFields,
  ApplicationMover,
  ApplicationStatus,
} from "@edvoyage/protocol";
import { APPLICATION_FIELDS, APPLICATION_STATUSES } from "@edvoyage/protocol";

/**
 * The table of transitions of an application: from → to → who may make it. Every change of a status is checked against it.
 *
 * The design draws draft → submitted → under_review → interview → one of four decisions, and lets a student withdraw
 * "from any but the last three": rejected, waitlisted and deferred. The table adds three things to that chain: a course
 * without interviews decides from the review, a waitlisted application is accepted or rejected later, and a deferred one may
 * be reviewed again.
 */
const TRANSITIONS: Readonly<
  Record<ApplicationStatus, Readonly<Partial<Record<ApplicationStatus, ApplicationMover>>>>
> = {
  draft: { submitted: "student", withdrawn: "student" },
  submitted: { under_review: "admin", withdrawn: "student" },
  under_review: {
    interview: "admin",
    accepted: "admin",
    rejected: "admin",
    waitlisted: "admin",
    deferred: "admin",
    withdrawn: "student",
  },
  interview: {
    accepted: "admin",
    rejected: "admin",
    waitlisted: "admin",
    deferred: "admin",
    withdrawn: "student",
  },
  accepted: { withdrawn: "student" },
  rejected: {},
  waitlisted: { accepted: "admin", rejected: "admin" },
  deferred: { under_review: "admin", accepted: "admin", rejected: "admin" },
  withdrawn: {},
};

/** Returns whether `mover` may move an application from one status to the other. */
export const mayMove = (
  mover: ApplicationMover,
  { from, to }: { readonly from: ApplicationStatus; readonly to: ApplicationStatus },
): boolean => TRANSITIONS[from][to] === mover;

/** Returns the statuses to which `mover` may move an application. */
export const movesFrom = (from: ApplicationStatus, mover: ApplicationMover): readonly ApplicationStatus[] =>
  APPLICATION_STATUSES.filter((to) => mayMove(mover, { from, to }));

/** Returns whether an application is closed, so that the student may apply to the course again. */
export const isClosed = (status: ApplicationStatus): boolean =>
  status === "rejected" || status === "withdrawn";

/**
 * The table of transitions of a document: from → to → who may make it. An admin may change a judgement or request the document
 * again. The student may replace a document until it is accepted.
 */
const DOCUMENT_TRANSITIONS: Readonly<
  Record<
    ApplicationDocumentStatus,
    Readonly<Partial<Record<ApplicationDocumentStatus, readonly ApplicationMover[]>>>
  >
> = {
  expected: { uploaded: ["student"], accepted: ["admin"], rejected: ["admin"] },
  uploaded: { uploaded: ["student"], expected: ["admin"], accepted: ["admin"], rejected: ["admin"] },
  accepted: { expected: ["admin"], rejected: ["admin"] },
  rejected: { uploaded: ["student"], expected: ["admin"], accepted: ["admin"] },
};

/** Returns whether `mover` may move a document from one status to the other. */
export const mayMoveDocument = (
  mover: ApplicationMover,
  { from, to }: { readonly from: ApplicationDocumentStatus; readonly to: ApplicationDocumentStatus },
): boolean => DOCUMENT_TRANSITIONS[from][to]?.includes(mover) ?? false;

/**
 * Returns whether the student may remove a document: any from a draft, later only an expected or rejected one, and none from a
 * closed application.
 */
export const mayRemoveDocument = (
  application: ApplicationStatus,
  document: ApplicationDocumentStatus,
): boolean =>
  application === "draft" || (!isClosed(application) && (document === "expected" || document === "rejected"));

/** An edit of a draft on a device: the changed fields, and their values before the edit. */
export interface DraftEdit {
  readonly changes: Partial<ApplicationFields>;
  /** A missing field was empty. A value that the field cannot have equals no stored value. */
  readonly base: Readonly<Partial<Record<ApplicationField, unknown>>>;
}

/** The result of an edit: the merged fields, or the names of the fields that collided. */
export type Merge =
  | { readonly state: "merged"; readonly fields: ApplicationFields }
  | { readonly state: "collided"; readonly fields: readonly ApplicationField[] };

/**
 * Merges an edit into a draft that another device may have edited meanwhile. A field collides when the stored value is neither
 * the one that the device had nor the new one. A single collision rejects the whole edit.
 */
export const mergeDraft = (stored: ApplicationFields, { changes, base }: DraftEdit): Merge => {
  const collided = APPLICATION_FIELDS.filter((field) => {
    const change = changes[field];
    if (change === undefined || stored[field] === change) return false;
    return stored[field] !== (base[field] ?? null);
  });
  if (collided.length > 0) return { state: "collided", fields: collided };
  return { state: "merged", fields: { ...stored, ...changes } };
};
