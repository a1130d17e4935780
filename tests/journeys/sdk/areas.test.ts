import type { Application, Client, View } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp, type App } from "../../support/apps/app.ts";
import { COMPLETE_FIELDS } from "../../support/students/application.ts";
import { rowsOf } from "../../support/databases/databases.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, type World, type WorldOptions } from "../../support/servers/world.ts";

/** A student with an app, and a friend of the student. */
const createScene = async (options: WorldOptions = {}) => {
  const world = await createWorld(options);
  await world.server.seedIfEmpty();
  const friend = await createStudent(world);
  const app = await createApp(world);
  const phone = await app.signIn();
  await until(() => app.client.sync.status.connection === "online");
  return { world, friend, app, phone };
};

const someCourse = async ({ client }: App, place = 0) =>
  (await client.courses.list({})).items[place] ?? expect.fail("no course");

/** A second phone of the student, connected. */
const createOther = async ({ world, phone }: Awaited<ReturnType<typeof createScene>>): Promise<App> => {
  const other = await createApp(world);
  await other.signIn(phone);
  await until(() => other.client.sync.status.connection === "online");
  return other;
};

const postBy = async ({ rpc }: Student, text: string): Promise<string> =>
  (await rpc.social.post.mutate({ text })).postId;

const textsOf = ({ items }: { readonly items: readonly { readonly text: string | null }[] }) =>
  items.map(({ text }) => text);

const studentIn = ({ auth }: Client): string =>
  auth.status.state === "signedIn" || auth.status.state === "expired"
    ? auth.status.student.id
    : expect.fail("nobody is signed in");

/** Waits until a condition holds. The server sends two hints per second of its clock, which this advances by a second at most. */
const untilHinted = ({ world }: { readonly world: World }, condition: () => boolean): Promise<void> =>
  untilWithin({ clock: world.clock, within: { seconds: 1 } }, condition);

/** Watches a view until the test is over; returns a function with the view's latest value. */
const latestOf = <Value>(view: Pick<View<Value>, "watch">): (() => Value | undefined) => {
  let last: Value | undefined;
  view.watch(({ value }) => (last = value));
  return () => last;
};

const completeApplication = async ({ applications }: Client, id: string): Promise<void> => {
  await applications.update(id, COMPLETE_FIELDS);
  for (const kind of ["passport", "transcript"] as const) {
    await applications.addDocument(id, { kind, name: `${kind}.pdf`, status: "uploaded" });
  }
};

