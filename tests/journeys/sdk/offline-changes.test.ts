import { expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { rowsOf } from "../../support/databases/databases.ts";
import { until } from "../../support/network/sync-client.ts";
import {
  createAreaScene,
  someCourse,
  createOther,
  postBy,
  studentIn,
  untilHinted,
  latestOf,
  completeApplication,
} from "../../support/apps/area-scene.ts";

test("preferences can be changed offline, and changes of different halves by two devices are both kept", async () => {
  const scene = await createAreaScene();
  const { app, world, phone } = scene;
  const other = await createOther(scene);
  const { preferences } = app.client.notifications;
  expect(await preferences.get()).toMatchObject({
    kinds: { liked: { listed: true, pushed: true }, message: { pushed: true } },
    previews: false,
    isPending: false,
  });
  const shown = latestOf(other.client.notifications.preferences);
  await until(() => shown() !== undefined);
  app.setOnline(false);

  await preferences.set({ kinds: { liked: { listed: false }, message: { pushed: false } } });
  await preferences.set({ previews: true });
  await other.client.notifications.preferences.set({ kinds: { liked: { pushed: false } } });
  await other.client.sync.flush();
  const restarted = await app.restart();
  restarted.setOnline(false);
  const pendingPreferences = await restarted.client.notifications.preferences.get();
  restarted.setOnline(true);
  await restarted.client.sync.flush();

  expect(pendingPreferences).toMatchObject({
    kinds: { liked: { listed: false, pushed: true }, message: { pushed: false }, moved: { listed: true } },
    previews: true,
    isPending: true,
  });
  await untilHinted(scene, () => shown()?.previews === true);
  const kinds = { liked: { listed: false, pushed: false }, message: { pushed: false } };
  expect(shown()).toMatchObject({ kinds, isPending: false });
  const { rpc } = await world.device({ phone }).signIn();
  expect(await rpc.notifications.preferences.query()).toMatchObject({ kinds, previews: true });
  restarted.setOnline(false);
  expect(await restarted.client.notifications.preferences.get()).toMatchObject({ kinds, isPending: false });
});

test("a number becomes a contact at once while offline, and shows its student when both have added each other", async () => {
  const scene = await createAreaScene();
  const { friend, app, phone } = scene;
  const other = await createOther(scene);
  const shown = latestOf(other.client.contacts);
  await until(() => shown() !== undefined);
  await app.client.contacts.list();
  app.setOnline(false);
  const written = `0${friend.phone.slice(3, 8)} ${friend.phone.slice(8)}`;

  const { id } = await app.client.contacts.addByNumber(written, { nickname: "Bo" });
  await app.client.contacts.update(id, { favourite: true });
  await app.client.contacts.update(id, { nickname: "Bobo" });
  const restarted = await app.restart();
  restarted.setOnline(false);
  expect((await restarted.client.contacts.list()).items).toMatchObject([
    { id, userId: null, phone: written, nickname: "Bobo", favourite: true, blocked: false, isPending: true },
  ]);
  restarted.setOnline(true);
  await restarted.client.sync.flush();

  await untilHinted(scene, () => shown()?.items[0]?.nickname === "Bobo");
  const { phone: number } = friend;
  expect(shown()?.items).toMatchObject([
    { id, userId: null, phone: number, favourite: true, isPending: false },
  ]);
  await friend.rpc.contacts.add.mutate({ phone });
  await untilHinted(scene, () => shown()?.items[0]?.userId === friend.id);
  expect(shown()?.items).toMatchObject([{ id, phone: number, nickname: "Bobo" }]);

  // The contact can be changed by both of its ids, on the device and on the server.
  restarted.setOnline(false);
  await restarted.client.contacts.list();
  await restarted.client.contacts.update(id, { blocked: true });
  await restarted.client.contacts.update(friend.id, { favourite: false });
  restarted.setOnline(true);
  await restarted.client.sync.flush();
  await untilHinted(
    scene,
    () => shown()?.items[0]?.blocked === true && shown()?.items[0]?.favourite === false,
  );
  await other.client.contacts.remove(friend.id);
  expect(shown()?.items).toEqual([]);
  await other.client.sync.flush();
  expect((await restarted.client.contacts.list({ refresh: true })).items).toEqual([]);
});

test("adding a listed number again keeps one contact, and an invalid number is refused", async () => {
  const { friend, app } = await createAreaScene();
  const { client } = app;
  const { id } = await client.contacts.addByNumber(friend.phone);
  await client.sync.flush();
  await client.contacts.list({ refresh: true });
  app.setOnline(false);

  await client.contacts.addByNumber(`${friend.phone.slice(0, 3)} ${friend.phone.slice(3)}`, {
    nickname: "Bo",
  });
  await client.contacts.addByNumber("1234");
  const { id: blocked } = await client.contacts.update(id, { blocked: true });
  const expectedContact = { id, phone: friend.phone, nickname: "Bo", blocked: false };
  expect((await client.contacts.list()).items).toMatchObject([
    { ...expectedContact, isPending: true },
    { phone: "1234", isPending: true },
  ]);
  app.setOnline(true);
  await until(() => client.sync.status.failed === 2 && client.sync.status.pending === 0);

  expect((await client.contacts.list()).items).toMatchObject([
    { ...expectedContact, isPending: false, failure: "conflict" },
    { phone: "1234", isPending: false, failure: "phone/invalid" },
  ]);
  expect(client.outbox.list()).toMatchObject([
    { procedure: "contacts.add", reason: "phone/invalid" },
    { id: blocked, reason: "conflict" },
  ]);
});

test("a report reaches admins once, and a comment can be opened from its notification", async () => {
  const { friend, app, world } = await createAreaScene();
  const { client } = app;
  const post = await postBy(friend, "Essays for sale");
  await client.social.get(post).get();
  const { id: own } = await client.social.comment(post, { text: "Really?" });
  await client.sync.flush();
  const { commentId } = await friend.rpc.social.comment.mutate({ postId: post, parentId: own, text: "Yes" });
  await client.social.comments(post, own).get();
  app.setOnline(false);

  await client.social.report(post, { reason: "Sells essays" });
  await client.social.report(post, { reason: "Said twice" });
  const { id: answer } = await client.social.comment(post, { text: "No", parentId: own });
  expect(await client.social.getComment(commentId).get()).toMatchObject({ text: "Yes", isPending: false });
  expect(await client.social.getComment(answer).get()).toMatchObject({
    text: "No",
    postId: post,
    parentId: own,
    isPending: true,
  });
  app.setOnline(true);
  await client.sync.flush();

  const { items } = await friend.rpc.notifications.recent.query();
  const notification = items.find(({ subject }) => subject.id === answer);
  expect(notification).toMatchObject({ kind: "commented", subject: { kind: "comment" } });
  expect(await client.social.getComment(own).get({ refresh: true })).toMatchObject({ replyCount: 2 });
  expect(await world.admin.admin.posts.show.query({ postId: post })).toMatchObject({
    reportCount: 1,
    reports: [{ userId: studentIn(client), reason: "Sells essays" }],
  });
});

test("a withdrawal made offline is refused after the status has become an offer in the meantime", async () => {
  const { app, world } = await createAreaScene();
  const { client } = app;
  const { applications } = client;
  const { id: draft } = await applications.create(await someCourse(app), {});
  await completeApplication(client, draft);
  await applications.submit(draft);
  await client.sync.flush();
  await applications.get({ refresh: true });
  app.setOnline(false);

  await applications.withdraw(draft, { note: "I waited too long" });
  const { move } = world.admin.admin.applications;
  await move.mutate({ applicationId: draft, status: "under_review" });
  await move.mutate({ applicationId: draft, status: "accepted" });
  app.setOnline(true);
  await until(() => client.sync.status.failed === 1);

  const offered = { status: "accepted", failure: "conflict" };
  expect(await applications.one(draft).get({ refresh: true })).toMatchObject(offered);
  for (const { id } of client.outbox.list()) await client.outbox.discard(id);
  await applications.withdraw(draft);
  await client.sync.flush();
  expect(await applications.one(draft).get({ refresh: true })).toMatchObject({ status: "withdrawn" });
});

test("a phone gets the pushes of the student who is signed in, and none after its token is unregistered", async () => {
  const { friend, world } = await createAreaScene();
  const app = await createApp(world);
  const { client } = app;
  const token = "ExponentPushToken[of-this-phone]";
  const pushesFor = async (text: string, listener: string): Promise<number> => {
    const before = world.pushes.length;
    const room = await friend.rpc.chat.rooms.create.mutate({ kind: "direct", memberIds: [listener] });
    await friend.send(room.id, text);
    await until(async () => (await rowsOf(world.databaseUrl, NOT_PUSHED)).length === 0);
    return world.pushes.slice(before).filter((push) => push.token === token).length;
  };

  const registrations = ({ requests }: App) => requests.filter((url) => url.includes("push.register")).length;

  const unsent = await client.push.register(token, { provider: "expo" });
  expect(await unsent.settled).toBeNull();
  const first = await app.signIn();
  const ada = studentIn(client);
  await until(() => registrations(app) === 1);
  await client.sync.flush();
  expect(await pushesFor("To the first", ada)).toBe(1);
  const restarted = await app.restart();
  await (
    await restarted.client.push.register(token, { provider: "expo" })
  ).settled;
  expect(registrations(restarted)).toBe(0);

  await restarted.client.auth.signOut();
  await restarted.signIn();
  await until(() => registrations(restarted) === 1);
  await restarted.client.sync.flush();
  expect(await pushesFor("To the first", ada)).toBe(0);
  expect(await pushesFor("To the second", studentIn(restarted.client))).toBe(1);
  restarted.setOnline(false);
  const unregistered = await restarted.client.push.unregister();
  restarted.setOnline(true);
  await unregistered.settled;
  expect(await pushesFor("To nobody", studentIn(restarted.client))).toBe(0);
  await restarted.signIn(first);
  await restarted.client.sync.flush();
  expect(await pushesFor("To nobody", ada)).toBe(0);
});

test("a push token that the server refuses is sent again when the app registers it again", async () => {
  const { app } = await createAreaScene();
  const { push } = app.client;
  const register = (provider: "expo" | "fcm") => push.register("not-a-token-of-expo", { provider });

  const refused = await register("expo");
  await expect(refused.settled).rejects.toMatchObject({ reason: "input/invalid" });
  const again = await register("expo");
  await expect(again.settled).rejects.toMatchObject({ reason: "input/invalid" });
  const accepted = await register("fcm");
  await accepted.settled;
  const known = await register("fcm");
  await known.settled;

  expect(again.id).not.toBe(refused.id);
  expect(known.id).toBe(accepted.id);
  expect(app.requests.filter((url) => url.includes("push.register"))).toHaveLength(3);
});

/** Pushes that are not sent yet. */
const NOT_PUSHED = "select 1 from push_events union all select 1 from push_deliveries";
