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
