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

/** The course that an application is to, as it was when the application was made or submitted. */
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
  /** Where the student herself may move it to now. */
  readonly moves: readonly ApplicationStatus[];
  readonly course: AppliedCourse & {
    /** Whether it is still in the catalogue. */
    readonly isOffered: boolean;
  };
  readonly fields: ApplicationFields;
  /** What it costs to apply, in whole units; `null` when nobody knows. */
  readonly fee: { readonly amount: number; readonly currency: string } | null;
  /** Before which instant to submit it; `null` for none. */
  readonly deadline: number | null;
  readonly documents: readonly ApplicationDocument[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly submittedAt: number | null;
}

/** What this device wrote to a draft and the server did not take, for another had written there meanwhile. */
export interface ApplicationConflict {
  /** By the name of the field. Nothing of the edit was taken: `resolve` it. */
  readonly fields: Readonly<
    Partial<Record<ApplicationField, { readonly mine: unknown; readonly theirs: unknown }>>
  >;
}

/** An application as it is now, with what this device has done to it and not sent yet. */
export interface Application extends SentApplication {
  readonly isPending: boolean;
  readonly conflict?: ApplicationConflict;
  /** Why the server does not take it, or a step or an edit of it: `outbox` has the command. */
  readonly failure?: ErrorReason;
}

/** One step of an application. */
export interface ApplicationMove {
  /** From 0, without holes. */
  readonly position: number;
  readonly at: number;
  readonly by: ApplicationMover;
  /** The student; `null` for an admin. */
  readonly actorId: UserId | null;
  readonly from: ApplicationStatus | null;
  readonly to: ApplicationStatus;
  readonly note: string | null;
}

/** A student's applications, newest first. What is done to them is kept on the device, and shown at once. */
export interface Applications extends View<Page<Application>> {
  one(id: string): View<Application>;
  /** Its first hundred steps, its beginning first. */
  history(id: string): View<Page<ApplicationMove>>;
  /** Begins a draft, and returns its id; it is there without a network too. */
  create(course: AppliedCourse, fields?: Partial<ApplicationFields>): Promise<string>;
  /** Changes fields of a draft, on top of what is shown of it here. This and what follows returns the id of its command. */
  update(id: string, changes: Partial<ApplicationFields>): Promise<string>;
  submit(id: string): Promise<string>;
  /** From where it is shown to stand here: when it has moved meanwhile, the command fails with `conflict`. */
  withdraw(id: string, options?: { readonly note?: string }): Promise<string>;
  /** The id of the command is the document's. */
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
   * Ends the conflicts of an application: "mine" writes over what the other device wrote, "theirs" leaves that; what did not
   * collide is written either way.
   */
  resolve(id: string, whose: "mine" | "theirs"): Promise<void>;
}
