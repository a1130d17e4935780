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
import type { Application } from "./application.ts";
import { isClosed, mayMoveDocument, mayRemoveDocument } from "./applications.rules.ts";
import { applicationQueries as queries } from "./applications.store.ts";
import { conflictOver, type Change } from "./steps.ts";

/** What a student does with the documents that her application refers to. Their contents are kept elsewhere. */
export interface ApplicationDocuments {
  /**
   * Its id is the command's. Throws `conflict` for an application that is over, `limit/reached`
   * (documentsPerApplication).
   */
  addDocument(
    asking: CommandSource,
    input: {
      readonly applicationId: ApplicationId;
      readonly kind: ApplicationDocumentKind;
      readonly name: string;
      readonly status: "expected" | "uploaded";
    },
  ): Promise<Application>;
  /** Says that it is there now, or another one in its place. Throws `conflict` for one that was accepted. */
  uploadDocument(
    asking: CommandSource,
    input: {
      readonly applicationId: ApplicationId;
      readonly documentId: ApplicationDocumentId;
      readonly name?: string | null | undefined;
    },
  ): Promise<Application>;
  /** Throws `conflict` for one that those who decide rely on. */
  removeDocument(
    asking: CommandSource,
    input: { readonly applicationId: ApplicationId; readonly documentId: ApplicationDocumentId },
  ): Promise<Application>;
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
  addDocument: (asking, input) =>
    change(asking, { procedure: "applications.addDocument", input }, async (tx, row, now) => {
      const { applicationId, kind, name, status } = input;
      if (isClosed(row.status)) {
        throw await conflictOver(tx, row, { message: "The application is over.", now });
      }
      const id = toDocumentId(asking.commandId ?? newId<string>(now));
      const known = await tx.all(queries.documentsOf, { applicationId });
      if (known.length >= limits.documentsPerApplication && !known.some((document) => document.id === id)) {
        throw new AppError("limit/reached", "This application has as many documents as it may.", {
          limit: "documentsPerApplication",
        });
      }
      await tx.all(queries.insertDocument, { applicationId, id, kind, name, status, now });
      await tx.all(queries.markUpdated, { id: applicationId, now });
    }),

  uploadDocument: (asking, input) =>
    change(asking, { procedure: "applications.uploadDocument", input }, async (tx, row, now) => {
      const { applicationId, documentId: id } = input;
      const document = await findDocument(tx, { applicationId, id });
      const { status: from, name } = document;
      if (isClosed(row.status) || !mayMoveDocument("student", { from, to: "uploaded" })) {
        throw await conflictOver(tx, row, { message: "This document stays as it is.", now });
      }
      const uploaded = { name: input.name ?? name, status: "uploaded", note: null } as const;
      await tx.all(queries.setDocument, { applicationId, id, ...uploaded, now });
      await tx.all(queries.markUpdated, { id: applicationId, now });
    }),

  removeDocument: (asking, input) =>
    change(asking, { procedure: "applications.removeDocument", input }, async (tx, row, now) => {
      const { applicationId, documentId: id } = input;
      const { status } = await findDocument(tx, { applicationId, id });
      if (!mayRemoveDocument(row.status, status)) {
        throw await conflictOver(tx, row, { message: "This document stays with the application.", now });
      }
      await tx.all(queries.removeDocument, { applicationId, id });
      await tx.all(queries.markUpdated, { id: applicationId, now });
    }),
});

/** Throws `not-found`. */
export const findDocument = async (
  tx: UnitOfWork,
  { applicationId, id }: { readonly applicationId: ApplicationId; readonly id: ApplicationDocumentId },
) => {
  const documents = await tx.all(queries.documentsOf, { applicationId });
  const document = documents.find((known) => known.id === id);
  if (!document) throw new AppError("not-found", "There is no such document.");
  return document;
};

const toDocumentId = (text: string): ApplicationDocumentId => text as ApplicationDocumentId;
