import type { Client, QueuedProcedure, Write } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { completeApplication, createAreaScene, postBy, someCourse } from "../../support/apps/area-scene.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { somePhone } from "../../support/students/phone.ts";
import { createStudent } from "../../support/students/student.ts";

/** A method of the client, with a call of it. */
type Method = readonly [name: string, call: () => Promise<Write>];

/** Everything that a connected student needs before all writes can succeed. */
const createScene = async () => {
  const scene = await createAreaScene();
  const { world, friend, app } = scene;
  const { client } = app;
  const [group, course] = [[await createStudent(world), await createStudent(world)], await someCourse(app)];
  const [roomId, post] = [await openRoom(client, friend.id), await postBy(friend, "Hello")];
  await friend.send(roomId, "Hello");
  const room = client.chat.room(roomId);
  room.watch(() => {});
  const { id: own, settled } = await room.send("Helo");
  await settled;
  await until(() => room.messages.length === 2);
  await client.profile.get();
  await client.notifications.preferences.get();
  app.setOnline(false);
  return { ...scene, client, room, own, post, course, others: group.map(({ id }) => id) };
};

const openRoom = async ({ chat }: Client, userId: string): Promise<string> =>
  (await chat.createRoom({ kind: "direct", userId })).id;

/** Every writing method, with a call that the server accepts if all of them are made in this order. */
const writesOf = ({ client, room, own, post, course, others }: Awaited<ReturnType<typeof createScene>>) => {
  const { applications, contacts, favourites, notifications, profile, push, settings, social } = client;
  const [one = "", other = ""] = others;
  const ids: Record<string, string> = {};
  const named = async (name: string, write: Promise<Write>): Promise<Write> => {
    const { id } = await write;
    ids[name] = id;
    return write;
  };
  const idOf = (name: string): string => ids[name] ?? expect.fail(`${name} comes first`);
  const documentId = (): { readonly documentId: string } => ({ documentId: idOf("document") });
  return [
    ["applications.create", () => named("draft", applications.create(course))],
    ["applications.update", () => applications.update(idOf("draft"), { notes: "A note" })],
    [
      "applications.addDocument",
      () => named("document", applications.addDocument(idOf("draft"), { kind: "passport", name: "a.pdf" })),
    ],
    ["applications.uploadDocument", () => applications.uploadDocument(idOf("draft"), documentId())],
    ["applications.removeDocument", () => applications.removeDocument(idOf("draft"), documentId())],
    ["applications.resolve", () => applications.resolve(idOf("draft"), "mine")],
    [
      "applications.submit",
      async () => {
        await completeApplication(client, idOf("draft"));
        return applications.submit(idOf("draft"));
      },
    ],
    ["applications.withdraw", () => applications.withdraw(idOf("draft"))],
    ["contacts.add", () => contacts.add(one)],
    ["contacts.addByNumber", () => contacts.addByNumber(somePhone())],
    ["contacts.update", () => contacts.update(one, { nickname: "One" })],
    ["contacts.remove", () => contacts.remove(one)],
    ["favourites.toggle", () => favourites.toggle("course", course.id)],
    ["favourites.add", () => favourites.add("course", course.id)],
    ["favourites.remove", () => favourites.remove("course", course.id)],
    ["notifications.markRead", () => notifications.markRead("all")],
    ["notifications.preferences.set", () => notifications.preferences.set({ previews: false })],
    ["profile.update", () => profile.update({ name: "Ada" })],
    ["push.register", () => push.register("ExponentPushToken[of-this-phone]", { provider: "expo" })],
    ["push.unregister", () => push.unregister()],
    ["room.send", () => room.send("Hello")],
    ["room.react", () => room.react(room.messages[0]?.id ?? "", "👍")],
    ["room.markRead", () => room.markRead()],
    ["room.edit", () => room.edit(own, "Hello there")],
    ["room.remove", () => room.remove(own)],
    ["settings.set", () => settings.set("theme", "dark")],
    ["social.post", () => named("post", social.post({ text: "Mine" }))],
    ["social.editPost", () => social.editPost(idOf("post"), { text: "Still mine" })],
    ["social.comment", () => named("comment", social.comment(idOf("post"), { text: "First" }))],
    ["social.removeComment", () => social.removeComment(idOf("comment"))],
    ["social.removePost", () => social.removePost(idOf("post"))],
    ["social.like", () => social.like(post)],
    ["social.unlike", () => social.unlike(post)],
    ["social.report", () => social.report(post, { reason: "Spam" })],
    ["social.follow", () => social.follow(other)],
    ["social.unfollow", () => social.unfollow(other)],
  ] satisfies readonly Method[];
};

