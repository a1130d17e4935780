import {
  APPLICATION_FIELDS,
  listMissing,
  type ApplicationDocumentId,
  type ApplicationField,
  type ApplicationFields,
  type ApplicationId,
  type CommandId,
  type Page,
  type SentApplication,
} from "@edvoyage/protocol";
import type { CurrentStudent } from "../students/current-student.ts";
import { inputChecks } from "../students/input-checks.ts";
import { withItem } from "../reads/changed-values.ts";
import type { FeatureModule } from "../students/feature-module.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { OwnChange, Projections } from "../reads/query.ts";
import { createInvalidError } from "../runtime/valid-input.ts";
import type { Application, ApplicationConflict, Applications } from "./api.ts";

const createApplications = ({
  open,
  queue,
  act,
  check,
  entries,
  discard,
  nothingToSend,
  require,
}: CurrentStudent): Applications => {
  const edit = act("applications.update", "applicationId");
  const withdraw = act("applications.withdraw", "applicationId");
  const submit = act("applications.submit", "applicationId");
  const list = open<"applications.list", Page<Application>>({
    procedure: "applications.list",
    input: {},
    count: 20,
  });
  const one = (id: string) =>
    open<"applications.get", Application>({
      procedure: "applications.get",
      input: { applicationId: toId(id) },
    });

  /** Returns the version that the student saw last, with pending changes: from the list or from the single view. */
  const shownOnDevice = async (id: string): Promise<Application | undefined> => {
    const nothing = (): undefined => {};
    const single = await one(id).get({ deviceOnly: true }).catch(nothing);
    const listed = await list.get({ deviceOnly: true }).catch(nothing);
    const item = listed?.items.find((application) => application.id === id);
    if (item && (!single || (listed?.fetchedAt ?? 0) > single.fetchedAt)) return item;
    return single;
  };

  const shown = async (id: string): Promise<Application> => (await shownOnDevice(id)) ?? one(id).get();

  /** Returns the server's values of fields that show what the student typed in an edit that conflicted elsewhere. */
  const unsaved = (id: string, fields: ApplicationFields): Partial<ApplicationFields> => {
    const values = new Map<ApplicationField, unknown>();
    for (const entry of entries.value) {
      if (entry.procedure !== "applications.update" || entry.input.applicationId !== id) continue;
      const { changes } = entry.input;
      const found = conflictIn(entry);
      for (const field of fieldsOf(changes))
        // A later edit has the field.
        if (entry.state === "pending") values.delete(field);
        else if (found && !found.collided.includes(field) && fields[field] === changes[field])
          values.set(field, found.theirs.fields[field]);
    }
    return Object.fromEntries(values);
  };

  return {
    ...list,
    one,
    history: (id) =>
      open({ procedure: "applications.history", input: { applicationId: toId(id), limit: 100 } }),
    create: ({ id, title, level, universityId, universityName, country, startMonth }, fields = {}) => {
      const course = { id, title, level, universityId, universityName, country, startMonth };
      return queue("applications.create", { courseId: id, fields, course }, { about: id });
    },
    update: async (id, changes) => {
      require();
      await check("applications.update", { changes });
      const { fields } = await shown(id);
      const base = pick({ ...fields, ...unsaved(id, fields) }, fieldsOf(changes));
      return edit(id, { changes, base });
    },
    missing: ({ fields, documents }) => listMissing(fields, documents),
    submit: async (id) => {
      require();
      const draft = await shownOnDevice(id);
      const missing = draft?.status === "draft" ? listMissing(draft.fields, draft.documents) : [];
      if (missing.length > 0) throw createInvalidError("The application is not complete.", missing);
      return submit(id);
    },
    withdraw: async (id, more) => withdraw(id, { from: (await shown(id)).status, ...more }),
    addDocument: act("applications.addDocument", "applicationId"),
    uploadDocument: act("applications.uploadDocument", "applicationId"),
    removeDocument: act("applications.removeDocument", "applicationId"),
    resolve: async (id, whose) => {
      const { fields } = await shown(id);
      let changes: Partial<ApplicationFields> = {};
      let base: Partial<ApplicationFields> = {};
      const resolved: CommandId[] = [];
      for (const entry of entries.value) {
        const found = conflictIn(entry);
        if (!found || entry.procedure !== "applications.update" || entry.input.applicationId !== id) continue;
        const { theirs, collided } = found;
        const { changes: typed } = entry.input;
        const kept = fieldsOf(typed).filter((field) =>
          // A field that shows another value was edited again since.
          collided.includes(field) ? whose === "mine" : fields[field] === typed[field],
        );
        changes = { ...changes, ...pick(typed, kept) };
        base = { ...base, ...pick(theirs.fields, kept) };
        resolved.push(entry.id);
      }
      // Queue the new edit before discarding the old ones: if the program ends in between, nothing is lost.
      const write = fieldsOf(changes).length > 0 ? await edit(id, { changes, base }) : nothingToSend();
      for (const conflicted of resolved) await discard(conflicted);
      return write;
    },
  };
};

