import { randomUUID } from "node:crypto";
import type { RpcClient } from "@edvoyage/client-sdk/rpc";
import type { SignIn } from "@edvoyage/server";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { createCompleteDraft, createSubmitted } from "../support/application.ts";
import { DIALECTS } from "../support/databases.ts";
import { createWorld, somePhone, type World } from "../support/world.ts";

/** Students, one of whom owns what is asked for, and something of everything that is for all. */
interface Scene {
  readonly world: World;
  readonly owner: SignIn;
  readonly other: SignIn;
  /** Knows the owner, is known by her, and is with her in the room; she has blocked the other. */
  readonly contact: SignIn;
  readonly stranger: SignIn;
  /** Of the owner, with a message of hers. */
  readonly roomId: string;
  readonly messageId: string;
  /** One that the owner is invited to. */
  readonly invitedRoomId: string;
  readonly universityId: string;
  readonly courseId: string;
  /** Of the owner, with a comment of hers. */
  readonly postId: string;
  readonly commentId: string;
  /** Of the owner: a draft with a document, and one that is submitted. */
  readonly applicationId: string;
  readonly documentId: string;
  readonly submittedId: string;
  readonly submittedDocumentId: string;
  readonly freeCourseId: string;
  /** Of the contact, who has blocked the other, with a comment of hers. */
  readonly contactPostId: string;
  readonly contactCommentId: string;
}

type Caller = "nobody" | "owner" | "other" | "admin";
/** `ok`, or the reason of the refusal. */
type Outcome = string;

interface AccessCase {
  /** What the caller asks for: always something of the owner's, if it is anybody's. */
  readonly input?: (scene: Scene) => unknown;
  readonly expected: Readonly<Record<Caller, Outcome>>;
  /** What differs there. */
  readonly onPostgres?: Partial<Readonly<Record<Caller, Outcome>>>;
}

const forAnyone = (outcome: Outcome = "ok") => ({
  nobody: outcome,
  owner: outcome,
  other: outcome,
  admin: outcome,
});
/** Each gets her own and nobody else's: `other` is answered, and the leak check below sees what with. */
const forStudents = { nobody: "session/required", owner: "ok", other: "ok", admin: "session/required" };
/** What is somebody else's is not there. */
const forMembers = { ...forStudents, other: "not-found" };
/** What is somebody else's is there to be seen, and hers alone to change. */
const forAuthors = { ...forStudents, other: "forbidden" };
const forAdmins = { nobody: "forbidden", owner: "forbidden", other: "forbidden", admin: "ok" };