test("a day offline loses nothing: posts, likes, comments, follows, a profile and an application arrive once and in order", async () => {
  const scene = await createScene();
  const { friend, app, world, phone } = scene;
  const { social, profile, applications, notifications } = app.client;
  const liked = await postBy(friend, "Look at this");
  await social.follow(friend.id);
  await app.client.sync.flush();
  await social.feed.get({ refresh: true });
  await profile.get({ refresh: true });
  const course = await someCourse(app);
  app.setOnline(false);

  const written: string[] = [];
  for (let count = 1; count <= 5; count += 1) written.push(await social.post({ text: `Post ${count}` }));
  await social.like(liked);
  await social.like(written[0] ?? "");
  const comment = await social.comment(liked, { text: "I did" });
  await social.comment(liked, { text: "And again", parentId: comment });
  await social.editPost(written[4] ?? "", { text: "Post 5, better" });
  await social.removePost(written[3] ?? "");
  await profile.update({ name: "Ada", homeCountry: "PT" });
  await profile.update({ bio: "Two lines\nof me" });
  await app.client.contacts.add(friend.id, { nickname: "Bo" });
  const draft = await applications.create(course, { notes: "First" });
  await applications.update(draft, { notes: "Second" });
  await completeApplication(app.client, draft);
  await applications.submit(draft);
  await notifications.markRead("all");

  const seen = await social.feed.get();
  expect(seen.items).toMatchObject([
    { id: written[4], text: "Post 5, better", isPending: true },
    { id: written[2], isPending: true, author: { id: studentIn(app.client) } },
    { id: written[1], liked: false },
    { id: written[0], liked: true, likeCount: 1 },
    { id: liked, liked: true, likeCount: 1, commentCount: 2, isPending: true },
  ]);
  expect(await profile.get()).toMatchObject({ name: "Ada", bio: "Two lines\nof me", isPending: true });
  expect((await applications.get()).items).toMatchObject([
    { id: draft, status: "submitted", fields: { notes: "Second" }, course: { title: course.title } },
  ]);
  expect(await applications.one(draft).get()).toMatchObject({ status: "submitted", isPending: true });
  expect((await social.comments(liked).get()).items).toMatchObject([{ id: comment, replyCount: 1 }]);

  const restarted = await app.restart();
  expect(restarted.client.sync.status).toMatchObject({ pending: 21, failed: 0 });
  expect(textsOf(await restarted.client.social.feed.get())).toEqual(textsOf(seen));
  await restarted.client.sync.flush({ timeoutMs: 60_000 });

  const { rpc } = await world.device({ phone }).signIn();
  const feed = await rpc.social.feed.query();
  expect(feed.items).toMatchObject([
    { id: written[4], text: "Post 5, better" },
    { id: written[2] },
    { id: written[1] },
    { id: written[0], liked: true, likeCount: 1 },
    { id: liked, liked: true, likeCount: 1, commentCount: 2 },
  ]);
  expect(await rpc.profile.get.query()).toMatchObject({
    name: "Ada",
    homeCountry: "PT",
    bio: "Two lines\nof me",
  });
  const [sent, ...others] = (await rpc.applications.list.query()).items;
  expect(others).toEqual([]);
  expect(sent).toMatchObject({
    id: draft,
    status: "submitted",
    fields: { ...COMPLETE_FIELDS, notes: "Second" },
  });
  expect(sent?.documents).toHaveLength(2);
  expect((await rpc.contacts.list.query()).items).toMatchObject([{ nickname: "Bo" }]);
  expect((await rpc.social.comments.query({ postId: liked })).items).toMatchObject([
    { id: comment, replyCount: 1 },
  ]);
  expect((await friend.rpc.notifications.recent.query()).items.map(({ kind }) => kind).sort()).toEqual([
    "commented",
    "commented",
    "followed",
    "liked",
  ]);
  // The app shows the server's state without another request.
  restarted.setOnline(false);
  expect(textsOf(await restarted.client.social.feed.get())).toEqual(textsOf(feed));
  expect((await restarted.client.social.feed.get()).items.some(({ isPending }) => isPending)).toBe(false);
});

test("everything done on one device appears on the other without a request from the app", async () => {
  const scene = await createScene();
  const { friend, app } = scene;
  const other = await createOther(scene);
  const { client } = app;
  const feed = latestOf(other.client.social.feed);
  const profile = latestOf(other.client.profile);
  const contacts = latestOf(other.client.contacts);
  const applications = latestOf(other.client.applications);
  const page = latestOf(other.client.social.student(friend.id));
  const notifications = latestOf(other.client.notifications);
  await until(() => feed() !== undefined && applications() !== undefined && page() !== undefined);

  const post = await client.social.post({ text: "From the first" });
  await untilHinted(scene, () => feed()?.items[0]?.text === "From the first");
  await client.social.like(post);
  await client.social.comment(post, { text: "Mine too" });
  await untilHinted(scene, () => feed()?.items[0]?.liked === true && feed()?.items[0]?.commentCount === 1);
  await client.social.follow(friend.id);
  await untilHinted(scene, () => page()?.followed === true);
  await client.profile.update({ name: "Ada" });
  await untilHinted(scene, () => profile()?.name === "Ada");
  await client.contacts.add(friend.id, { nickname: "Bo" });
  await untilHinted(scene, () => contacts()?.items[0]?.nickname === "Bo");
  const draft = await client.applications.create(await someCourse(app), {});
  await untilHinted(scene, () => applications()?.items[0]?.id === draft);
  await client.applications.withdraw(draft);
  await untilHinted(scene, () => applications()?.items[0]?.status === "withdrawn");

  await friend.rpc.social.like.mutate({ postId: post });
  await untilHinted(
    scene,
    () => notifications()?.items[0]?.kind === "liked" && other.client.notifications.unread === 1,
  );
  await untilHinted(scene, () => client.notifications.unread === 1);
  await client.notifications.markRead("all");
  expect(client.notifications.unread).toBe(0);
  await untilHinted(
    scene,
    () => other.client.notifications.unread === 0 && notifications()?.items[0]?.readAt !== null,
  );
});

