import type { Position } from "@edvoyage/protocol";
import type { AccessScene } from "./access-scene.ts";

/** The answer to a command. Each procedure has its own shape. */
export interface Answer {
  readonly id: string;
  readonly position: Position;
  readonly [name: string]: unknown;
}

/** How the owner of a scene repeats a command. */
export interface RepetitionCase {
  readonly input: (scene: AccessScene) => object;
  /** Changes what the answer is about, between the command and its repetition. */
  readonly later?: (scene: AccessScene, first: Answer) => Promise<unknown>;
  /**
   * Reads the current state as the feature's own query returns it. Absent if the answer has only facts that do not
   * change.
   */
  readonly now?: (scene: AccessScene, first: Answer) => Promise<unknown>;
  /** Deletes what the answer is about, or hides it from the student. */
  readonly gone?: (scene: AccessScene, first: Answer) => Promise<unknown>;
  /** Builds the answer for that case. Default: the first answer. */
  readonly withoutWords?: (scene: AccessScene, first: Answer) => object;
  /** Builds what versions before receipts stored. Default: the whole answer. */
  readonly formerlyKept?: (first: Answer) => unknown;
}

const contact = {
  now: async ({ owner }: AccessScene, { id }: Answer) =>
    (await owner.rpc.contacts.list.query()).items.find((candidate) => candidate.id === id),
  gone: ({ owner }: AccessScene, { id }: Answer) => owner.rpc.contacts.remove.mutate({ userId: id }),
  withoutWords: (_scene: AccessScene, { id, userId, createdAt, updatedAt }: Answer) => ({
    id,
    userId,
    phone: null,
    name: null,
    nickname: null,
    favourite: false,
    blocked: false,
    createdAt,
    updatedAt,
  }),
  formerlyKept: ({ id, userId, createdAt, updatedAt }: Answer) => ({ id, userId, createdAt, updatedAt }),
};

const room = {
  later: ({ owner }: AccessScene, { id: roomId }: Answer) =>
    owner.rpc.chat.rooms.rename.mutate({ roomId, name: "Renamed since" }),
  now: ({ owner }: AccessScene, { id: roomId }: Answer) => owner.rpc.chat.rooms.get.query({ roomId }),
  gone: ({ owner }: AccessScene, { id: roomId }: Answer) => owner.rpc.chat.rooms.leave.mutate({ roomId }),
  withoutWords: (_scene: AccessScene, { id }: Answer) => ({
    id,
    kind: "group",
    name: null,
    history: "all",
    role: "member",
    memberCount: 0,
    peer: null,
    fromSegment: 0,
    createdAt: 0,
    changedAt: 0,
    members: [],
    invited: [],
  }),
  formerlyKept: ({ id }: Answer) => id,
};

const application = {
  now: ({ owner }: AccessScene, { id: applicationId }: Answer) =>
    owner.rpc.applications.get.query({ applicationId }),
};

const addCv = ({ owner }: AccessScene, { id: applicationId }: Answer) =>
  owner.rpc.applications.addDocument.mutate({ applicationId, kind: "cv", name: "later.pdf" });

const leave = ({ owner, roomId }: AccessScene) => owner.rpc.chat.rooms.leave.mutate({ roomId });

const preferences = ({ owner }: AccessScene) => owner.rpc.notifications.preferences.query();

const likeOf = async ({ owner, contactPostId: postId }: AccessScene) => {
  const { liked, likeCount } = await owner.rpc.social.get.query({ postId });
  return { postId, liked, likeCount };
};

const hiddenPost = {
  gone: ({ contact: author, contactPostId: postId }: AccessScene) =>
    author.rpc.social.removePost.mutate({ postId }),
  withoutWords: ({ contactPostId: postId }: AccessScene) => ({ postId, liked: false, likeCount: 0 }),
};

const followOf = async ({ owner, contact: { user } }: AccessScene) => ({
  userId: user.id,
  followed: (await owner.rpc.social.student.query({ userId: user.id })).followed,
});

