declare const brand: unique symbol;

/** A string that only its own kind of id can stand for; on the wire it is a plain string. */
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
/** A command made on a device (RFC 9562 UUIDv7); it takes effect once, however often it arrives. */
export type CommandId = Id<"command">;
/** An entry of a student's contacts: the contact's own id, or one of its own where it was made by a number. UUIDv7. */
export type ContactId = UserId | Id<"contact">;
/** A log, by the id of what it belongs to. UUIDv7. */
export type LogId = Id<"room">;
/** A chat room, and the log that it is. UUIDv7. */
export type RoomId = LogId;
/** A message; it is the id of the command that sent it. UUIDv7. */
export type MessageId = Id<"message">;
/** Something that a student was told of. UUIDv7. */
export type NotificationId = Id<"notification">;
/** A post of Cavity; it is the id of the command that made it. UUIDv7. */
export type PostId = Id<"post">;
/** A comment on a post; it is the id of the command that made it. UUIDv7. */
export type CommentId = Id<"comment">;
/** An application to a course; it is the id of the command that made it. UUIDv7. */
export type ApplicationId = Id<"application">;
/** A document that an application refers to; it is the id of the command that added it. UUIDv7. */
export type ApplicationDocumentId = Id<"application-document">;
