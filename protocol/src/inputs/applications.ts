import { APPLICATION_DOCUMENT_KINDS, APPLICATION_FIELDS, FUNDINGS, STUDY_MODES } from "../applications.ts";
import { fieldsOf, oneOf, optional, textCheck, withRule, type Check } from "./checks.ts";
import { EMAIL_PATTERN, lineCheck, proseCheck } from "./texts.ts";

/** The first and the last year in which a student may intend to start. */
export const INTAKE_YEARS = { first: 2_000, last: 2_100 } as const;
/** The characters of the name of a document. */
export const MAX_DOCUMENT_NAME_CHARACTERS = 200;
/** The characters of the note of a withdrawal. */
export const MAX_WITHDRAWAL_NOTE_CHARACTERS = 500;
/** Well above the configured limit of a text, which has an error of its own that names it. */
export const MAX_APPLICATION_TEXT_CHARACTERS = 200_000;
/** RFC 5321, 4.5.3.1.3. */
export const MAX_EMAIL_CHARACTERS = 254;

const prose = optional(proseCheck(MAX_APPLICATION_TEXT_CHARACTERS, { mayBeEmpty: true }));

const intakeYear: Check = (value, path = "") =>
  Number.isInteger(value) && Number(value) >= INTAKE_YEARS.first && Number(value) <= INTAKE_YEARS.last
    ? []
    : [{ path, message: `Must be a year from ${INTAKE_YEARS.first} to ${INTAKE_YEARS.last}` }];

// An empty text is a field that was not filled in.
const email = textCheck((text) =>
  text.length <= MAX_EMAIL_CHARACTERS && (text.trim() === "" || EMAIL_PATTERN.test(text.trim()))
    ? undefined
    : "Must be an e-mail address",
);

const fields = withRule(
  fieldsOf({
    intakeYear: optional(intakeYear),
    studyMode: optional(oneOf(STUDY_MODES)),
    contactEmail: optional(email),
    funding: optional(oneOf(FUNDINGS)),
    statement: prose,
    notes: prose,
  }),
  {
    isValid: (given: object): boolean =>
      Object.keys(given).every((name) => APPLICATION_FIELDS.some((field) => field === name)),
    field: "",
    message: "Has a field that applications do not have",
  },
);

/** Checks a new application. */
export const newApplicationCheck: Check = fieldsOf({ fields });
/** Checks an edit of a draft. */
export const applicationEditCheck: Check = fieldsOf({ changes: fields });
/** Checks a withdrawal. */
export const withdrawalCheck: Check = fieldsOf({
  note: optional(proseCheck(MAX_WITHDRAWAL_NOTE_CHARACTERS)),
});
/** Checks a new document of an application. */
export const newDocumentCheck: Check = fieldsOf({
  kind: oneOf(APPLICATION_DOCUMENT_KINDS),
  name: lineCheck(MAX_DOCUMENT_NAME_CHARACTERS),
  status: optional(oneOf(["expected", "uploaded"])),
});
/** Checks the upload of a document. */
export const uploadedDocumentCheck: Check = fieldsOf({
  name: optional(lineCheck(MAX_DOCUMENT_NAME_CHARACTERS)),
});