/** One row for each procedure that takes a command. The sweep fails for a procedure without a row. */
export const repetitionCases: Readonly<Record<string, RepetitionCase>> = {
  "profile.update": {
    input: () => ({ name: "Asha" }),
    later: ({ owner }) => owner.rpc.profile.update.mutate({ name: "Bela", bio: "Since then" }),
    now: ({ owner }) => owner.rpc.profile.get.query(),
  },
  "favourites.add": {
    input: ({ universityId: id }) => ({ kind: "university", id }),
    later: ({ owner, universityId: id }) => owner.rpc.favourites.remove.mutate({ kind: "university", id }),
  },
  "favourites.remove": {
    input: ({ universityId: id }) => ({ kind: "university", id }),
    later: ({ owner, universityId: id }) => owner.rpc.favourites.add.mutate({ kind: "university", id }),
  },
  "contacts.add": {
    ...contact,
    input: ({ stranger }) => ({ userId: stranger.user.id, nickname: "One" }),
    later: ({ owner }, { id }) => owner.rpc.contacts.update.mutate({ userId: id, nickname: "Two" }),
  },
  "contacts.update": {
    ...contact,
    input: (scene) => ({ userId: scene.contact.user.id, favourite: true }),
    later: ({ owner }, { id }) => owner.rpc.contacts.update.mutate({ userId: id, favourite: false }),
  },
  "contacts.remove": {
    input: (scene) => ({ userId: scene.contact.user.id }),
    later: (scene) => scene.owner.rpc.contacts.add.mutate({ userId: scene.contact.user.id }),
  },
  "chat.rooms.create": {
    ...room,
    input: ({ stranger }) => ({ kind: "group", memberIds: [stranger.user.id], name: "Ours" }),
  },
  "chat.rooms.rename": { ...room, input: ({ roomId }) => ({ roomId, name: "Ours" }) },
  "chat.rooms.addMembers": {
    ...room,
    input: ({ roomId, stranger }) => ({ roomId, memberIds: [stranger.user.id] }),
  },
  "chat.rooms.removeMember": {
    ...room,
    input: (scene) => ({ roomId: scene.roomId, userId: scene.contact.user.id }),
  },
  "chat.rooms.setRole": {
    ...room,
    input: (scene) => ({ roomId: scene.roomId, userId: scene.contact.user.id, role: "admin" }),
  },
  "chat.rooms.acceptInvitation": {
    ...room,
    input: ({ invitedRoomId: roomId }) => ({ roomId }),
    later: ({ stranger, invitedRoomId: roomId }) =>
      stranger.rpc.chat.rooms.rename.mutate({ roomId, name: "Renamed since" }),
  },
  "chat.rooms.leave": {
    input: ({ roomId }) => ({ roomId }),
    later: (scene) =>
      scene.contact.rpc.chat.rooms.addMembers.mutate({
        roomId: scene.roomId,
        memberIds: [scene.owner.user.id],
      }),
  },
  "chat.rooms.declineInvitation": {
    input: ({ invitedRoomId: roomId }) => ({ roomId }),
    later: ({ owner, stranger, invitedRoomId: roomId }) =>
      stranger.rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [owner.user.id] }),
  },
  "chat.send": {
    input: ({ roomId }) => ({ roomId, text: "Hello" }),
    later: ({ owner, roomId }, { messageId }) =>
      owner.rpc.chat.edit.mutate({ roomId, messageId: String(messageId), text: "Hello again" }),
    gone: leave,
  },
  "chat.edit": {
    input: ({ roomId, messageId }) => ({ roomId, messageId, text: "Hello" }),
    later: ({ owner, roomId, messageId }) =>
      owner.rpc.chat.edit.mutate({ roomId, messageId, text: "Hello again" }),
    gone: leave,
  },
  "chat.remove": { input: ({ roomId, messageId }) => ({ roomId, messageId }), gone: leave },
  "chat.react": {
    input: ({ roomId, messageId }) => ({ roomId, messageId, emoji: "👍" }),
    later: ({ owner, roomId, messageId }) => owner.rpc.chat.react.mutate({ roomId, messageId, emoji: null }),
    gone: leave,
  },
  "chat.markRead": {
    // The index is 6 because joins of members come before the message of the former member.
    input: ({ roomId }) => ({ roomId, position: { segment: 0, index: 6 } }),
    later: ({ owner, roomId }) =>
      owner.rpc.chat.markRead.mutate({ roomId, position: { segment: 0, index: 1_000 } }),
    now: async ({ owner, roomId }) =>
      owner.rpc.chat.markRead.mutate({ roomId, position: { segment: 0, index: 0 } }),
    gone: leave,
  },
  "notifications.markRead": {
    input: ({ notificationId }) => ({ ids: [notificationId] }),
    later: ({ owner }) => owner.rpc.notifications.markRead.mutate({ all: true }),
  },
  "notifications.setPreferences": {
    input: () => ({ previews: true }),
    later: ({ owner }) =>
      owner.rpc.notifications.setPreferences.mutate({ previews: false, kinds: { liked: { pushed: false } } }),
    now: preferences,
  },
  "social.post": {
    input: () => ({ text: "Hello" }),
    later: ({ owner }, { postId }) =>
      owner.rpc.social.editPost.mutate({ postId: String(postId), text: "Hello again" }),
    gone: ({ owner }, { postId }) => owner.rpc.social.removePost.mutate({ postId: String(postId) }),
  },
  "social.editPost": {
    input: ({ postId }) => ({ postId, text: "Hi" }),
    later: ({ owner, postId }) => owner.rpc.social.editPost.mutate({ postId, text: "Hi again" }),
    gone: ({ owner, postId }) => owner.rpc.social.removePost.mutate({ postId }),
  },
  "social.removePost": { input: ({ postId }) => ({ postId }) },
  "social.like": {
    ...hiddenPost,
    input: ({ contactPostId: postId }) => ({ postId }),
    later: ({ owner, contactPostId: postId }) => owner.rpc.social.unlike.mutate({ postId }),
    now: likeOf,
  },
  "social.unlike": {
    ...hiddenPost,
    input: ({ contactPostId: postId }) => ({ postId }),
    later: ({ owner, contactPostId: postId }) => owner.rpc.social.like.mutate({ postId }),
    now: likeOf,
  },
  "social.report": {
    input: ({ contactPostId: postId }) => ({ postId, reason: "Spam" }),
    gone: hiddenPost.gone,
  },
  "social.comment": {
    input: ({ contactPostId: postId, contactCommentId: parentId }) => ({ postId, parentId, text: "Hi" }),
    gone: hiddenPost.gone,
  },
  "social.removeComment": { input: ({ commentId }) => ({ commentId }) },
  "social.follow": {
    input: (scene) => ({ userId: scene.contact.user.id }),
    later: (scene) => scene.owner.rpc.social.unfollow.mutate({ userId: scene.contact.user.id }),
    now: followOf,
  },
  "social.unfollow": {
    input: (scene) => ({ userId: scene.contact.user.id }),
    later: (scene) => scene.owner.rpc.social.follow.mutate({ userId: scene.contact.user.id }),
    now: followOf,
  },
  "applications.create": {
    ...application,
    input: ({ freeCourseId: courseId }) => ({ courseId, fields: { notes: "n".repeat(3_000) } }),
    later: addCv,
  },
  "applications.update": {
    ...application,
    input: ({ applicationId }) => ({ applicationId, changes: { notes: "Mine" } }),
    later: addCv,
  },
  "applications.submit": {
    ...application,
    input: ({ applicationId }) => ({ applicationId }),
    later: ({ owner }, { id: applicationId }) => owner.rpc.applications.withdraw.mutate({ applicationId }),
  },
  "applications.withdraw": { ...application, input: ({ submittedId: applicationId }) => ({ applicationId }) },
  "applications.addDocument": {
    ...application,
    input: ({ applicationId }) => ({ applicationId, kind: "other", name: "one.pdf" }),
    later: addCv,
  },
  "applications.uploadDocument": {
    ...application,
    input: ({ applicationId, documentId }) => ({ applicationId, documentId, name: "two.pdf" }),
    later: addCv,
  },
  "applications.removeDocument": {
    ...application,
    input: ({ applicationId, documentId }) => ({ applicationId, documentId }),
    later: addCv,
  },
};