/** Computes applications as they will be once the server has the pending commands. */
const projections: Projections = {
  "applications.list": (list, change) => {
    const { entry } = change;
    if (entry.procedure === "applications.create" && !list?.items.some(({ id }) => id === idOf(entry))) {
      return { nextCursor: null, ...list, items: [draftOf(entry, change), ...(list?.items ?? [])] };
    }
    return withItem(list, idOf(entry), (application) => afterChange(application, change));
  },
  "applications.get": (application, change, { applicationId }) => {
    const { entry } = change;
    if (idOf(entry) !== applicationId) return application;
    if (application) return afterChange(application, change);
    return entry.procedure === "applications.create" ? draftOf(entry, change) : undefined;
  },
};

/** The feature module for a student's applications to courses. */
export const applications: FeatureModule<Applications> = {
  open: createApplications,
  projections,
  checks: inputChecks,
};

const idOf = (entry: OutboxEntry): string =>
  "applicationId" in entry.input ? entry.input.applicationId : entry.id;

const draftOf = (
  entry: OutboxEntry<"applications.create">,
  { answer }: OwnChange,
): SentApplication & Partial<Application> => ({
  id: toId(entry.id),
  status: "draft",
  moves: ["submitted", "withdrawn"],
  course: { ...entry.input.course, isOffered: true },
  fields: { ...NOTHING_FILLED_IN, ...entry.input.fields },
  fee: null,
  deadline: null,
  documents: [],
  createdAt: entry.createdAt,
  updatedAt: entry.createdAt,
  submittedAt: null,
  ...(answer as SentApplication | undefined),
  ...failureOf(entry),
});

const afterChange = (
  application: SentApplication,
  { entry, answer }: OwnChange,
): SentApplication & Partial<Application> => {
  if (answer) return answer as SentApplication;
  if (entry.state === "failed") {
    const found = conflictIn(entry);
    return {
      ...application,
      ...failureOf(entry),
      ...(found && { conflict: found.conflict, fields: withTyped(application.fields, entry, found) }),
    };
  }
  switch (entry.procedure) {
    case "applications.update":
      return { ...application, fields: { ...application.fields, ...entry.input.changes } };
    case "applications.submit":
      return { ...application, status: "submitted", moves: ["withdrawn"], submittedAt: entry.createdAt };
    case "applications.withdraw":
      return { ...application, status: "withdrawn", moves: [] };
    case "applications.addDocument": {
      const { kind, name, status = "expected" } = entry.input;
      const id = entry.id as string as ApplicationDocumentId;
      const added = { id, kind, name, status, note: null, updatedAt: entry.createdAt };
      return { ...application, documents: [...application.documents, added] };
    }
    case "applications.uploadDocument": {
      const { documentId, name } = entry.input;
      return withDocuments(application, (document) =>
        document.id === documentId
          ? [{ ...document, status: "uploaded", name: name ?? document.name }]
          : [document],
      );
    }
    case "applications.removeDocument": {
      const { documentId } = entry.input;
      return withDocuments(application, (document) => (document.id === documentId ? [] : [document]));
    }
    default:
      return application;
  }
};

type Documents = SentApplication["documents"];

const withDocuments = (
  application: SentApplication,
  change: (document: Documents[number]) => Documents,
): SentApplication => ({ ...application, documents: application.documents.flatMap(change) });

/** The server's answer to an edit that conflicted with another device's edit. */
interface Refused {
  readonly theirs: SentApplication;
  readonly collided: readonly ApplicationField[];
  readonly conflict: ApplicationConflict;
}

/** Adds the fields that the student typed in a conflicting edit, unless they collided or were edited again since. */
const withTyped = (
  fields: ApplicationFields,
  { input }: OutboxEntry,
  { theirs, collided }: Refused,
): ApplicationFields => {
  if (!("base" in input)) return fields;
  const { changes, base } = input;
  const kept = fieldsOf(changes).filter(
    (field) => !collided.includes(field) && [theirs.fields[field], base[field]].includes(fields[field]),
  );
  return { ...fields, ...pick(changes, kept) };
};

/** Returns the server's answer to an edit that conflicted; `undefined` for every other command. */
const conflictIn = (entry: OutboxEntry): Refused | undefined => {
  if (entry.procedure !== "applications.update" || entry.state !== "failed") return undefined;
  const { application: theirs, fields: collided } = entry.details as {
    readonly application?: SentApplication;
    readonly fields?: readonly ApplicationField[];
  };
  if (!theirs || !collided) return undefined;
  const { changes } = entry.input;
  const fields = Object.fromEntries(
    collided.map((field) => [field, { mine: changes[field], theirs: theirs.fields[field] }]),
  );
  return { theirs, collided, conflict: { fields } };
};

const failureOf = (entry: OutboxEntry) => (entry.state === "failed" ? { failure: entry.reason } : {});

const fieldsOf = (changes: Partial<ApplicationFields>): readonly ApplicationField[] =>
  APPLICATION_FIELDS.filter((field) => field in changes);

const NOTHING_FILLED_IN = Object.fromEntries(
  APPLICATION_FIELDS.map((field) => [field, null]),
) as unknown as ApplicationFields;

const pick = (
  fields: Partial<ApplicationFields>,
  names: readonly ApplicationField[],
): Partial<ApplicationFields> => Object.fromEntries(names.map((name) => [name, fields[name]]));

const toId = (id: string): ApplicationId => id as ApplicationId;
