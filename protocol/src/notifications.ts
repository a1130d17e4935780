/** What a student may be told of. */
export const NOTIFICATION_KINDS = ["liked", "commented", "followed", "mentioned", "added", "moved"] as const;
/**
 * What happened: somebody liked or commented her post (or answered her comment), followed her, mentioned her, added or
 * invited her to a room; an admin moved her application.
 */
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** What a notification is about. */
export type NotificationSubjectKind = "post" | "comment" | "student" | "room" | "application";

/**
 * What a student keeps on the server beside her rooms and her document. `inbox.changes` names those that changed, so that
 * her other devices ask again.
 */
export const AREAS = ["profile", "contacts", "applications", "social", "notifications"] as const;
/** One of the things that a student keeps on the server. */
export type Area = (typeof AREAS)[number];

/** Who carries pushes to a device, by whose token it is reached. */
export const PUSH_PROVIDERS = ["expo", "fcm"] as const;
/** Expo's push service, or Firebase Cloud Messaging itself. */
export type PushProviderName = (typeof PUSH_PROVIDERS)[number];
