import type { NotificationId, UserId } from "./ids.ts";

/** The kinds of notifications. */
export const NOTIFICATION_KINDS = ["liked", "commented", "followed", "mentioned", "added", "moved"] as const;
/**
 * The kind of a notification. Somebody liked the student's post, commented on it or replied to the student's comment;
 * somebody followed or mentioned the student, or added or invited them to a room; an admin moved their application.
 */
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** The kind of the subject of a notification. */
export type NotificationSubjectKind = "post" | "comment" | "student" | "room" | "application";

/**
 * The areas of a student's data on the server, apart from rooms and the user document. `inbox.changes` names the changed
 * areas, so that the student's other devices load them again.
 */
export const AREAS = ["profile", "contacts", "applications", "social", "notifications"] as const;
/** An area of a student's data on the server. */
export type Area = (typeof AREAS)[number];

/** The services that deliver pushes to devices. A device's token belongs to one of them. */
export const PUSH_PROVIDERS = ["expo", "fcm"] as const;
/** Expo's push service, or Firebase Cloud Messaging directly. */
export type PushProviderName = (typeof PUSH_PROVIDERS)[number];

/** A notification to a student about something that happened. */
export interface Notification {
  readonly id: NotificationId;
  readonly kind: NotificationKind;
  /** The student who did it; `null` for EdVoyage's staff. The name is `null` if unset, or if the actor has blocked the student. */
  readonly actor: { readonly id: UserId; readonly name: string | null } | null;
  readonly subject: { readonly kind: NotificationSubjectKind; readonly id: string };
  /** The new status of an application; `null` for other subjects. */
  readonly status: string | null;
  readonly at: number;
  readonly readAt: number | null;
}

/** The notifications that a student wants to get. */
export interface NotificationPreferences {
  /** `listed` adds it to the student's list. `pushed` also sends what is listed to their phones while the app is closed. */
  readonly kinds: Readonly<Record<NotificationKind, KindPreference>> & {
    /** Messages are never listed, because their rooms show them. */
    readonly message: Pick<KindPreference, "pushed">;
  };
  /** Whether a push shows the text of a message. Default: false. */
  readonly previews: boolean;
}

/** The preference for one kind. Default: true for both. */
export interface KindPreference {
  readonly listed: boolean;
  readonly pushed: boolean;
}

/** A kind for which a student can set preferences. */
export type PreferenceKind = NotificationKind | "message";

/** A change of preferences. Missing fields stay as they are. */
export interface PreferencesChange {
  readonly kinds?:
    | {
        readonly [Kind in PreferenceKind]?:
          | { readonly listed?: boolean | undefined; readonly pushed?: boolean | undefined }
          | undefined;
      }
    | undefined;
  readonly previews?: boolean | undefined;
}
