import type { InputIssue } from "../answers.ts";
import type {
  ApplicationDocumentKind,
  ApplicationDocumentStatus,
  ApplicationField,
  ApplicationFields,
} from "../applications.ts";

const REQUIRED_FIELDS = {
  intakeYear: "The intake year is missing",
  studyMode: "The study mode is missing: full-time or part-time",
  contactEmail: "An e-mail address is missing",
  funding: "The funding is missing",
  statement: "The personal statement is missing",
} as const satisfies Partial<Record<ApplicationField, string>>;
const REQUIRED_DOCUMENTS = ["passport", "transcript"] as const satisfies readonly ApplicationDocumentKind[];

/** Lists what a draft still needs before it can be submitted, each with its path: `fields.statement`, `documents.passport`. */
export const listMissing = (
  fields: ApplicationFields,
  documents: readonly {
    readonly kind: ApplicationDocumentKind;
    readonly status: ApplicationDocumentStatus;
  }[],
): readonly InputIssue[] => {
  const missingFields = Object.entries(REQUIRED_FIELDS).flatMap(([field, message]) =>
    fields[field as keyof typeof REQUIRED_FIELDS] === null ? [{ path: `fields.${field}`, message }] : [],
  );
  const isUploaded = (kind: ApplicationDocumentKind): boolean =>
    documents.some(
      (document) =>
        document.kind === kind && (document.status === "uploaded" || document.status === "accepted"),
    );
  const missingDocuments = REQUIRED_DOCUMENTS.filter((kind) => !isUploaded(kind)).map((kind) => ({
    path: `documents.${kind}`,
    message: `The ${kind} is not uploaded yet`,
  }));
  return [...missingFields, ...missingDocuments];
};
