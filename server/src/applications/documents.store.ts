import { prepare } from "@edvoyage/db";
import type {
  ApplicationDocumentId,
  ApplicationDocumentKind,
  ApplicationDocumentStatus,
  ApplicationId,
  UserId,
} from "@edvoyage/protocol";

const documentsOf = prepare<{ applicationId: ApplicationId }>()((query, param) =>
  query
    .selectFrom("application_documents")
    .selectAll()
    .where("application_id", "=", param.applicationId)
    .orderBy("id"),
);

/** The documents of a student's applications in a range of ids, such as a page. */
const documentsBetween = prepare<{ userId: UserId; least: ApplicationId; greatest: ApplicationId }>()(
  (query, param) =>
    query
      .selectFrom("applications")
      .innerJoin("application_documents", "application_documents.application_id", "applications.id")
      .selectAll("application_documents")
      .where("applications.user_id", "=", param.userId)
      .where("applications.id", ">=", param.least)
      .where("applications.id", "<=", param.greatest)
      .orderBy("applications.id")
      .orderBy("application_documents.id"),
);

const insertDocument = prepare<{
  applicationId: ApplicationId;
  id: ApplicationDocumentId;
  kind: ApplicationDocumentKind;
  name: string;
  status: ApplicationDocumentStatus;
  now: number;
}>()((query, param) =>
  query
    .insertInto("application_documents")
    .values({
      application_id: param.applicationId,
      id: param.id,
      kind: param.kind,
      name: param.name,
      status: param.status,
      note: null,
      updated_at: param.now,
    })
    .onConflict((conflict) => conflict.columns(["application_id", "id"]).doNothing()),
);

const setDocument = prepare<{
  applicationId: ApplicationId;
  id: ApplicationDocumentId;
  name: string;
  status: ApplicationDocumentStatus;
  note: string | null;
  now: number;
}>()((query, param) =>
  query
    .updateTable("application_documents")
    .set({ name: param.name, status: param.status, note: param.note, updated_at: param.now })
    .where("application_id", "=", param.applicationId)
    .where("id", "=", param.id),
);

const removeDocument = prepare<{ applicationId: ApplicationId; id: ApplicationDocumentId }>()(
  (query, param) =>
    query
      .deleteFrom("application_documents")
      .where("application_id", "=", param.applicationId)
      .where("id", "=", param.id),
);

/** The queries of the documents of applications. */
export const documentQueries = {
  documentsOf,
  documentsBetween,
  insertDocument,
  setDocument,
  removeDocument,
};