test("everything undone or removed on one device disappears from the other without a request from the app", async () => {
  const scene = await createScene();
  const { friend, app } = scene;
  const other = await createOther(scene);
  const { social, contacts, applications, profile } = app.client;
  const [friendPost, ownPost] = [
    await postBy(friend, "By a friend"),
    await social.post({ text: "First words" }),
  ];
  await social.follow(friend.id);
  await app.client.sync.flush();
  const seen = {
    feed: latestOf(other.client.social.feed),
    own: latestOf(other.client.social.posts(studentIn(app.client))),
    post: latestOf(other.client.social.get(ownPost)),
    comments: latestOf(other.client.social.comments(friendPost)),
    likes: latestOf(other.client.social.likes(friendPost)),
    following: latestOf(other.client.social.following(studentIn(app.client))),
    contacts: latestOf(other.client.contacts),
    profile: latestOf(other.client.profile),
  };
  await until(() => seen.feed()?.items.length === 2 && seen.following()?.items.length === 1);

  await social.like(friendPost);
  await untilHinted(scene, () => seen.likes()?.items[0]?.id === studentIn(app.client));
  await social.unlike(friendPost);
  await untilHinted(scene, () => seen.likes()?.items.length === 0);
  const comment = await social.comment(friendPost, { text: "Said" });
  const reply = await social.comment(friendPost, { text: "And more", parentId: comment });
  await untilHinted(scene, () => seen.comments()?.items[0]?.replyCount === 1);
  const replies = latestOf(other.client.social.comments(friendPost, comment));
  await untilHinted(scene, () => replies()?.items[0]?.id === reply);
  await social.removeComment(reply);
  await untilHinted(
    scene,
    () => replies()?.items.length === 0 && seen.comments()?.items[0]?.replyCount === 0,
  );
  await social.editPost(ownPost, { text: "Better words" });
  await untilHinted(
    scene,
    () => seen.post()?.text === "Better words" && seen.own()?.items[0]?.text === "Better words",
  );
  await social.removePost(ownPost);
  await untilHinted(scene, () => seen.feed()?.items.length === 1 && seen.own()?.items.length === 0);
  await social.unfollow(friend.id);
  await untilHinted(scene, () => seen.feed()?.items.length === 0 && seen.following()?.items.length === 0);

  await contacts.add(friend.id);
  await contacts.update(friend.id, { favourite: true, blocked: true });
  await untilHinted(scene, () => seen.contacts()?.items[0]?.favourite === true);
  expect(seen.contacts()?.items).toMatchObject([{ id: friend.id, userId: friend.id, blocked: true }]);
  await contacts.remove(friend.id);
  await untilHinted(scene, () => seen.contacts()?.items.length === 0);

  const education = [{ institution: "EPFL", degree: "MSc", field: null, from: "2024-09", until: null }];
  await profile.update({ education, findable: true, preferredCountries: ["CH", "PT"] });
  await untilHinted(scene, () => seen.profile()?.findable === true);
  expect(seen.profile()).toMatchObject({ education, preferredCountries: ["CH", "PT"] });
  await profile.update({ education: [], findable: false });
  await untilHinted(scene, () => seen.profile()?.education.length === 0);

  const draft = await applications.create(await someCourse(app), {});
  await completeApplication(app.client, draft);
  const document = await applications.addDocument(draft, { kind: "cv", name: "cv.pdf" });
  const application = latestOf<Application>(other.client.applications.one(draft));
  await untilHinted(scene, () => application()?.documents.length === 3);
  expect(application()?.fields).toMatchObject(COMPLETE_FIELDS);
  await applications.uploadDocument(draft, { documentId: document, name: "cv-2.pdf" });
  await untilHinted(scene, () => application()?.documents[2]?.name === "cv-2.pdf");
  await applications.removeDocument(draft, { documentId: document });
  await untilHinted(scene, () => application()?.documents.length === 2);
  await applications.submit(draft);
  await untilHinted(scene, () => application()?.status === "submitted");
});

