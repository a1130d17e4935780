import type {
  ApplicationDocumentKind,
  ApplicationFields,
  ApplicationId,
  ApplicationStatus,
  AppliedCourse,
  CommentId,
  ContactChange,
  ContactId,
  CourseId,
  MessageId,
  NotificationId,
  Position,
  PostId,
  PreferencesChange,
  ProfileChange,
  PushProviderName,
  RoomId,
  UserId,
  UserRoot,
} from "@edvoyage/protocol";

/** The inputs of the procedures whose calls may wait in the outbox, by procedure. */
export interface QueuedInputs {
  /** The message's id is the command's id. */
  "chat.send": { readonly roomId: RoomId; readonly text: string; readonly replyTo: MessageId | null };
  "chat.edit": { readonly roomId: RoomId; readonly messageId: MessageId; readonly text: string };
  "chat.remove": { readonly roomId: RoomId; readonly messageId: MessageId };
  "chat.react": { readonly roomId: RoomId; readonly messageId: MessageId; readonly emoji: string | null };
  "chat.markRead": { readonly roomId: RoomId; readonly position: Position };
  /** For a number, the contact's id is the command's id. */
  "contacts.add": { readonly nickname?: string | null } & (
    | { readonly userId: UserId }
    | { readonly phone: string }
  );
  "contacts.update": { readonly userId: ContactId } & ContactChange;
  "contacts.remove": { readonly userId: ContactId };
  "profile.update": ProfileChange;
  "notifications.markRead":
    | { readonly ids: NotificationId[] }
    | {
        readonly all: true;
        /** The last instant, on the server's clock, of which the device knew. */
        readonly seenUntil?: number;
      };
  "notifications.setPreferences": PreferencesChange;
  /** The application's id is the command's id. */
  "applications.create": {
    readonly courseId: CourseId;
    readonly fields: Partial<ApplicationFields>;
    /** Shown until the server has the application; the server ignores it. */
    readonly course: AppliedCourse;
  };
  "applications.update": {
    readonly applicationId: ApplicationId;
    readonly changes: Partial<ApplicationFields>;
    /** The previous values of the changed fields on this device. */
    readonly base: Partial<ApplicationFields>;
  };
  "applications.submit": { readonly applicationId: ApplicationId };
  "applications.withdraw": {
    readonly applicationId: ApplicationId;
    /** The status that the student saw. The server rejects the withdrawal if the status has changed since. */
    readonly from: ApplicationStatus;
    readonly note?: string;
  };
  /** The document's id is the command's id. */
  "applications.addDocument": {
    readonly applicationId: ApplicationId;
    readonly kind: ApplicationDocumentKind;
    readonly name: string;
    readonly status?: "expected" | "uploaded";
  };
  "applications.uploadDocument": {
    readonly applicationId: ApplicationId;
    readonly documentId: string;
    readonly name?: string;
  };
  "applications.removeDocument": {
    readonly applicationId: ApplicationId;
    readonly documentId: string;
  };
  /** The post's id is the command's id. */
  "social.post": NewPost;
  "social.editPost": { readonly postId: PostId } & NewPost;
  "social.removePost": { readonly postId: PostId };
  "social.like": { readonly postId: PostId };
  "social.unlike": { readonly postId: PostId };
  "social.report": { readonly postId: PostId; readonly reason: string };
  /** The comment's id is the command's id. */
  "social.comment": {
    readonly postId: PostId;
    readonly parentId: string | null;
    readonly text: string;
    readonly mentions?: string[];
  };
  "social.removeComment": { readonly commentId: CommentId };
  "social.follow": { readonly userId: UserId };
  "social.unfollow": { readonly userId: UserId };
  "push.register": { readonly token: string; readonly provider: PushProviderName };
  "push.unregister": { readonly token: string };
  /** An edit of the user document that the server rejected. It is only shown, never sent. */
  "document.edit": {
    readonly root: UserRoot;
    readonly key: string;
    /** `null` removes the key. */
    readonly value: unknown;
  };
}

/** The content of a post. */
export interface NewPost {
  readonly text?: string | null;
  readonly link?: string | null;
  readonly image?: string | null;
  /** The ids of the students that the text mentions. */
  readonly mentions?: string[];
}

/** A procedure whose calls may wait in the outbox. */
export type QueuedProcedure = keyof QueuedInputs;

/** Returns the part of a student's data that a procedure belongs to, such as "contacts". */
export const areaOf = (procedure: string): string => procedure.slice(0, procedure.indexOf("."));
