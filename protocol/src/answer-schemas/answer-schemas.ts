import { z } from "zod";
import type { ContactId, RoomId, UserId } from "../ids.ts";
import { accountExport, challenge, session, sessionView, signIn, userView } from "./account.ts";
import * as admin from "./admin.ts";
import { application, applicationMove } from "./applications.ts";
import { course, favourite, university } from "./catalogue.ts";
import { messagePage, messageReceipt, position, reactionReceipt, room, roomDetails } from "./chat.ts";
import { contact } from "./contacts.ts";
import { inboxChanges, notification, notificationPreferences } from "./notifications.ts";
import { profile, publicProfile } from "./profile.ts";
import {
  comment,
  commentReceipt,
  commentReference,
  followedStudent,
  followReceipt,
  likeReceipt,
  post,
  postReference,
  studentName,
  studentPage,
} from "./social.ts";
import { count, idAnswer, instant, pageAnswer } from "./values.ts";

export type { IsSame } from "./answer.ts";

const endedSessions = z.strictObject({ ended: count.describe("The number of ended sessions.") });
const leftRoom = z.strictObject({ roomId: idAnswer<RoomId>() });

/**
 * The schema of each procedure's answer (`result.data`), by the procedure's path. Tests parse real answers with them, and the
 * API reference is generated from them. The server does not parse its answers. Shapes with a name have it as the `id` of
 * their zod metadata.
 */
export const answerSchemas = {
  "auth.requestCode": challenge,
  "auth.verifyCode": signIn,

  "sessions.validate": z.strictObject({ user: userView, session: sessionView, serverNow: instant }),
  "sessions.list": pageAnswer(session),
  "sessions.revoke": endedSessions,
  "sessions.revokeOthers": endedSessions,
  "sessions.logout": endedSessions,

  "profile.get": profile,
  "profile.of": publicProfile,
  "profile.update": profile,

  "account.export": accountExport,
  "account.delete": z.strictObject({ eraseAt: instant }),

  "universities.list": pageAnswer(university),
  "universities.get": university,
  "courses.list": pageAnswer(course),
  "courses.get": course,

  "documents.exchange": z.strictObject({
    update: z.base64().describe("What the device lacks: a Yjs update (V1), base64."),
  }),

  "favourites.list": pageAnswer(favourite),
  "favourites.add": z.strictObject({ created: z.boolean() }),
  "favourites.remove": z.strictObject({ removed: z.boolean() }),

  "contacts.list": pageAnswer(contact),
  "contacts.add": contact,
  "contacts.update": contact,
  "contacts.remove": z.strictObject({ id: idAnswer<ContactId>(), userId: idAnswer<UserId>().nullable() }),

  "chat.rooms.list": pageAnswer(room),
  "chat.rooms.get": roomDetails,
  "chat.rooms.create": roomDetails,
  "chat.rooms.rename": roomDetails,
  "chat.rooms.setRole": roomDetails,
  "chat.rooms.addMembers": roomDetails,
  "chat.rooms.removeMember": roomDetails,
  "chat.rooms.leave": leftRoom,
  "chat.rooms.acceptInvitation": roomDetails,
  "chat.rooms.declineInvitation": leftRoom,
  "chat.send": messageReceipt,
  "chat.edit": messageReceipt,
  "chat.remove": messageReceipt,
  "chat.react": reactionReceipt,
  "chat.markRead": z.strictObject({ position }),
  "chat.history": messagePage,

  "inbox.changes": inboxChanges,

  "notifications.recent": pageAnswer(notification),
  "notifications.markRead": z.strictObject({ marked: count }),
  "notifications.preferences": notificationPreferences,
  "notifications.setPreferences": notificationPreferences,

  "push.register": z.strictObject({ registered: z.literal(true) }),
  "push.unregister": z.strictObject({ removed: count.describe("The number of removed tokens.") }),

  "social.feed": pageAnswer(post),
  "social.get": post,
  "social.post": z.strictObject({ ...postReference.shape, createdAt: instant }),
  "social.editPost": z.strictObject({ ...postReference.shape, editedAt: instant }),
  "social.removePost": postReference,
  "social.like": likeReceipt,
  "social.unlike": likeReceipt,
  "social.likes": pageAnswer(studentName),
  "social.report": postReference,
  "social.comments": pageAnswer(comment),
  "social.getComment": comment,
  "social.comment": commentReceipt,
  "social.removeComment": commentReference,
  "social.follow": followReceipt,
  "social.unfollow": followReceipt,
  "social.followers": pageAnswer(followedStudent),
  "social.following": pageAnswer(followedStudent),
  "social.student": studentPage,
  "social.studentPosts": pageAnswer(post),

  "applications.list": pageAnswer(application),
  "applications.get": application,
  "applications.history": pageAnswer(applicationMove),
  "applications.create": application,
  "applications.update": application,
  "applications.submit": application,
  "applications.withdraw": application,
  "applications.addDocument": application,
  "applications.uploadDocument": application,
  "applications.removeDocument": application,

  "admin.sessions.list": pageAnswer(admin.inspectedSession),
  "admin.sessions.revoke": endedSessions,
  "admin.numbers.list": pageAnswer(admin.restrictedNumber),
  "admin.numbers.show": admin.numberReport,
  "admin.numbers.unblock": admin.unblockedNumber,
  "admin.users.list": pageAnswer(admin.inspectedUser),
  "admin.users.show": admin.inspectedUser,
  "admin.users.export": accountExport,
  "admin.users.erase": admin.erasureProgress,
  "admin.users.erasure": admin.erasureProgress,
  "admin.posts.list": pageAnswer(admin.inspectedPost),
  "admin.posts.show": admin.reportedPost,
  "admin.posts.remove": admin.removedPost,
  "admin.applications.list": pageAnswer(admin.inspectedApplication),
  "admin.applications.show": admin.applicationReport,
  "admin.applications.move": admin.applicationReport,
  "admin.applications.setDocument": admin.applicationReport,
  "admin.catalogue.import": admin.importReport,
  "admin.seed.run": z.strictObject({ universities: count, courses: count }),
  "admin.seed.world": admin.worldProgress,
  "admin.database.backup": admin.backupReport,
  "admin.database.status": admin.databaseStatus,
  "admin.push.list": pageAnswer(admin.deadPush),
  "admin.audit.list": pageAnswer(admin.auditRecord),
  "admin.status": admin.serverStatus,
} as const satisfies Readonly<Record<string, z.ZodType>>;