test("preferences can be changed offline, and changes of different halves by two devices are both kept", async () => {
  const scene = await createScene();
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
  const scene = await createScene();
  const { friend, app, phone } = scene;
  const other = await createOther(scene);
  const shown = latestOf(other.client.contacts);
  await until(() => shown() !== undefined);
  await app.client.contacts.list();
  app.setOnline(false);
  const written = `0${friend.phone.slice(3, 8)} ${friend.phone.slice(8)}`;

  const id = await app.client.contacts.addByNumber(written, { nickname: "Bo" });
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
  const { friend, app } = await createScene();
  const { client } = app;
  const id = await client.contacts.addByNumber(friend.phone);
  await client.sync.flush();
  await client.contacts.list({ refresh: true });
  app.setOnline(false);

  await client.contacts.addByNumber(`${friend.phone.slice(0, 3)} ${friend.phone.slice(3)}`, {
    nickname: "Bo",
  });
  await client.contacts.addByNumber("12");
  const blocked = await client.contacts.update(id, { blocked: true });
  const expectedContact = { id, phone: friend.phone, nickname: "Bo", blocked: false };
  expect((await client.contacts.list()).items).toMatchObject([
    { ...expectedContact, isPending: true },
    { phone: "12", isPending: true },
  ]);
  app.setOnline(true);
  await until(() => client.sync.status.failed === 2 && client.sync.status.pending === 0);

  expect((await client.contacts.list()).items).toMatchObject([{ ...expectedContact, isPending: false }]);
  expect(client.outbox.list()).toMatchObject([
    { procedure: "contacts.add", reason: "phone/invalid" },
    { id: blocked, reason: "conflict" },
  ]);
});

test("a report reaches admins once, and a comment can be opened from its notification", async () => {
  const { friend, app, world } = await createScene();
  const { client } = app;
  const post = await postBy(friend, "Essays for sale");
  await client.social.get(post).get();
  const own = await client.social.comment(post, { text: "Really?" });
  await client.sync.flush();
  const { commentId } = await friend.rpc.social.comment.mutate({ postId: post, parentId: own, text: "Yes" });
  await client.social.comments(post, own).get();
  app.setOnline(false);

  await client.social.report(post, { reason: "Sells essays" });
  await client.social.report(post, { reason: "Said twice" });
  const answer = await client.social.comment(post, { text: "No", parentId: own });
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
  const { app, world } = await createScene();
  const { client } = app;
  const { applications } = client;
  const draft = await applications.create(await someCourse(app), {});
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
  const { friend, world } = await createScene();
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

  await client.push.register(token, { provider: "expo" });
  const first = await app.signIn();
  const ada = studentIn(client);
  await until(() => registrations(app) === 1);
  await client.sync.flush();
  expect(await pushesFor("To the first", ada)).toBe(1);
  const restarted = await app.restart();
  await restarted.client.push.register(token, { provider: "expo" });
  await restarted.client.sync.flush();
  expect(registrations(restarted)).toBe(0);

  await restarted.client.auth.signOut();
  await restarted.signIn();
  await until(() => registrations(restarted) === 1);
  await restarted.client.sync.flush();
  expect(await pushesFor("To the first", ada)).toBe(0);
  expect(await pushesFor("To the second", studentIn(restarted.client))).toBe(1);
  restarted.setOnline(false);
  await restarted.client.push.unregister();
  restarted.setOnline(true);
  await restarted.client.sync.flush();
  expect(await pushesFor("To nobody", studentIn(restarted.client))).toBe(0);
  await restarted.signIn(first);
  await restarted.client.sync.flush();
  expect(await pushesFor("To nobody", ada)).toBe(0);
});

/** Pushes that are not sent yet. */
const NOT_PUSHED = "select 1 from push_events union all select 1 from push_deliveries";

test("a change that several hints announce is fetched once", async () => {
  const scene = await createScene();
  const { friend, app } = scene;
  const feed = latestOf(app.client.social.feed);
  await until(() => feed() !== undefined);
  await app.client.social.post({ text: "One" });
  await until(() => feed()?.items[0]?.isPending === false);
  const room = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  await until(() => app.client.chat.rooms().length === 1);
  const fetches = () => app.requests.filter((url) => url.includes("social.feed")).length;
  const inboxRequests = () => app.requests.filter((url) => url.includes("inbox.changes")).length;
  const before = { fetches: fetches(), inboxRequests: inboxRequests() };

  // Each message causes a hint, and each answer names the feed again, which changed less than ten seconds ago.
  for (let count = 1; count <= 3; count += 1) {
    await friend.send(room.id, `Message ${count}`);
    scene.world.clock.advance({ seconds: 1 });
    await until(() => app.client.chat.rooms()[0]?.preview === `Message ${count}`);
  }

  expect(inboxRequests()).toBeGreaterThan(before.inboxRequests);
  expect(fetches()).toBe(before.fetches);
});