/** Every command that a writing method queues. The compiler asks for new ones. */
const COMMANDS: Readonly<Record<Exclude<QueuedProcedure, "document.edit">, true>> = {
  "chat.send": true,
  "chat.edit": true,
  "chat.remove": true,
  "chat.react": true,
  "chat.markRead": true,
  "contacts.add": true,
  "contacts.update": true,
  "contacts.remove": true,
  "profile.update": true,
  "notifications.markRead": true,
  "notifications.setPreferences": true,
  "applications.create": true,
  "applications.update": true,
  "applications.submit": true,
  "applications.withdraw": true,
  "applications.addDocument": true,
  "applications.uploadDocument": true,
  "applications.removeDocument": true,
  "social.post": true,
  "social.editPost": true,
  "social.removePost": true,
  "social.like": true,
  "social.unlike": true,
  "social.report": true,
  "social.comment": true,
  "social.removeComment": true,
  "social.follow": true,
  "social.unfollow": true,
  "push.register": true,
  "push.unregister": true,
};

/** Methods that read, that speak with the server at once, or that are about a write that exists already. */
const OTHERS: Readonly<Record<string, string>> = {
  "": "ready close",
  account: "export delete",
  applications: "get watch loadMore one history missing",
  auth: "onChange requestCode verifyCode cancel signOut",
  chat: "rooms invitations watchRooms room createRoom acceptInvitation declineInvitation",
  contacts: "list watch",
  courses: "list get watch",
  favourites: "has list watch",
  notifications: "get watch loadMore watchUnread",
  "notifications.preferences": "get watch loadMore",
  outbox: "list onChange settled retry discard",
  profile: "get watch loadMore of",
  // It is in the feature's module, but not in the type: the client calls it.
  push: "check",
  room: "watch typing loadOlder retry discard details rename addMembers removeMember setRole leave",
  sessions: "list revoke revokeOthers",
  settings: "get all watch",
  social: "get posts comments getComment likes student followers following",
  "social.feed": "get watch loadMore",
  sync: "onStatus flush",
  universities: "list get watch",
};

/** Returns the names of all methods of an object and of the objects in it. */
const methodsIn = (value: unknown, path: string): readonly string[] => {
  if (typeof value === "function") return [path];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, part]) => methodsIn(part, path ? `${path}.${name}` : name));
};

test("every writing method of the client resolves with an id and a promise of its fate", async () => {
  const scene = await createScene();
  const { app, client, room } = scene;
  const writes = writesOf(scene);
  const methods = [...methodsIn(client, ""), ...methodsIn({ ...room, messages: [] }, "room")];

  const made: Write[] = [];
  const wrong: unknown[] = [];
  for (const [name, call] of writes) {
    const write: Write | undefined = await call();
    if (write?.settled instanceof Promise && /^[\da-f-]{36}$/.test(write.id)) made.push(write);
    else wrong.push({ name, write });
  }
  app.setOnline(true);
  await untilWithin({ clock: app.clock, within: { minutes: 1 } }, () => client.sync.status.pending === 0);
  await Promise.all(made.map(({ settled }) => settled));

  expect(wrong).toEqual([]);
  const others = Object.entries(OTHERS).flatMap(([area, names]) =>
    names.split(" ").map((name) => (area ? `${area}.${name}` : name)),
  );
  expect([...methods].sort()).toEqual([...writes.map(([name]) => name), ...others].sort());
  const called = new Set(app.requests.map((url) => /\/trpc\/([^?]+)/.exec(url)?.[1]));
  expect(Object.keys(COMMANDS).filter((procedure) => !called.has(procedure))).toEqual([]);
});
