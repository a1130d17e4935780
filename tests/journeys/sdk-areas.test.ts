import type { Application, Client, View } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { createApp, type App } from "../support/app.ts";
import { COMPLETE_FIELDS } from "../support/application.ts";
import { rowsOf } from "../support/databases.ts";
import { createStudent, type Student } from "../support/student.ts";
import { until } from "../support/sync-client.ts";
import { createWorld, type World, type WorldOptions } from "../support/world.ts";

/** A student with her app, and a friend of hers in Cavity. */
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

/** A second phone of hers, connected. */
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

/** Waits until a condition holds; the server tells of changes at most twice a second of its clock. */
const hinted = ({ world }: { readonly world: World }, condition: () => boolean): Promise<void> =>
  until(() => {
    world.clock.advance({ seconds: 1 });
    return condition();
  });

/** Watches a view until the test is over; returns what it shows. */
const watched = <Value>(view: Pick<View<Value>, "watch">): (() => Value | undefined) => {
  let last: Value | undefined;
  view.watch(({ value }) => (last = value));
  return () => last;
};

const complete = async ({ applications }: Client, id: string): Promise<void> => {
  await applications.update(id, COMPLETE_FIELDS);
  for (const kind of ["passport", "transcript"] as const) {
    await applications.addDocument(id, { kind, name: `${kind}.pdf`, status: "uploaded" });
  }
};

test("a day without a network: posts, likes, comments, follows, a profile and an application, once each and in order", async () => {
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
  await complete(app.client, draft);
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

  const again = await app.restart();
  expect(again.client.sync.status).toMatchObject({ pending: 21, failed: 0 });
  expect(textsOf(await again.client.social.feed.get())).toEqual(textsOf(seen));
  await again.client.sync.flush({ timeoutMs: 60_000 });

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
  // What it shows is what the server has, without having to ask.
  again.setOnline(false);
  expect(textsOf(await again.client.social.feed.get())).toEqual(textsOf(feed));
  expect((await again.client.social.feed.get()).items.some(({ isPending }) => isPending)).toBe(false);
});

test("everything done on one device appears on the other without asking", async () => {
  const scene = await createScene();
  const { friend, app } = scene;
  const other = await createOther(scene);
  const { client } = app;
  const feed = watched(other.client.social.feed);
  const profile = watched(other.client.profile);
  const contacts = watched(other.client.contacts);
  const applications = watched(other.client.applications);
  const page = watched(other.client.social.student(friend.id));
  const notifications = watched(other.client.notifications);
  await until(() => feed() !== undefined && applications() !== undefined && page() !== undefined);

  const post = await client.social.post({ text: "From the first" });
  await hinted(scene, () => feed()?.items[0]?.text === "From the first");
  await client.social.like(post);
  await client.social.comment(post, { text: "Mine too" });
  await hinted(scene, () => feed()?.items[0]?.liked === true && feed()?.items[0]?.commentCount === 1);
  await client.social.follow(friend.id);
  await hinted(scene, () => page()?.followed === true);
  await client.profile.update({ name: "Ada" });
  await hinted(scene, () => profile()?.name === "Ada");
  await client.contacts.add(friend.id, { nickname: "Bo" });
  await hinted(scene, () => contacts()?.items[0]?.nickname === "Bo");
  const draft = await client.applications.create(await someCourse(app), {});
  await hinted(scene, () => applications()?.items[0]?.id === draft);
  await client.applications.withdraw(draft);
  await hinted(scene, () => applications()?.items[0]?.status === "withdrawn");

  await friend.rpc.social.like.mutate({ postId: post });
  await hinted(
    scene,
    () => notifications()?.items[0]?.kind === "liked" && other.client.notifications.unread === 1,
  );
  await hinted(scene, () => client.notifications.unread === 1);
  await client.notifications.markRead("all");
  expect(client.notifications.unread).toBe(0);
  await hinted(
    scene,
    () => other.client.notifications.unread === 0 && notifications()?.items[0]?.readAt !== null,
  );
});