test("a feed loads further pages without gaps or repeats while posts arrive, and its loaded posts stay available offline", async () => {
  const { friend, app } = await createScene();
  for (let count = 1; count <= 45; count += 1) await postBy(friend, `Post ${count}`);
  await app.client.social.follow(friend.id);
  await app.client.sync.flush();
  const { feed } = app.client.social;
  const shown = latestOf(feed);
  await until(() => shown()?.items.length === 20);

  expect(await feed.loadMore()).toBe(true);
  await postBy(friend, "Post 46");
  expect(await feed.loadMore()).toBe(false);
  // As many items as before are shown, and none twice.
  await feed.get({ refresh: true });
  expect(shown()?.items).toHaveLength(45);
  expect(await feed.loadMore()).toBe(false);

  const expected = Array.from({ length: 46 }, (_, place) => `Post ${46 - place}`);
  expect(textsOf(shown() ?? { items: [] })).toEqual(expected);
  const seventh = shown()?.items[7]?.id ?? "";
  app.setOnline(false);
  await expect(app.client.social.comments(seventh).get()).rejects.toMatchObject({
    reason: "offline",
  });
  const restarted = await app.restart();
  restarted.setOnline(false);
  expect(textsOf(await restarted.client.social.feed.get())).toEqual(expected);
  // A post that a list has returned is also available on its own.
  expect(await restarted.client.social.get(seventh).get()).toMatchObject({ text: "Post 39" });
});

test("devices that edit one draft get a conflict with both values, and either value resolves it", async () => {
  const scene = await createScene();
  const { app } = scene;
  const other = await createOther(scene);
  const draft = await app.client.applications.create(await someCourse(app), { notes: "Old" });
  await app.client.sync.flush();
  const otherView = latestOf<Application>(other.client.applications.one(draft));
  await until(() => otherView()?.fields.notes === "Old");

  await app.client.applications.get();
  let phone = app;
  for (const choice of ["theirs", "mine"] as const) {
    phone.setOnline(false);
    await phone.client.applications.update(draft, { notes: `By the first, ${choice}`, statement: choice });
    await other.client.applications.update(draft, { notes: `By the other, ${choice}` });
    await other.client.sync.flush();
    phone.setOnline(true);
    const shown = latestOf<Application>(phone.client.applications.one(draft));
    await untilHinted(
      scene,
      () => shown()?.conflict !== undefined && shown()?.fields.notes?.includes(choice) === true,
    );

    expect(shown()).toMatchObject({
      failure: "conflict",
      conflict: { fields: { notes: { mine: `By the first, ${choice}`, theirs: `By the other, ${choice}` } } },
      fields: { notes: `By the other, ${choice}` },
    });
    expect(Object.keys(shown()?.conflict?.fields ?? {})).toEqual(["notes"]);
    expect(phone.client.sync.status.failed).toBe(1);
    phone = await phone.restart();
    await phone.client.applications.resolve(draft, choice);
    await phone.client.sync.flush();

    const resolved = await other.client.applications.one(draft).get({ refresh: true });
    const notes = choice === "mine" ? "By the first, mine" : "By the other, theirs";
    expect(resolved).toMatchObject({ fields: { notes, statement: choice } });
    const resolvedHere = await phone.client.applications.one(draft).get();
    expect(resolvedHere).toMatchObject({ fields: { notes, statement: choice }, isPending: false });
    expect(resolvedHere.conflict).toBeUndefined();
    expect(phone.client.outbox.list()).toEqual([]);
    await untilHinted(scene, () => otherView()?.fields.notes === notes);
  }
});