/** One row a procedure. A procedure without a row fails the test, and so does a row without a procedure. */
const cases: Readonly<Record<string, AccessCase>> = {
  "auth.requestCode": {
    input: () => ({ phone: somePhone(), deviceId: "d".repeat(22) }),
    expected: forAnyone(),
  },
  "auth.verifyCode": {
    input: () => ({ challengeId: randomUUID(), code: "123456", deviceId: "d".repeat(22) }),
    expected: forAnyone("otp/expired"),
  },
  "sessions.validate": { expected: forStudents },
  "sessions.list": { expected: forStudents },
  "sessions.revoke": {
    input: ({ owner }) => ({ sessionId: owner.session.id }),
    expected: { ...forStudents, other: "not-found" },
  },
  "sessions.revokeOthers": { expected: forStudents },
  "sessions.logout": { expected: forStudents },
  "profile.get": { expected: forStudents },
  // Whom she has blocked does not see her.
  "profile.of": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "profile.update": { input: () => ({ name: "Asha" }), expected: forStudents },
  "account.export": { expected: forStudents },
  "account.delete": { expected: forStudents },
  "universities.list": { expected: forAnyone() },
  "universities.get": { input: ({ universityId }) => ({ id: universityId }), expected: forAnyone() },
  "courses.list": { expected: forAnyone() },
  "courses.get": { input: ({ courseId }) => ({ id: courseId }), expected: forAnyone() },
  "favourites.list": { expected: forStudents },
  "favourites.add": {
    input: ({ universityId }) => ({ kind: "university", id: universityId }),
    expected: forStudents,
  },
  "favourites.remove": {
    input: ({ universityId }) => ({ kind: "university", id: universityId }),
    expected: forStudents,
  },
  "contacts.list": { expected: forStudents },
  // A contact is one's own row: of somebody else's list nothing is to be had.
  "contacts.add": {
    input: ({ stranger }) => ({ userId: stranger.user.id, nickname: "Friend" }),
    expected: forStudents,
  },
  "contacts.update": {
    input: ({ contact }) => ({ userId: contact.user.id, favourite: true }),
    expected: forMembers,
  },
  "contacts.remove": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "chat.rooms.list": { expected: forStudents },
  "chat.rooms.get": { input: ({ roomId }) => ({ roomId }), expected: forMembers },
  "chat.rooms.create": {
    input: ({ stranger }) => ({ kind: "group", memberIds: [stranger.user.id] }),
    expected: forStudents,
  },
  "chat.rooms.rename": { input: ({ roomId }) => ({ roomId, name: "Ours" }), expected: forMembers },
  "chat.rooms.addMembers": {
    input: ({ roomId, stranger }) => ({ roomId, memberIds: [stranger.user.id] }),
    expected: forMembers,
  },
  "chat.rooms.removeMember": {
    input: ({ roomId, contact }) => ({ roomId, userId: contact.user.id }),
    expected: forMembers,
  },
  "chat.rooms.setRole": {
    input: ({ roomId, contact }) => ({ roomId, userId: contact.user.id, role: "admin" }),
    expected: forMembers,
  },
  "chat.rooms.leave": { input: ({ roomId }) => ({ roomId }), expected: forMembers },
  "chat.rooms.acceptInvitation": {
    input: ({ invitedRoomId: roomId }) => ({ roomId }),
    expected: forMembers,
  },
  "chat.rooms.declineInvitation": {
    input: ({ invitedRoomId: roomId }) => ({ roomId }),
    expected: forMembers,
  },
  "chat.send": {
    input: ({ roomId }) => ({ roomId, text: "Hello", commandId: uuidv7() }),
    expected: forMembers,
  },
  "chat.edit": {
    input: ({ roomId, messageId }) => ({ roomId, messageId, text: "Hello" }),
    expected: forMembers,
  },
  "chat.remove": { input: ({ roomId, messageId }) => ({ roomId, messageId }), expected: forMembers },
  "chat.react": {
    input: ({ roomId, messageId }) => ({ roomId, messageId, emoji: "👍" }),
    expected: forMembers,
  },
  "chat.markRead": {
    input: ({ roomId }) => ({ roomId, position: { segment: 0, index: 0 } }),
    expected: forMembers,
  },
  "chat.history": { input: ({ roomId }) => ({ roomId }), expected: forMembers },
  "inbox.changes": { expected: forStudents },
  "notifications.recent": { expected: forStudents },
  // What is somebody else's is passed over.
  "notifications.markRead": { input: () => ({ all: true }), expected: forStudents },
  "social.feed": { expected: forStudents },
  // A post is for all but those with whom there is a block.
  "social.get": { input: ({ contactPostId: postId }) => ({ postId }), expected: forMembers },
  "social.post": { input: () => ({ text: "Hello", commandId: uuidv7() }), expected: forStudents },
  "social.editPost": { input: ({ postId }) => ({ postId, text: "Hi" }), expected: forAuthors },
  "social.removePost": { input: ({ postId }) => ({ postId }), expected: forAuthors },
  "social.like": { input: ({ contactPostId: postId }) => ({ postId }), expected: forMembers },
  "social.unlike": { input: ({ contactPostId: postId }) => ({ postId }), expected: forMembers },
  "social.likes": { input: ({ contactPostId: postId }) => ({ postId }), expected: forMembers },
  "social.report": {
    input: ({ contactPostId: postId }) => ({ postId, reason: "Spam" }),
    expected: forMembers,
  },
  "social.comments": { input: ({ contactPostId: postId }) => ({ postId }), expected: forMembers },
  "social.getComment": {
    input: ({ contactCommentId: commentId }) => ({ commentId }),
    expected: forMembers,
  },
  "social.comment": {
    input: ({ contactPostId: postId, contactCommentId: parentId }) => ({ postId, parentId, text: "Hi" }),
    expected: forMembers,
  },
  "social.removeComment": { input: ({ commentId }) => ({ commentId }), expected: forAuthors },
  "social.follow": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "social.unfollow": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "social.followers": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "social.following": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "social.student": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "social.studentPosts": { input: ({ contact }) => ({ userId: contact.user.id }), expected: forMembers },
  "admin.posts.list": { input: () => ({ reported: false }), expected: forAdmins },
  "admin.posts.show": { input: ({ postId }) => ({ postId }), expected: forAdmins },
  "admin.posts.remove": { input: ({ postId }) => ({ postId, reason: "Spam" }), expected: forAdmins },
  "notifications.preferences": { expected: forStudents },
  "notifications.setPreferences": { input: () => ({ previews: true }), expected: forStudents },
  "applications.list": { expected: forStudents },
  "applications.get": { input: ({ applicationId }) => ({ applicationId }), expected: forMembers },
  "applications.history": { input: ({ applicationId }) => ({ applicationId }), expected: forMembers },
  "applications.create": { input: ({ freeCourseId: courseId }) => ({ courseId }), expected: forStudents },
  "applications.update": {
    input: ({ applicationId }) => ({ applicationId, changes: { notes: "Mine" } }),
    expected: forMembers,
  },
  "applications.submit": { input: ({ applicationId }) => ({ applicationId }), expected: forMembers },
  "applications.withdraw": { input: ({ applicationId }) => ({ applicationId }), expected: forMembers },
  "applications.addDocument": {
    input: ({ applicationId }) => ({ applicationId, kind: "cv", name: "cv.pdf" }),
    expected: forMembers,
  },
  "applications.uploadDocument": {
    input: ({ applicationId, documentId }) => ({ applicationId, documentId }),
    expected: forMembers,
  },
  "applications.removeDocument": {
    input: ({ applicationId, documentId }) => ({ applicationId, documentId }),
    expected: forMembers,
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
  // PostgreSQL has pg_dump.
  "admin.database.backup": { expected: forAdmins, onPostgres: { admin: "conflict" } },
  "admin.database.status": { expected: forAdmins },
  "admin.seed.run": { expected: forAdmins },
  "admin.push.list": { expected: forAdmins },
  "admin.audit.list": { expected: forAdmins },
  "admin.status": { expected: forAdmins },
};

/** A world for many scenes, each with students of its own. */
const createStage = async (dialect: (typeof DIALECTS)[number]): Promise<World> => {
  const many = 1_000_000;
  const limits = { callsPerMinutePerIp: many, sendsPerHourPerIp: many, sendsPerHour: many };
  const world = await createWorld({ dialect, limits });
  await world.server.seedIfEmpty();
  return world;
};

const createScene = async (world: World): Promise<Scene> => {
  const [owner, other] = [await world.device().signIn(), await world.device().signIn()];
  const [contact, stranger] = [await world.device().signIn(), await world.device().signIn()];
  await owner.rpc.contacts.add.mutate({ userId: contact.user.id });
  await contact.rpc.contacts.add.mutate({ userId: owner.user.id });
  await contact.rpc.contacts.update.mutate({ userId: other.user.id, blocked: true });
  const room = await owner.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [contact.user.id] });
  const { messageId } = await owner.rpc.chat.send.mutate({
    roomId: room.id,
    text: "Hello",
    commandId: uuidv7(),
  });
  const invited = await stranger.rpc.chat.rooms.create.mutate({
    kind: "group",
    memberIds: [owner.user.id],
  });
  const publish = async (author: SignIn & { readonly rpc: RpcClient }) => {
    const { postId } = await author.rpc.social.post.mutate({ text: "Hello" });
    return { postId, ...(await author.rpc.social.comment.mutate({ postId, text: "Hi" })) };
  };
  const { postId, commentId } = await publish(owner);
  const { postId: contactPostId, commentId: contactCommentId } = await publish(contact);
  const [course, ...others] = (await world.rpc().courses.list.query({ limit: 3 })).items;
  if (!course || !others[0] || !others[1]) throw new Error("No courses were seeded");
  const applicant = { rpc: owner.rpc };
  const draft = await createCompleteDraft(applicant, course.id);
  const submitted = await createSubmitted(applicant, others[0].id);
  return {
    world,
    owner,
    other,
    contact,
    stranger,
    roomId: room.id,
    messageId,
    invitedRoomId: invited.id,
    universityId: course.universityId,
    courseId: course.id,
    applicationId: draft.id,
    documentId: draft.documents[0]?.id ?? "",
    submittedId: submitted.id,
    submittedDocumentId: submitted.documents[0]?.id ?? "",
    freeCourseId: others[1].id,
    postId,
    commentId,
    contactPostId,
    contactCommentId,
  };
};

