import type { Application } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { COMPLETE_FIELDS } from "../../support/students/application.ts";
import { until } from "../../support/network/sync-client.ts";
import {
  createAreaScene,
  someCourse,
  createOther,
  postBy,
  textsOf,
  studentIn,
  untilHinted,
  latestOf,
  completeApplication,
} from "../../support/apps/area-scene.ts";

test("a day offline loses nothing: posts, likes, comments, follows, a profile and an application arrive once and in order", async () => {
  const scene = await createAreaScene();
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
  for (let count = 1; count <= 5; count += 1) written.push((await social.post({ text: `Post ${count}` })).id);
  await social.like(liked);
  await social.like(written[0] ?? "");
  const { id: comment } = await social.comment(liked, { text: "I did" });
  await social.comment(liked, { text: "And again", parentId: comment });
  await social.editPost(written[4] ?? "", { text: "Post 5, better" });
  await social.removePost(written[3] ?? "");
  await profile.update({ name: "Ada", homeCountry: "PT" });
  await profile.update({ bio: "Two lines\nof me" });
  await app.client.contacts.add(friend.id, { nickname: "Bo" });
  const { id: draft } = await applications.create(course, { notes: "First" });
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
  expect(restarted.client.sync.status).toMatchObject({ pending: 20, failed: 0 });
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
  const scene = await createAreaScene();
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

  const { id: post } = await client.social.post({ text: "From the first" });
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
  const { id: draft } = await client.applications.create(await someCourse(app), {});
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

test("marking all notifications as read offline marks those that the device knew of, and none that came later", async () => {
  const scene = await createAreaScene();
  const { world, friend, app } = scene;
  const { client } = app;
  const { id: seen } = await client.social.post({ text: "Seen" });
  const { id: missed } = await client.social.post({ text: "Missed" });
  await client.sync.flush();
  await friend.rpc.social.like.mutate({ postId: seen });
  await untilHinted(scene, () => client.notifications.unread === 1);
  await client.notifications.get({ refresh: true });

  app.setOnline(false);
  await client.notifications.markRead("all");
  world.clock.advance({ minutes: 5 });
  await friend.rpc.social.like.mutate({ postId: missed });
  expect(client.notifications.unread).toBe(0);
  const restarted = await app.restart();
  await restarted.client.sync.flush();

  const { items } = await restarted.client.notifications.get({ refresh: true });
  expect(items.map(({ subject, readAt }) => [subject.id, readAt !== null])).toEqual([
    [missed, false],
    [seen, true],
  ]);
  await untilHinted(scene, () => restarted.client.notifications.unread === 1);
});

test("marking more than 100 notifications as read takes several commands, and marking none takes no command", async () => {
  const { app } = await createAreaScene();
  const { notifications, outbox, sync } = app.client;
  app.setOnline(false);

  await notifications.markRead([]);
  await notifications.markRead(Array.from({ length: 250 }, (_, number) => `unknown-${number}`));

  // Nobody waits for a mark, so it is not shown as something to send.
  expect(outbox.list()).toEqual([]);
  const before = app.requests.length;
  app.setOnline(true);
  await sync.flush();
  expect(app.requests.slice(before).filter((url) => url.includes("notifications.markRead"))).toHaveLength(3);
  expect(sync.status).toMatchObject({ pending: 0, failed: 0 });
});

test("everything undone or removed on one device disappears from the other without a request from the app", async () => {
  const scene = await createAreaScene();
  const { friend, app } = scene;
  const other = await createOther(scene);
  const { social, contacts, applications, profile } = app.client;
  const [friendPost, ownPost] = [
    await postBy(friend, "By a friend"),
    (await social.post({ text: "First words" })).id,
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
  const { id: comment } = await social.comment(friendPost, { text: "Said" });
  const { id: reply } = await social.comment(friendPost, { text: "And more", parentId: comment });
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

  const { id: draft } = await applications.create(await someCourse(app), {});
  await completeApplication(app.client, draft);
  const { id: document } = await applications.addDocument(draft, { kind: "cv", name: "cv.pdf" });
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

test("a change that several hints announce is fetched once", async () => {
  const scene = await createAreaScene();
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
  const { friend, app } = await createAreaScene();
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