test("what is undone and taken back on one device is so on the other, without asking", async () => {
  const scene = await createScene();
  const { friend, app } = scene;
  const other = await createOther(scene);
  const { social, contacts, applications, profile } = app.client;
  const [theirs, mine] = [await postBy(friend, "By a friend"), await social.post({ text: "First words" })];
  await social.follow(friend.id);
  await app.client.sync.flush();
  const seen = {
    feed: watched(other.client.social.feed),
    own: watched(other.client.social.posts(studentIn(app.client))),
    one: watched(other.client.social.get(mine)),
    comments: watched(other.client.social.comments(theirs)),
    likes: watched(other.client.social.likes(theirs)),
    following: watched(other.client.social.following(studentIn(app.client))),
    contacts: watched(other.client.contacts),
    profile: watched(other.client.profile),
  };
  await until(() => seen.feed()?.items.length === 2 && seen.following()?.items.length === 1);

  await social.like(theirs);
  await hinted(scene, () => seen.likes()?.items[0]?.id === studentIn(app.client));
  await social.unlike(theirs);
  await hinted(scene, () => seen.likes()?.items.length === 0);
  const comment = await social.comment(theirs, { text: "Said" });
  const reply = await social.comment(theirs, { text: "And more", parentId: comment });
  await hinted(scene, () => seen.comments()?.items[0]?.replyCount === 1);
  const replies = watched(other.client.social.comments(theirs, comment));
  await hinted(scene, () => replies()?.items[0]?.id === reply);
  await social.removeComment(reply);
  await hinted(scene, () => replies()?.items.length === 0 && seen.comments()?.items[0]?.replyCount === 0);
  await social.editPost(mine, { text: "Better words" });
  await hinted(
    scene,
    () => seen.one()?.text === "Better words" && seen.own()?.items[0]?.text === "Better words",
  );
  await social.removePost(mine);
  await hinted(scene, () => seen.feed()?.items.length === 1 && seen.own()?.items.length === 0);
  await social.unfollow(friend.id);
  await hinted(scene, () => seen.feed()?.items.length === 0 && seen.following()?.items.length === 0);

  await contacts.add(friend.id);
  await contacts.update(friend.id, { favourite: true, blocked: true });
  await hinted(scene, () => seen.contacts()?.items[0]?.favourite === true);
  expect(seen.contacts()?.items).toMatchObject([{ id: friend.id, userId: friend.id, blocked: true }]);
  await contacts.remove(friend.id);
  await hinted(scene, () => seen.contacts()?.items.length === 0);

  const education = [{ institution: "EPFL", degree: "MSc", field: null, from: "2024-09", until: null }];
  await profile.update({ education, findable: true, preferredCountries: ["CH", "PT"] });
  await hinted(scene, () => seen.profile()?.findable === true);
  expect(seen.profile()).toMatchObject({ education, preferredCountries: ["CH", "PT"] });
  await profile.update({ education: [], findable: false });
  await hinted(scene, () => seen.profile()?.education.length === 0);

  const draft = await applications.create(await someCourse(app), {});
  await complete(app.client, draft);
  const document = await applications.addDocument(draft, { kind: "cv", name: "cv.pdf" });
  const one = watched<Application>(other.client.applications.one(draft));
  await hinted(scene, () => one()?.documents.length === 3);
  expect(one()?.fields).toMatchObject(COMPLETE_FIELDS);
  await applications.uploadDocument(draft, { documentId: document, name: "cv-2.pdf" });
  await hinted(scene, () => one()?.documents[2]?.name === "cv-2.pdf");
  await applications.removeDocument(draft, { documentId: document });
  await hinted(scene, () => one()?.documents.length === 2);
  await applications.submit(draft);
  await hinted(scene, () => one()?.status === "submitted");
});