const ask = async (
  scene: Scene,
  path: string,
  type: string,
  caller: Caller,
): Promise<{ outcome: Outcome; body: string }> => {
  const tokens = {
    nobody: undefined,
    owner: scene.owner.token,
    other: scene.other.token,
    admin: scene.world.adminToken,
  };
  const token = tokens[caller];
  const input = JSON.stringify(cases[path]?.input?.(scene) ?? {});
  const url = `${scene.world.url}/trpc/${path}`;
  const headers = {
    "content-type": "application/json",
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
  const response =
    type === "mutation"
      ? await fetch(url, { method: "POST", headers, body: input })
      : await fetch(`${url}?input=${encodeURIComponent(input)}`, { headers });
  const body = await response.text();
  const error: { data: { reason?: string } } | undefined = JSON.parse(body).error;
  return { outcome: error ? (error.data.reason ?? "bug") : "ok", body };
};

describe.each(DIALECTS)("who may call what, on %s", (dialect) => {
  test("every procedure has a row here, and every row a procedure", async () => {
    const { server } = await createWorld({ dialect });

    expect(server.procedures.map(({ path }) => path)).toEqual(Object.keys(cases).sort());
  });

  test("every procedure answers nobody, its owner, somebody else and an admin as it should", async () => {
    const stage = await createStage(dialect);
    const { procedures } = stage.server;
    const rows: string[] = [];

    for (const { path, type, access } of procedures) {
      const scene = await createScene(stage);
      const outcomes: Partial<Record<Caller, Outcome>> = {};
      // The owner last: some of her calls end what the others ask for.
      for (const caller of ["nobody", "other", "admin", "owner"] as const) {
        const { outcome, body } = await ask(scene, path, type, caller);
        outcomes[caller] = outcome;
        if (access !== "admin" && caller !== "owner") {
          for (const secret of [scene.owner.user.id, scene.owner.session.id, scene.owner.user.phone]) {
            expect(body, `${path} told ${caller}`).not.toContain(secret);
          }
        }
      }
      const { expected, onPostgres } = cases[path] ?? {};
      expect({ path, ...outcomes }).toEqual({
        path,
        ...expected,
        ...(dialect === "postgres" ? onPostgres : {}),
      });
      rows.push(`${path.padEnd(24)} ${access.padEnd(8)} ${Object.values(outcomes).join(" · ")}`);
    }

    process.stdout.write(`Access on ${dialect}: ${rows.length} of ${procedures.length} procedures (100 %)\n`);
    expect(rows).toHaveLength(procedures.length);
  });

  test("a student's key is not an admin's token, whatever it is called", async () => {
    const { world, owner } = await createScene(await createStage(dialect));

    for (const authorization of [
      `Bearer ${owner.token}`,
      "Bearer",
      "Bearer ",
      `Basic ${world.adminToken}`,
      world.adminToken,
    ]) {
      const response = await fetch(`${world.url}/trpc/admin.status`, { headers: { authorization } });
      expect(response.status).toBe(403);
    }
  });
});
