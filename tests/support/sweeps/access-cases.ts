import { randomUUID } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { AccessScene } from "./access-scene.ts";
import { somePhone } from "../students/phone.ts";

/** The callers of an access test. See `AccessScene` for how each is related to the owner. */
export const CALLERS = ["nobody", "other", "former", "blocked", "blocker", "admin", "owner"] as const;
export type AccessCaller = (typeof CALLERS)[number];
/** `ok`, or the reason of the refusal. */
type Outcome = string;
type Outcomes = Readonly<Record<AccessCaller, Outcome>>;

/** How a procedure answers each caller. */
export interface AccessCase {
  /** Builds the input. It names something of the owner's wherever the procedure takes something that a student owns. */
  readonly input?: (scene: AccessScene) => object;
  readonly expected: Outcomes;
  /** Outcomes that differ on PostgreSQL. */
  readonly onPostgres?: Partial<Outcomes>;
  /** Fields that accept any id and ignore one that does not belong to the caller. */
  readonly passesOver?: readonly string[];
  /** Fields that may name another student, or something public of another student. */
  readonly open?: Readonly<Record<string, OpenField>>;
}

/** A kind of id that a field accepts although it belongs to somebody else. */
export interface OpenField {
  readonly kind: "user" | "post" | "comment";
  /** Whether the field also accepts ids of students who have blocked the caller. */
  readonly isBlindToBlocks?: boolean;
}

const forAnyone = (outcome: Outcome = "ok"): Outcomes => ({
  nobody: outcome,
  other: outcome,
  former: outcome,
  blocked: outcome,
  blocker: outcome,
  admin: outcome,
  owner: outcome,
});
/** Each student gets only their own rows. */
const forStudents: Outcomes = { ...forAnyone(), nobody: "session/required", admin: "session/required" };
/** Answers `not-found` for everybody except the owner. */
const forOwner: Outcomes = {
  ...forStudents,
  other: "not-found",
  former: "not-found",
  blocked: "not-found",
  blocker: "not-found",
};
/** A block does not end a shared room. */
const forRoom: Outcomes = { ...forOwner, blocked: "ok", blocker: "ok" };
const forRoomOwner: Outcomes = { ...forOwner, blocked: "forbidden", blocker: "forbidden" };
/** Visible to all students except those with a block in either direction. */
const forShown: Outcomes = { ...forStudents, blocked: "not-found", blocker: "not-found" };
/** Visible to the same students, and only its author may change it. */
const forAuthors: Outcomes = { ...forShown, other: "forbidden", former: "forbidden" };
const forAdmins: Outcomes = { ...forAnyone("forbidden"), admin: "ok" };

/**
 * One row for each procedure, and one more (`path: which`) for each target that changes the outcome. The sweeps fail
 * for a procedure without a row, and for a row without a procedure.
 */
