import type {
  ApplicationDocumentKind,
  ApplicationField,
  ApplicationFields,
  AppliedCourse,
  InputIssue,
  ApplicationMove,
  Page,
  SentApplication,
} from "@edvoyage/protocol";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Write } from "../outbox/write.ts";
import type { View } from "../reads/views.ts";

/** An edit of a draft that the server rejected because another device had changed the same fields meanwhile. */
export interface ApplicationConflict {
  /** By field name. The server applied no part of the edit, whose other fields are still shown: call `resolve`. */
  readonly fields: Readonly<
    Partial<Record<ApplicationField, { readonly mine: unknown; readonly theirs: unknown }>>
  >;
}

/** An application in its present state, including changes that this device has made and not sent yet. */
export interface Application extends SentApplication {
  readonly isPending: boolean;
  readonly conflict?: ApplicationConflict;
  /** The reason why the server rejected the application, a step or an edit; the command is in `outbox`. */
  readonly failure?: ErrorReason;
}

/** A student's applications, newest first. Changes are stored on the device and visible immediately. */
export interface Applications extends View<Page<Application>> {
  /** Returns a view of one application. */
  one(id: string): View<Application>;
  /** Returns the first hundred steps, oldest first. */
  history(id: string): View<Page<ApplicationMove>>;
  /** Creates a draft, which has the id of the write; works without a network. */
  create(course: AppliedCourse, fields?: Partial<ApplicationFields>): Promise<Write>;
  /** Changes fields of a draft, based on the version shown here. */
  update(id: string, changes: Partial<ApplicationFields>): Promise<Write>;
  /**
   * Returns what a draft still lacks before it can be submitted, each with its path, such as `fields.statement` or
   * `documents.passport`. Needs no network.
   */
  missing(draft: Pick<Application, "fields" | "documents">): readonly InputIssue[];
  /**
   * Submits a draft. Throws `input/invalid` with `details.issues` while the draft that is shown lacks something. The command fails
   * with `conflict` after the deadline.
   */
  submit(id: string): Promise<Write>;
  /** Withdraws the application from the status shown here; the command fails with `conflict` if the status has changed meanwhile. */
  withdraw(id: string, options?: { readonly note?: string }): Promise<Write>;
  /** Adds a document; the document's id is the id of the command. */
  addDocument(
    id: string,
    document: {
      readonly kind: ApplicationDocumentKind;
      readonly name: string;
      readonly status?: "expected" | "uploaded";
    },
  ): Promise<Write>;
  /** Marks an expected document as uploaded; it may get another name. */
  uploadDocument(
    id: string,
    document: { readonly documentId: string; readonly name?: string },
  ): Promise<Write>;
  /** Removes a document. */
  removeDocument(id: string, document: { readonly documentId: string }): Promise<Write>;
  /**
   * Resolves the conflicts of an application: "mine" overwrites the other device's values, "theirs" keeps them. Fields that did
   * not conflict are written either way, unless they were edited again since. Everything that has to be written is one command.
   */
  resolve(id: string, whose: "mine" | "theirs"): Promise<Write>;
}
