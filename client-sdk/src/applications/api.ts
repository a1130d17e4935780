import type {
  ApplicationDocumentId,
  ApplicationDocumentKind,
  ApplicationDocumentStatus,
  ApplicationField,
  ApplicationFields,
  ApplicationId,
  ApplicationMover,
  ApplicationStatus,
  CourseId,
  CourseLevel,
  UniversityId,
  UserId,
} from "@edvoyage/protocol";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Page } from "../reads/page.ts";
import type { View } from "../reads/views.ts";

/** The course of an application, as it was when the application was created or submitted. */
export interface AppliedCourse {
  readonly id: CourseId;
  readonly title: string;
  readonly level: CourseLevel;
  readonly universityId: UniversityId;
  readonly universityName: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** 1 to 12. */
  readonly startMonth: number;
}

/** A document that an application refers to. */
export interface ApplicationDocument {
  readonly id: ApplicationDocumentId;
  readonly kind: ApplicationDocumentKind;
  readonly name: string;
  readonly status: ApplicationDocumentStatus;
  readonly note: string | null;
  readonly updatedAt: number;
}

/** An application as the server has it. */
export interface SentApplication {
  readonly id: ApplicationId;
  readonly status: ApplicationStatus;
  /** The statuses to which the student may move it now. */
  readonly moves: readonly ApplicationStatus[];
  readonly course: AppliedCourse & {
    /** Whether it is still in the catalogue. */
    readonly isOffered: boolean;
  };
  readonly fields: ApplicationFields;
  /** The application fee in whole units; `null` when it is unknown. */
  readonly fee: { readonly amount: number; readonly currency: string } | null;
  /** The instant before which to submit it; `null` for none. */
  readonly deadline: number | null;
  readonly documents: readonly ApplicationDocument[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly submittedAt: number | null;
}

/** An edit of a draft that the server rejected because another device had changed the same fields meanwhile. */
export interface ApplicationConflict {
  /** By field name. The server applied no part of the edit: call `resolve`. */
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

/** One step of an application. */
export interface ApplicationMove {
  /** Counts from 0 without gaps. */
  readonly position: number;
  readonly at: number;
  readonly by: ApplicationMover;
  /** The student; `null` for an admin. */
  readonly actorId: UserId | null;
  readonly from: ApplicationStatus | null;
  readonly to: ApplicationStatus;
  readonly note: string | null;
}

/** A student's applications, newest first. Changes are stored on the device and visible immediately. */
export interface Applications extends View<Page<Application>> {
  one(id: string): View<Application>;
  /** Returns the first hundred steps, oldest first. */
  history(id: string): View<Page<ApplicationMove>>;
  /** Creates a draft and returns its id; works without a network. */
  create(course: AppliedCourse, fields?: Partial<ApplicationFields>): Promise<string>;
  /** Changes fields of a draft, based on the version shown here. This and the following methods return the id of their command. */
  update(id: string, changes: Partial<ApplicationFields>): Promise<string>;
  submit(id: string): Promise<string>;
  /** Withdraws the application from the status shown here; the command fails with `conflict` if the status has changed meanwhile. */
  withdraw(id: string, options?: { readonly note?: string }): Promise<string>;
  /** Adds a document; the document's id is the id of the command. */
  addDocument(
    id: string,
    document: {
      readonly kind: ApplicationDocumentKind;
      readonly name: string;
      readonly status?: "expected" | "uploaded";
    },
  ): Promise<string>;
  uploadDocument(
    id: string,
    document: { readonly documentId: string; readonly name?: string },
  ): Promise<string>;
  removeDocument(id: string, document: { readonly documentId: string }): Promise<string>;
  /**
   * Resolves the conflicts of an application: "mine" overwrites the other device's values, "theirs" keeps them. Fields that did
   * not conflict are written either way.
   */
  resolve(id: string, whose: "mine" | "theirs"): Promise<void>;
}
