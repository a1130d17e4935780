import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { SignIn } from "@edvoyage/server";
import { v7 as uuidv7 } from "uuid";
import { COMPLETE_FIELDS, createCompleteDraft, createSubmitted } from "../students/application.ts";
import type { DIALECTS } from "../databases/databases.ts";
import { createWorld, type World } from "../servers/world.ts";

type SignedIn = SignIn & { readonly rpc: RpcClient };

/** Students around one owner, and one thing of every kind that a procedure can be called for. */
export interface AccessScene {
  readonly world: World;
  readonly owner: SignedIn;
  readonly other: SignedIn;
  /** A mutual contact of the owner, in the same room. */
  readonly contact: SignedIn;
  readonly stranger: SignedIn;
  /** Has the owner and the contact as contacts, was blocked by both afterwards, and is still in the room with them. */
  readonly blocked: SignedIn;
  /** Has blocked the owner and the contact, and is still in the room with them. */
  readonly blocker: SignedIn;
  /** Left the room before it got its name and the last message. */
  readonly former: SignedIn;
  /** A room of the owner, with one message of the owner and one of the former member. */
  readonly roomId: string;
  readonly messageId: string;
  readonly formerMessageId: string;
  /** A room that the owner is invited to. */
  readonly invitedRoomId: string;
  /** The direct room of the owner and the blocked student. */
  readonly directRoomId: string;
  /** Tells the owner about the invitation. */
  readonly notificationId: string;
  readonly universityId: string;
  readonly courseId: string;
  /** A post of the owner, with a comment of the owner. */
  readonly postId: string;
  readonly commentId: string;
  /** Applications of the owner: a draft with a document, and a submitted one. */
  readonly applicationId: string;
  readonly documentId: string;
  readonly submittedId: string;
  readonly submittedDocumentId: string;
  readonly freeCourseId: string;
  /** A post of the contact, with a comment of the contact. */
  readonly contactPostId: string;
  readonly contactCommentId: string;
}

/** Texts of a scene that occur nowhere else. */
export const SCENE_TEXTS = {
  /** In a draft. Only the owner may read it. */
  draft: COMPLETE_FIELDS.statement,
  /** For present and former members of the room. */
  message: "Said while all were there",
  /** Only for present members of the room. */
  later: "Said after one had left",
  /** In posts and comments. Hidden where there is a block. */
  social: "Posted by one of us",
  /** On the contact's page. Hidden from students whom the contact has blocked. */
  bio: "Told on a page",
} as const;

const MANY = 1_000_000;

/** Creates a world for many scenes, each with students of its own. */
export const createStage = async (dialect: (typeof DIALECTS)[number]): Promise<World> => {
  const limits = {
    callsPerMinutePerIp: MANY,
    sendsPerHourPerIp: MANY,
    sendsPerHour: MANY,
    directRoomsWithStrangersPerDay: MANY,
  };
  const world = await createWorld({ dialect, limits });
  await world.server.seedIfEmpty();
  return world;
};

const knows = (student: SignedIn, other: SignedIn) =>
  student.rpc.contacts.add.mutate({ userId: other.user.id });

const blocks = (student: SignedIn, other: SignedIn) =>
  student.rpc.contacts.update.mutate({ userId: other.user.id, blocked: true });

const says = async ({ rpc }: SignedIn, roomId: string, text: string): Promise<string> =>
  (await rpc.chat.send.mutate({ roomId, text, commandId: uuidv7() })).messageId;

const publish = async ({ rpc }: SignedIn) => {
  const text = SCENE_TEXTS.social;
  const { postId } = await rpc.social.post.mutate({ text });
  return { postId, ...(await rpc.social.comment.mutate({ postId, text })) };
};

/**
 * Opens the room and brings it to the point where the owner and the contact have blocked one member and were blocked by
 * another.
 */
const openRoom = async (people: Omit<AccessPeople, "other" | "stranger">) => {
  const { owner, contact, blocked, blocker, former } = people;
  await Promise.all([contact, blocked, blocker, former].map((student) => knows(student, owner)));
  await Promise.all([knows(owner, contact), knows(blocked, contact)]);
  const members = [contact, blocked, blocker, former];
  const { id: roomId } = await owner.rpc.chat.rooms.create.mutate({
    kind: "group",
    memberIds: members.map(({ user }) => user.id),
  });
  const messageId = await says(owner, roomId, SCENE_TEXTS.message);
  const formerMessageId = await says(former, roomId, SCENE_TEXTS.message);
  await former.rpc.chat.rooms.leave.mutate({ roomId });
  await owner.rpc.chat.rooms.rename.mutate({ roomId, name: SCENE_TEXTS.later });
  await says(owner, roomId, SCENE_TEXTS.later);
  const direct = await owner.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [blocked.user.id] });
  await Promise.all([
    blocks(owner, blocked),
    blocks(contact, blocked),
    blocks(blocker, owner),
    blocks(blocker, contact),
  ]);
  return { roomId, messageId, formerMessageId, directRoomId: direct.id };
};

const openApplications = async (owner: SignedIn, [draftCourseId, submittedCourseId]: readonly string[]) => {
  if (!draftCourseId || !submittedCourseId) throw new Error("No courses were seeded");
  const draft = await createCompleteDraft(owner, draftCourseId);
  const submitted = await createSubmitted(owner, submittedCourseId);
  const [document, submittedDocument] = [draft.documents[0], submitted.documents[0]];
  if (!document || !submittedDocument) throw new Error("An application lacks its documents");
  return {
    applicationId: draft.id,
    documentId: document.id,
    submittedId: submitted.id,
    submittedDocumentId: submittedDocument.id,
  };
};

type AccessPeople = Pick<
  AccessScene,
  "owner" | "other" | "contact" | "stranger" | "blocked" | "blocker" | "former"
>;

const createPeople = async (world: World): Promise<AccessPeople> => {
  const signIn = () => world.device().signIn();
  const [owner, other, contact, stranger] = await Promise.all([signIn(), signIn(), signIn(), signIn()]);
  const [blocked, blocker, former] = await Promise.all([signIn(), signIn(), signIn()]);
  return { owner, other, contact, stranger, blocked, blocker, former };
};

export const createAccessScene = async (world: World): Promise<AccessScene> => {
  const people = await createPeople(world);
  const { owner, contact, stranger } = people;
  const [course, second, third] = (await world.rpc().courses.list.query({ limit: 3 })).items;
  if (!course || !second || !third) throw new Error("No courses were seeded");
  const invite = stranger.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [owner.user.id] });
  const [room, invited, ownPublished, published, applications] = await Promise.all([
    openRoom(people),
    invite,
    publish(owner),
    publish(contact),
    openApplications(owner, [course.id, second.id]),
    contact.rpc.profile.update.mutate({ bio: SCENE_TEXTS.bio }),
  ]);
  const [notification] = (await owner.rpc.notifications.recent.query()).items;
  if (!notification) throw new Error("The owner got no notification of the invitation");
  return {
    ...people,
    ...room,
    ...applications,
    world,
    invitedRoomId: invited.id,
    notificationId: notification.id,
    universityId: course.universityId,
    courseId: course.id,
    freeCourseId: third.id,
    postId: ownPublished.postId,
    commentId: ownPublished.commentId,
    contactPostId: published.postId,
    contactCommentId: published.commentId,
  };
};
