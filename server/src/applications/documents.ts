import type { UnitOfWork } from "@edvoyage/db";
import type {
  ApplicationDocumentId,
  ApplicationDocumentKind,
  ApplicationId,
  Limits,
} from "@edvoyage/protocol";
import type { CommandSource } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { SentApplication } from "./application.ts";
import { isClosed, mayMoveDocument, mayRemoveDocument } from "./applications.rules.ts";
import { applicationQueries as queries } from "./applications.store.ts";
import { documentQueries } from "./documents.store.ts";
import { createConflict, type Change } from "./steps.ts";

/** The documents that a student's application refers to. Their contents are stored elsewhere. */
export interface ApplicationDocuments {
  /**
   * Adds a document; its id is the command's. Throws `conflict` for a closed application, `limit/reached`
   * (documentsPerApplication).
   */
  addDocument(
    source: CommandSource,
    input: {
      readonly applicationId: ApplicationId;
      readonly kind: ApplicationDocumentKind;
      readonly name: string;
      readonly status: "expected" | "uploaded";
    },
  ): Promise<SentApplication>;
  /**
   * Marks a document as uploaded, also when it replaces an earlier upload. Throws `conflict` for an accepted document and for a
   * closed application.
   */
  uploadDocument(
    source: CommandSource,
    input: {
      readonly applicationId: ApplicationId;
      readonly documentId: ApplicationDocumentId;
      readonly name?: string | null | undefined;
    },
  ): Promise<SentApplication>;
  /**
   * Removes a document. Throws `conflict` for an uploaded or accepted document once the application is submitted, and for
   * every document once it is closed.
   */
  removeDocument(
    source: CommandSource,
    input: { readonly applicationId: ApplicationId; readonly documentId: ApplicationDocumentId },
  ): Promise<SentApplication>;
}

export const createApplicationDocuments = ({
  change,
  newId,
  limits,
}: {
  readonly change: Change;
  readonly newId: NewId;
  readonly limits: Limits;
}): ApplicationDocuments => ({
  addDocument: (source, input) =>
    change(source, { procedure: "applications.addDocument", input }, async (tx, row, now) => {
      const { applicationId, kind, name, status } = input;
      if (isClosed(row.status)) {
        throw await createConflict(tx, row, { message: "The application is closed.", now });
      }
      const id = toDocumentId(source.commandId ?? newId<string>(now));
      const documents = await tx.all(documentQueries.documentsOf, { applicationId });
      if (
        documents.length >= limits.documentsPerApplication &&
        !documents.some((document) => document.id === id)
      ) {
        throw new AppError("limit/reached", "This application has the maximum number of documents.", {
          limit: "documentsPerApplication",
        });
      }
      await tx.all(documentQueries.insertDocument, { applicationId, id, kind, name, status, now });
      await tx.all(queries.markUpdated, { id: applicationId, now });
    }),

  uploadDocument: (source, input) =>
    change(source, { procedure: "applications.uploadDocument", input }, async (tx, row, now) => {
      const { applicationId, documentId: id } = input;
      const document = await findDocument(tx, { applicationId, id });
      const { status: from, name } = document;
      if (isClosed(row.status) || !mayMoveDocument("student", { from, to: "uploaded" })) {
        throw await createConflict(tx, row, { message: "This document can no longer be replaced.", now });
      }
      const uploaded = { name: input.name ?? name, status: "uploaded", note: null } as const;
      await tx.all(documentQueries.setDocument, { applicationId, id, ...uploaded, now });
      await tx.all(queries.markUpdated, { id: applicationId, now });
    }),

  removeDocument: (source, input) =>
    change(source, { procedure: "applications.removeDocument", input }, async (tx, row, now) => {
      const { applicationId, documentId: id } = input;
      const { status } = await findDocument(tx, { applicationId, id });
      if (!mayRemoveDocument(row.status, status)) {
        throw await createConflict(tx, row, { message: "This document can no longer be removed.", now });
      }
      await tx.all(documentQueries.removeDocument, { applicationId, id });
      await tx.all(queries.markUpdated, { id: applicationId, now });
    }),
});

/** Finds a document of an application. Throws `not-found`. */
export const findDocument = async (
  tx: UnitOfWork,
  { applicationId, id }: { readonly applicationId: ApplicationId; readonly id: ApplicationDocumentId },
) => {
  const documents = await tx.all(documentQueries.documentsOf, { applicationId });
  const document = documents.find((candidate) => candidate.id === id);
  if (!document) throw new AppError("not-found", "There is no such document.");
  return document;
};

const toDocumentId = (text: string): ApplicationDocumentId => text as ApplicationDocumentId;
