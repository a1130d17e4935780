declare const brand: unique symbol;

/** A branded id: a plain string on the wire that cannot be mixed up with another kind of id. */
export type Id<Name extends string> = string & { readonly [brand]: Name };

/** A student. UUIDv7. */
export type UserId = Id<"user">;
/** One signed-in device. UUIDv7; public, unlike the session's key. */
export type SessionId = Id<"session">;
/** One request for a sign-in code. UUIDv7. */
export type ChallengeId = Id<"challenge">;
/** A university of the catalogue. UUIDv7. */
export type UniversityId = Id<"university">;
/** A course of the catalogue. UUIDv7. */
export type CourseId = Id<"course">;
/** A command created on a device (RFC 9562 UUIDv7). It is idempotent: it takes effect once, however often it arrives. */
export type CommandId = Id<"command">;
/** An entry of a student's contacts: the contact's user id, or a separate id if it was added by phone number. UUIDv7. */
export type ContactId = UserId | Id<"contact">;
/** A log; it has the id of the thing that it belongs to. UUIDv7. */
export type LogId = Id<"room">;
/** A chat room; its log has the same id. UUIDv7. */
export type RoomId = LogId;
/** A message; it has the id of the command that sent it. UUIDv7. */
export type MessageId = Id<"message">;
/** A notification of a student. UUIDv7. */
export type NotificationId = Id<"notification">;
/** A post; it has the id of the command that created it. UUIDv7. */
export type PostId = Id<"post">;
/** A comment on a post; it has the id of the command that created it. UUIDv7. */
export type CommentId = Id<"comment">;
/** An application to a course; it has the id of the command that created it. UUIDv7. */
export type ApplicationId = Id<"application">;
/** A document that an application refers to; it has the id of the command that added it. UUIDv7. */
export type ApplicationDocumentId = Id<"application-document">;
