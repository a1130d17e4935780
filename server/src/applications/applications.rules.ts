import type {
  ApplicationDocumentKind,
  ApplicationDocumentStatus,
  ApplicationField,
  ApplicationFields,
  ApplicationMover,
  ApplicationStatus,
} from "@edvoyage/protocol";
import { APPLICATION_FIELDS, APPLICATION_STATUSES } from "@edvoyage/protocol";
import type { InputIssue } from "../platform/errors.ts";

/**
 * THE table of what becomes of an application: from → to → who may. Every change of a status asks it.
 *
 * The design draws draft → submitted → under_review → interview → one of four decisions, and lets a student withdraw
 * "from any but the last three": rejected, waitlisted and deferred. Beyond that chain, a course that interviews nobody decides
 * from the review; whoever waits is taken or refused, and what was put off may be looked at again.
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

/** Whether somebody may move an application so. */
export const mayMove = (
  mover: ApplicationMover,
  { from, to }: { readonly from: ApplicationStatus; readonly to: ApplicationStatus },
): boolean => TRANSITIONS[from][to] === mover;

/** Where somebody may move an application to. */
export const movesFrom = (from: ApplicationStatus, mover: ApplicationMover): readonly ApplicationStatus[] =>
  APPLICATION_STATUSES.filter((to) => mayMove(mover, { from, to }));

/** Whether an application is over, so that the student may apply to the course again. */
export const isClosed = (status: ApplicationStatus): boolean =>
  status === "rejected" || status === "withdrawn";

/**
 * The same of a document: who may give it which status. What is judged, an admin may judge anew, and ask for again; the
 * student replaces what is not accepted.
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

/** Whether somebody may give a document that status. */
export const mayMoveDocument = (
  mover: ApplicationMover,
  { from, to }: { readonly from: ApplicationDocumentStatus; readonly to: ApplicationDocumentStatus },
): boolean => DOCUMENT_TRANSITIONS[from][to]?.includes(mover) ?? false;

/** Whether the student may take a document off: any of a draft, later what nobody relies on. */
export const mayRemoveDocument = (
  application: ApplicationStatus,
  document: ApplicationDocumentStatus,
): boolean =>
  application === "draft" || (!isClosed(application) && (document === "expected" || document === "rejected"));

/** What a device changed of a draft, and what it had before it. */
export interface DraftEdit {
  readonly changes: Partial<ApplicationFields>;
  /** A field that is not named was empty; a value that no field can have is equal to none. */
  readonly base: Readonly<Partial<Record<ApplicationField, unknown>>>;
}

/** The draft with the edit, or the fields that something else was written to meanwhile. */
export type Merge =
  | { readonly state: "merged"; readonly fields: ApplicationFields }
  | { readonly state: "collided"; readonly fields: readonly ApplicationField[] };

/**
 * Puts an edit into a draft that may have been edited on another device since. A field collides when what is stored is
 * neither what the device had nor what it wants; one that collides keeps back the whole edit.
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

const REQUIRED_FIELDS = {
  intakeYear: "The year of the start is missing",
  studyMode: "Full-time or part-time is missing",
  contactEmail: "An e-mail address is missing",
  funding: "How it is paid for is missing",
  statement: "The personal statement is missing",
} as const satisfies Partial<Record<ApplicationField, string>>;
const REQUIRED_DOCUMENTS = ["passport", "transcript"] as const satisfies readonly ApplicationDocumentKind[];

/** What a draft lacks before it can be submitted, each with its place: `fields.statement`, `documents.passport`. */
export const missingOf = (
  fields: ApplicationFields,
  documents: readonly {
    readonly kind: ApplicationDocumentKind;
    readonly status: ApplicationDocumentStatus;
  }[],
): InputIssue[] => {
  const ofFields = Object.entries(REQUIRED_FIELDS).flatMap(([field, message]) =>
    fields[field as keyof typeof REQUIRED_FIELDS] === null ? [{ path: `fields.${field}`, message }] : [],
  );
  const isThere = (kind: ApplicationDocumentKind): boolean =>
    documents.some(
      (document) =>
        document.kind === kind && (document.status === "uploaded" || document.status === "accepted"),
    );
  const ofDocuments = REQUIRED_DOCUMENTS.filter((kind) => !isThere(kind)).map((kind) => ({
    path: `documents.${kind}`,
    message: `An uploaded document of the kind ${kind} is missing`,
  }));
  return [...ofFields, ...ofDocuments];
};