test("a refused change keeps its reason until it is sent again or discarded", async () => {
  const scene = await createScene({ limits: { postCharacters: 100 } });
  const { friend, app } = scene;
  const { client } = app;
  const post = await postBy(friend, "Soon gone");
  await client.social.follow(friend.id);
  await client.sync.flush();
  const feed = latestOf(client.social.feed);
  await until(() => feed()?.items.length === 1);
  app.setOnline(false);

  await client.social.comment(post, { text: "Too late" });
  await client.social.post({ text: "x".repeat(101) });
  const kept = await client.social.post({ text: "Fits" });
  await friend.rpc.social.removePost.mutate({ postId: post });
  app.setOnline(true);
  await until(() => client.sync.status.failed === 2 && client.sync.status.pending === 0);

  expect(client.outbox.list()).toMatchObject([
    { procedure: "social.comment", state: "failed", reason: "not-found" },
    {
      procedure: "social.post",
      state: "failed",
      reason: "limit/reached",
      details: { limit: "postCharacters" },
    },
  ]);
  await untilHinted(scene, () => feed()?.items.some(({ id }) => id === post) === false);
  expect(feed()?.items).toMatchObject([
    { failure: "limit/reached", isPending: false },
    { id: kept, isPending: false },
  ]);
  for (const { id } of client.outbox.list()) await client.outbox.discard(id);
  expect(feed()?.items).toMatchObject([{ id: kept }]);
});

test("another student on the phone sees nothing of the first, whose unsent changes are sent later in the first one's name", async () => {
  const { friend, app, phone, world } = await createScene();
  const { client } = app;
  await client.social.post({ text: "Of the first" });
  await client.profile.update({ name: "Ada" });
  await client.applications.create(await someCourse(app), {});
  await client.sync.flush();
  const feed = latestOf(client.social.feed);
  const applications = latestOf(client.applications);
  await until(() => feed()?.items.length === 1 && applications()?.items.length === 1);
  app.setOnline(false);
  await client.social.post({ text: "Never sent by the first" });

  await client.auth.signOut();
  expect([feed(), applications()]).toEqual([undefined, undefined]);
  await expect(client.social.post({ text: "By nobody" })).rejects.toMatchObject({ reason: "signed-out" });
  await expect(client.profile.get()).rejects.toMatchObject({ reason: "signed-out" });
  const second = await app.restart();
  await second.signIn();
  expect((await second.client.social.feed.get()).items).toEqual([]);
  expect((await second.client.applications.get()).items).toEqual([]);
  expect(await second.client.profile.get()).toMatchObject({ name: null });
  expect(second.client.outbox.list()).toEqual([]);

  await second.signIn(phone);
  await second.client.sync.flush();
  const { rpc } = await world.device({ phone }).signIn();
  expect(textsOf(await rpc.social.feed.query())).toEqual(["Never sent by the first", "Of the first"]);
  expect(textsOf(await friend.rpc.social.feed.query())).toEqual([]);
});

test("an account can be exported, and deleted together with its data on the device", async () => {
  const { app, world } = await createScene();
  const { client } = app;
  await client.social.post({ text: "To be exported" });
  await client.sync.flush();
  expect(await client.account.export()).toMatchObject({ user: { id: studentIn(client) } });

  world.clock.advance({ minutes: 6 });
  await expect(client.account.delete()).rejects.toMatchObject({ reason: "session/not-fresh" });
  expect(client.auth.state).toBe("signedIn");
  world.clock.advance({ minutes: -6 });
  app.setOnline(false);
  await expect(client.account.delete()).rejects.toMatchObject({ reason: "offline" });
  app.setOnline(true);
  expect((await client.account.delete()).eraseAt).toBeGreaterThan(world.clock.now());

  expect(client.auth.state).toBe("signedOut");
  expect(await app.storage.list()).toEqual(["device"]);
});

test("a text above the server's limit is refused at once and not stored", async () => {
  const { app } = await createScene();
  const { social, outbox } = app.client;
  const tooLong = (limit: string) => ({ reason: "limit/reached", details: { limit } });
  const id = await social.post({ text: "x".repeat(10_000) });

  await expect(social.post({ text: "x".repeat(10_001) })).rejects.toMatchObject(tooLong("postCharacters"));
  await expect(social.editPost(id, { text: "x".repeat(300_000) })).rejects.toMatchObject(
    tooLong("postCharacters"),
  );
  await expect(social.comment(id, { text: "x".repeat(2_001) })).rejects.toMatchObject(
    tooLong("commentCharacters"),
  );
  await social.comment(id, { text: "x".repeat(2_000) });
  await app.client.sync.flush();

  expect(outbox.list()).toEqual([]);
  expect(app.requests.filter((url) => url.includes("social.editPost"))).toEqual([]);
});