test("preferences are changed offline, and both of two devices that change one half each are heard", async () => {
  const scene = await createScene();
  const { app, world, phone } = scene;
  const other = await createOther(scene);
  const { preferences } = app.client.notifications;
  expect(await preferences.get()).toMatchObject({
    kinds: { liked: { listed: true, pushed: true }, message: { pushed: true } },
    previews: false,
    isPending: false,
  });
  const shown = watched(other.client.notifications.preferences);
  await until(() => shown() !== undefined);
  app.setOnline(false);

  await preferences.set({ kinds: { liked: { listed: false }, message: { pushed: false } } });
  await preferences.set({ previews: true });
  await other.client.notifications.preferences.set({ kinds: { liked: { pushed: false } } });
  await other.client.sync.flush();
  const again = await app.restart();
  again.setOnline(false);
  const waiting = await again.client.notifications.preferences.get();
  again.setOnline(true);
  await again.client.sync.flush();

  expect(waiting).toMatchObject({
    kinds: { liked: { listed: false, pushed: true }, message: { pushed: false }, moved: { listed: true } },
    previews: true,
    isPending: true,
  });
  await hinted(scene, () => shown()?.previews === true);
  const kinds = { liked: { listed: false, pushed: false }, message: { pushed: false } };
  expect(shown()).toMatchObject({ kinds, isPending: false });
  const { rpc } = await world.device({ phone }).signIn();
  expect(await rpc.notifications.preferences.query()).toMatchObject({ kinds, previews: true });
  again.setOnline(false);
  expect(await again.client.notifications.preferences.get()).toMatchObject({ kinds, isPending: false });
});

test("a number is a contact of its own at once, offline, and shows whose it is when both have each other's", async () => {
  const scene = await createScene();
  const { friend, app, phone } = scene;
  const other = await createOther(scene);
  const shown = watched(other.client.contacts);
  await until(() => shown() !== undefined);
  await app.client.contacts.list();
  app.setOnline(false);
  const written = `0${friend.phone.slice(3, 8)} ${friend.phone.slice(8)}`;

  const id = await app.client.contacts.addByNumber(written, { nickname: "Bo" });
  await app.client.contacts.update(id, { favourite: true });
  await app.client.contacts.update(id, { nickname: "Bobo" });
  const again = await app.restart();
  again.setOnline(false);
  expect((await again.client.contacts.list()).items).toMatchObject([
    { id, userId: null, phone: written, nickname: "Bobo", favourite: true, blocked: false, isPending: true },
  ]);
  again.setOnline(true);
  await again.client.sync.flush();

  await hinted(scene, () => shown()?.items[0]?.nickname === "Bobo");
  const { phone: number } = friend;
  expect(shown()?.items).toMatchObject([
    { id, userId: null, phone: number, favourite: true, isPending: false },
  ]);
  await friend.rpc.contacts.add.mutate({ phone });
  await hinted(scene, () => shown()?.items[0]?.userId === friend.id);
  expect(shown()?.items).toMatchObject([{ id, phone: number, nickname: "Bobo" }]);

  // The entry goes by both ids, here and on the server.
  again.setOnline(false);
  await again.client.contacts.list();
  await again.client.contacts.update(id, { blocked: true });
  await again.client.contacts.update(friend.id, { favourite: false });
  again.setOnline(true);
  await again.client.sync.flush();
  await hinted(scene, () => shown()?.items[0]?.blocked === true && shown()?.items[0]?.favourite === false);
  await other.client.contacts.remove(friend.id);
  expect(shown()?.items).toEqual([]);
  await other.client.sync.flush();
  expect((await again.client.contacts.list({ refresh: true })).items).toEqual([]);
});