export const accessCases: Readonly<Record<string, AccessCase>> = {
  "auth.requestCode": {
    input: () => ({ phone: somePhone(), deviceId: "d".repeat(22) }),
    expected: forAnyone(),
    passesOver: ["deviceId"],
  },
  "auth.verifyCode": {
    input: () => ({ challengeId: randomUUID(), code: "123456", deviceId: "d".repeat(22) }),
    expected: forAnyone("otp/expired"),
  },
  "sessions.validate": { expected: forStudents },
  "sessions.list": { expected: forStudents },
  "sessions.revoke": {
    input: ({ owner }) => ({ sessionId: owner.session.id }),
    expected: forOwner,
  },
  "sessions.revokeOthers": { expected: forStudents },
  "sessions.logout": { expected: forStudents },
  "profile.get": { expected: forStudents },
  // A student who is blocked cannot see who blocked them; a student who blocks still sees the blocked one.
  "profile.of": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: { ...forShown, blocker: "ok" },
    open: { userId: { kind: "user" } },
  },
  "profile.update": { input: () => ({ name: "Asha" }), expected: forStudents },
  "account.export": { expected: forStudents },
  "account.delete": { expected: forStudents },
  "universities.list": { expected: forAnyone() },
  "universities.get": { input: ({ universityId }) => ({ id: universityId }), expected: forAnyone() },
  "courses.list": { expected: forAnyone(), passesOver: ["universityId"] },
  "courses.get": { input: ({ courseId }) => ({ id: courseId }), expected: forAnyone() },
  "documents.exchange": { input: () => ({ stateVector: "AA==" }), expected: forStudents },
  "favourites.list": { expected: forStudents },
  "favourites.add": {
    input: ({ universityId }) => ({ kind: "university", id: universityId }),
    expected: forStudents,
  },
  "favourites.remove": {
    input: ({ universityId }) => ({ kind: "university", id: universityId }),
    expected: forStudents,
    passesOver: ["id"],
  },
  "contacts.list": { expected: forStudents },
  // A contact is the caller's own row; nobody can read the list of another student.
  "contacts.add": {
    input: ({ stranger }) => ({ userId: stranger.user.id, nickname: "Friend" }),
    expected: forStudents,
    open: { userId: { kind: "user", isBlindToBlocks: true } },
  },
  "contacts.update": {
    input: ({ contact }) => ({ userId: contact.user.id, favourite: true }),
    expected: { ...forStudents, other: "not-found", former: "not-found" },
  },
  "contacts.remove": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: { ...forStudents, other: "not-found", former: "not-found" },
  },
  "chat.rooms.list": { expected: forStudents },
  "chat.rooms.get": { input: ({ roomId }) => ({ roomId }), expected: forRoom },
  "chat.rooms.create": {
    input: ({ stranger }) => ({ kind: "group", memberIds: [stranger.user.id] }),
    expected: forStudents,
    open: { memberIds: { kind: "user" } },
  },
  "chat.rooms.rename": { input: ({ roomId }) => ({ roomId, name: "Ours" }), expected: forRoomOwner },
  "chat.rooms.addMembers": {
    input: ({ roomId, stranger }) => ({ roomId, memberIds: [stranger.user.id] }),
    expected: forRoomOwner,
    open: { memberIds: { kind: "user" } },
  },
  "chat.rooms.removeMember": {
    input: ({ roomId, contact }) => ({ roomId, userId: contact.user.id }),
    expected: forRoomOwner,
  },
  "chat.rooms.setRole": {
    input: ({ roomId, contact }) => ({ roomId, userId: contact.user.id, role: "admin" }),
    expected: forRoomOwner,
  },
  "chat.rooms.leave": { input: ({ roomId }) => ({ roomId }), expected: forRoom },
  "chat.rooms.acceptInvitation": {
    input: ({ invitedRoomId: roomId }) => ({ roomId }),
    expected: forOwner,
  },
  "chat.rooms.declineInvitation": {
    input: ({ invitedRoomId: roomId }) => ({ roomId }),
    expected: forOwner,
  },
  "chat.rooms.create: with a block between the two": {
    input: ({ contact }) => ({ kind: "group", memberIds: [contact.user.id] }),
    expected: { ...forStudents, blocked: "forbidden", blocker: "forbidden" },
  },
  "chat.send: with a block between the two": {
    input: ({ directRoomId: roomId }) => ({ roomId, text: "Hello", commandId: uuidv7() }),
    expected: { ...forOwner, owner: "forbidden", blocked: "forbidden" },
  },
  "chat.history: with a block between the two": {
    input: ({ directRoomId: roomId }) => ({ roomId }),
    expected: { ...forOwner, blocked: "ok" },
  },
  "chat.edit: message of a member who has left": {
    input: ({ roomId, formerMessageId: messageId }) => ({ roomId, messageId, text: "Hello" }),
    expected: { ...forRoomOwner, owner: "forbidden" },
  },
  "chat.remove: message of a member who has left": {
    input: ({ roomId, formerMessageId: messageId }) => ({ roomId, messageId }),
    expected: forRoomOwner,
  },
  "chat.react: message of a member who has left": {
    input: ({ roomId, formerMessageId: messageId }) => ({ roomId, messageId, emoji: "👍" }),
    expected: forRoom,
  },
  "chat.send: in reply to a member who has left": {
    input: ({ roomId, formerMessageId: replyTo }) => ({
      roomId,
      text: "Hello",
      replyTo,
      commandId: uuidv7(),
    }),
    expected: forRoom,
  },
  "chat.send": {
    input: ({ roomId }) => ({ roomId, text: "Hello", commandId: uuidv7() }),
    expected: forRoom,
  },
  "chat.edit": {
    input: ({ roomId, messageId }) => ({ roomId, messageId, text: "Hello" }),
    expected: forRoomOwner,
  },
  "chat.remove": { input: ({ roomId, messageId }) => ({ roomId, messageId }), expected: forRoomOwner },
  "chat.react": {
    input: ({ roomId, messageId }) => ({ roomId, messageId, emoji: "👍" }),
    expected: forRoom,
  },
  "chat.markRead": {
    input: ({ roomId }) => ({ roomId, position: { segment: 0, index: 0 } }),
    expected: forRoom,
  },
  "chat.history": { input: ({ roomId }) => ({ roomId }), expected: forRoom },
  "inbox.changes": { expected: forStudents },
  "notifications.recent": { expected: forStudents },
  // Ids of other students' notifications are ignored.
  "notifications.markRead": {
    input: ({ notificationId }) => ({ ids: [notificationId] }),
    expected: forStudents,
    passesOver: ["ids"],
  },
  "social.feed": { expected: forStudents },
  // All students see a post, except those with a block in either direction.
  "social.get": {
    input: ({ contactPostId: postId }) => ({ postId }),
    expected: forShown,
    open: { postId: { kind: "post" } },
  },
  "social.post": {
    input: () => ({ text: "Hello", commandId: uuidv7() }),
    expected: forStudents,
    passesOver: ["mentions"],
    open: { mentions: { kind: "user" } },
  },
  "social.editPost": {
    input: ({ postId }) => ({ postId, text: "Hi" }),
    expected: forAuthors,
    passesOver: ["mentions"],
    open: { mentions: { kind: "user" } },
  },
  "social.removePost": { input: ({ postId }) => ({ postId }), expected: forAuthors },
  "social.like": {
    input: ({ contactPostId: postId }) => ({ postId }),
    expected: forShown,
    open: { postId: { kind: "post" } },
  },
  "social.unlike": {
    input: ({ contactPostId: postId }) => ({ postId }),
    expected: forShown,
    open: { postId: { kind: "post" } },
  },
  "social.likes": {
    input: ({ contactPostId: postId }) => ({ postId }),
    expected: forShown,
    open: { postId: { kind: "post" } },
  },
  "social.report": {
    input: ({ contactPostId: postId }) => ({ postId, reason: "Spam" }),
    expected: forShown,
    open: { postId: { kind: "post" } },
  },
  "social.comments": {
    input: ({ contactPostId: postId }) => ({ postId }),
    expected: forShown,
    open: { postId: { kind: "post" } },
  },
  "social.getComment": {
    input: ({ contactCommentId: commentId }) => ({ commentId }),
    expected: forShown,
    open: { commentId: { kind: "comment" } },
  },
  "social.comment": {
    input: ({ contactPostId: postId, contactCommentId: parentId }) => ({ postId, parentId, text: "Hi" }),
    expected: forShown,
    passesOver: ["mentions"],
    open: { mentions: { kind: "user" } },
  },
  "social.removeComment": { input: ({ commentId }) => ({ commentId }), expected: forAuthors },
  "social.follow": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: forShown,
    open: { userId: { kind: "user" } },
  },
  "social.unfollow": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: forShown,
    open: { userId: { kind: "user" } },
  },
  "social.followers": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: forShown,
    open: { userId: { kind: "user" } },
  },
  "social.following": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: forShown,
    open: { userId: { kind: "user" } },
  },
  "social.student": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: forShown,
    open: { userId: { kind: "user" } },
  },
  "social.studentPosts": {
    input: ({ contact }) => ({ userId: contact.user.id }),
    expected: forShown,
    open: { userId: { kind: "user" } },
  },
  "admin.posts.list": { input: () => ({ reported: false }), expected: forAdmins },
  "admin.posts.show": { input: ({ postId }) => ({ postId }), expected: forAdmins },
  "admin.posts.remove": { input: ({ postId }) => ({ postId, reason: "Spam" }), expected: forAdmins },
  "notifications.preferences": { expected: forStudents },
  "notifications.setPreferences": { input: () => ({ previews: true }), expected: forStudents },
  "applications.list": { expected: forStudents },
  "applications.get": { input: ({ applicationId }) => ({ applicationId }), expected: forOwner },
  "applications.history": { input: ({ applicationId }) => ({ applicationId }), expected: forOwner },
  "applications.create": { input: ({ freeCourseId: courseId }) => ({ courseId }), expected: forStudents },
  "applications.update": {
    input: ({ applicationId }) => ({ applicationId, changes: { notes: "Mine" } }),
    expected: forOwner,
  },
  "applications.submit": { input: ({ applicationId }) => ({ applicationId }), expected: forOwner },
  "applications.withdraw": { input: ({ applicationId }) => ({ applicationId }), expected: forOwner },
  "applications.addDocument": {
    input: ({ applicationId }) => ({ applicationId, kind: "cv", name: "cv.pdf" }),
    expected: forOwner,
  },
  "applications.uploadDocument": {
    input: ({ applicationId, documentId }) => ({ applicationId, documentId }),
    expected: forOwner,
  },
  "applications.removeDocument": {
    input: ({ applicationId, documentId }) => ({ applicationId, documentId }),
    expected: forOwner,
  },
  "admin.applications.list": { expected: forAdmins },
  "admin.applications.show": {
    input: ({ submittedId: applicationId }) => ({ applicationId }),
    expected: forAdmins,
  },
  "admin.applications.move": {
    input: ({ submittedId: applicationId }) => ({ applicationId, status: "under_review" }),
    expected: forAdmins,
  },
  "admin.applications.setDocument": {
    input: ({ submittedId: applicationId, submittedDocumentId: documentId }) => ({
      applicationId,
      documentId,
      status: "accepted",
    }),
    expected: forAdmins,
  },
  "push.register": {
    input: () => ({ provider: "expo", token: "ExponentPushToken[aaaaaaaaaaaaaaaaaaaaaa]" }),
    expected: forStudents,
  },
  "push.unregister": { input: () => ({ token: "a-token" }), expected: forStudents },
  "admin.sessions.list": { expected: forAdmins },
  "admin.sessions.revoke": { input: ({ owner }) => ({ sessionId: owner.session.id }), expected: forAdmins },
  "admin.numbers.list": { expected: forAdmins },
  "admin.numbers.show": { input: ({ owner }) => ({ phone: owner.user.phone }), expected: forAdmins },
  "admin.numbers.unblock": { input: ({ owner }) => ({ phone: owner.user.phone }), expected: forAdmins },
  "admin.users.list": { expected: forAdmins },
  "admin.users.show": { input: ({ owner }) => ({ userId: owner.user.id }), expected: forAdmins },
  "admin.users.export": { input: ({ owner }) => ({ userId: owner.user.id }), expected: forAdmins },
  "admin.users.erase": { input: ({ owner }) => ({ userId: owner.user.id }), expected: forAdmins },
  "admin.users.erasure": {
    input: ({ owner }) => ({ userId: owner.user.id }),
    expected: { ...forAdmins, admin: "not-found" },
  },
  "admin.catalogue.import": {
    input: () => ({ importId: randomUUID(), offset: 0, entries: [{ name: "New", alpha_two_code: "IN" }] }),
    expected: forAdmins,
  },
  // On PostgreSQL, backups are made with pg_dump.
  "admin.database.backup": { expected: forAdmins, onPostgres: { admin: "conflict" } },
  "admin.database.status": { expected: forAdmins },
  "admin.seed.run": { expected: forAdmins },
  "admin.seed.world": { input: () => ({ students: 12 }), expected: forAdmins },
  "admin.push.list": { expected: forAdmins },
  "admin.audit.list": { expected: forAdmins },
  "admin.status": { expected: forAdmins },
};

/** Returns the procedure that a row is about. */
export const rowToPath = (row: string): string => row.split(": ", 1)[0] ?? row;