test("a number that is on the list stays one entry, and one that is none is refused", async () => {
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
  const known = { id, phone: friend.phone, nickname: "Bo", blocked: false };
  expect((await client.contacts.list()).items).toMatchObject([
    { ...known, isPending: true },
    { phone: "12", isPending: true },
  ]);
  app.setOnline(true);
  await until(() => client.sync.status.failed === 2 && client.sync.status.pending === 0);

  expect((await client.contacts.list()).items).toMatchObject([{ ...known, isPending: false }]);
  expect(client.outbox.list()).toMatchObject([
    { procedure: "contacts.add", reason: "phone/invalid" },
    { id: blocked, reason: "conflict" },
  ]);
});

test("a report reaches admins once, and a comment is opened from where it was told of", async () => {
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
  const told = items.find(({ subject }) => subject.id === answer);
  expect(told).toMatchObject({ kind: "commented", subject: { kind: "comment" } });
  expect(await client.social.getComment(own).get({ refresh: true })).toMatchObject({ replyCount: 2 });
  expect(await world.admin.admin.posts.show.query({ postId: post })).toMatchObject({
    reportCount: 1,
    reports: [{ userId: studentIn(client), reason: "Sells essays" }],
  });
});

test("nobody withdraws from an offer that she has not seen", async () => {
  const { app, world } = await createScene();
  const { client } = app;
  const { applications } = client;
  const draft = await applications.create(await someCourse(app), {});
  await complete(client, draft);
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

test("a phone is told of messages as whoever is signed in on it, and as nobody once it is forgotten", async () => {
  const { friend, world } = await createScene();
  const app = await createApp(world);
  const { client } = app;
  const token = "ExponentPushToken[of-this-phone]";
  const toldOf = async (text: string, listener: string): Promise<number> => {
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
  expect(await toldOf("To the first", ada)).toBe(1);
  const again = await app.restart();
  await again.client.push.register(token, { provider: "expo" });
  await again.client.sync.flush();
  expect(registrations(again)).toBe(0);

  await again.client.auth.signOut();
  await again.signIn();
  await until(() => registrations(again) === 1);
  await again.client.sync.flush();
  expect(await toldOf("To the first", ada)).toBe(0);
  expect(await toldOf("To the second", studentIn(again.client))).toBe(1);
  again.setOnline(false);
  await again.client.push.unregister();
  again.setOnline(true);
  await again.client.sync.flush();
  expect(await toldOf("To nobody", studentIn(again.client))).toBe(0);
  await again.signIn(first);
  await again.client.sync.flush();
  expect(await toldOf("To nobody", ada)).toBe(0);
});

/** Of messages, not of what a student is told besides. */
const NOT_PUSHED = "select 1 from push_events union all select 1 from push_deliveries";

test("what is heard of twice is fetched once", async () => {
  const scene = await createScene();
  const { friend, app } = scene;
  const feed = watched(app.client.social.feed);
  await until(() => feed() !== undefined);
  await app.client.social.post({ text: "One" });
  await until(() => feed()?.items[0]?.isPending === false);
  const room = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  await until(() => app.client.chat.rooms().length === 1);
  const fetches = () => app.requests.filter((url) => url.includes("social.feed")).length;
  const asked = () => app.requests.filter((url) => url.includes("inbox.changes")).length;
  const before = { fetches: fetches(), asked: asked() };

  // Each message is a hint, and each answer names the area again: it changed less than ten seconds ago.
  for (let count = 1; count <= 3; count += 1) {
    await friend.send(room.id, `Message ${count}`);
    scene.world.clock.advance({ seconds: 1 });
    await until(() => app.client.chat.rooms()[0]?.preview === `Message ${count}`);
  }

  expect(asked()).toBeGreaterThan(before.asked);
  expect(fetches()).toBe(before.fetches);
});

test("a feed is read on without gaps or repeats while posts arrive, and its first page offline", async () => {
  const { friend, app } = await createScene();
  for (let count = 1; count <= 45; count += 1) await postBy(friend, `Post ${count}`);
  await app.client.social.follow(friend.id);
  await app.client.sync.flush();
  const { feed } = app.client.social;
  const shown = watched(feed);
  await until(() => shown()?.items.length === 20);

  expect(await feed.loadMore()).toBe(true);
  await postBy(friend, "Post 46");
  expect(await feed.loadMore()).toBe(false);
  // As many as were shown are shown, and no item twice.
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
  const again = await app.restart();
  again.setOnline(false);
  expect(textsOf(await again.client.social.feed.get())).toEqual(expected);
  // What a list has told of is known by itself.
  expect(await again.client.social.get(seventh).get()).toMatchObject({ text: "Post 39" });
});

test("two devices that edit one draft get a conflict that says both, and either resolves it", async () => {
  const scene = await createScene();
  const { app } = scene;
  const other = await createOther(scene);
  const draft = await app.client.applications.create(await someCourse(app), { notes: "Old" });
  await app.client.sync.flush();
  const two = watched<Application>(other.client.applications.one(draft));
  await until(() => two()?.fields.notes === "Old");

  await app.client.applications.get();
  let phone = app;
  for (const whose of ["theirs", "mine"] as const) {
    phone.setOnline(false);
    await phone.client.applications.update(draft, { notes: `By the first, ${whose}`, statement: whose });
    await other.client.applications.update(draft, { notes: `By the other, ${whose}` });
    await other.client.sync.flush();
    phone.setOnline(true);
    const shown = watched<Application>(phone.client.applications.one(draft));
    await hinted(
      scene,
      () => shown()?.conflict !== undefined && shown()?.fields.notes?.includes(whose) === true,
    );

    expect(shown()).toMatchObject({
      failure: "conflict",
      conflict: { fields: { notes: { mine: `By the first, ${whose}`, theirs: `By the other, ${whose}` } } },
      fields: { notes: `By the other, ${whose}` },
    });
    expect(Object.keys(shown()?.conflict?.fields ?? {})).toEqual(["notes"]);
    expect(phone.client.sync.status.failed).toBe(1);
    phone = await phone.restart();
    await phone.client.applications.resolve(draft, whose);
    await phone.client.sync.flush();

    const resolved = await other.client.applications.one(draft).get({ refresh: true });
    const notes = whose === "mine" ? "By the first, mine" : "By the other, theirs";
    expect(resolved).toMatchObject({ fields: { notes, statement: whose } });
    const left = await phone.client.applications.one(draft).get();
    expect(left).toMatchObject({ fields: { notes, statement: whose }, isPending: false });
    expect(left.conflict).toBeUndefined();
    expect(phone.client.outbox.list()).toEqual([]);
    await hinted(scene, () => two()?.fields.notes === notes);
  }
});

test("what the server refuses stays with its reason, and is sent again or dropped", async () => {
  const scene = await createScene({ limits: { postCharacters: 100 } });
  const { friend, app } = scene;
  const { client } = app;
  const post = await postBy(friend, "Soon gone");
  await client.social.follow(friend.id);
  await client.sync.flush();
  const feed = watched(client.social.feed);
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
  await hinted(scene, () => feed()?.items.some(({ id }) => id === post) === false);
  expect(feed()?.items).toMatchObject([
    { failure: "limit/reached", isPending: false },
    { id: kept, isPending: false },
  ]);
  for (const { id } of client.outbox.list()) await client.outbox.discard(id);
  expect(feed()?.items).toMatchObject([{ id: kept }]);
});

test("another student on the phone sees nothing of the first, and what waited goes as hers", async () => {
  const { friend, app, phone, world } = await createScene();
  const { client } = app;
  await client.social.post({ text: "Of the first" });
  await client.profile.update({ name: "Ada" });
  await client.applications.create(await someCourse(app), {});
  await client.sync.flush();
  const feed = watched(client.social.feed);
  const applications = watched(client.applications);
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

test("an account is exported, and deleted with what is on the device", async () => {
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

test("a text for which the server has no room is refused at once, and not kept", async () => {
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
