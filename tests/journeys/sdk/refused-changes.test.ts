import type { Application } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
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
} from "../../support/apps/area-scene.ts";

test("devices that edit one draft get a conflict with both values, and either value resolves it", async () => {
  const scene = await createAreaScene();
  const { app } = scene;
  const other = await createOther(scene);
  const { id: draft } = await app.client.applications.create(await someCourse(app), { notes: "Old" });
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
      fields: { notes: `By the other, ${choice}`, statement: choice },
    });
    expect(Object.keys(shown()?.conflict?.fields ?? {})).toEqual(["notes"]);
    expect(phone.client.sync.status.failed).toBe(1);
    phone = await phone.restart();
    const { settled } = await phone.client.applications.resolve(draft, choice);
    expect(await settled).toMatchObject({ id: draft });

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

/** A draft on two devices. Both have edited its notes, and the first has also typed a statement and chosen a study mode. */
const createConflictScene = async () => {
  const scene = await createAreaScene();
  const { app } = scene;
  const { applications, sync } = app.client;
  const other = await createOther(scene);
  const { id: draft } = await applications.create(await someCourse(app), {
    notes: "Old",
    statement: "Draft",
  });
  await sync.flush();
  await applications.get();
  app.setOnline(false);
  await applications.update(draft, { notes: "Mine", statement: "Typed", studyMode: "part-time" });
  await other.client.applications.update(draft, { notes: "Theirs" });
  await other.client.sync.flush();
  app.setOnline(true);
  const shown = latestOf<Application>(applications.one(draft));
  await untilHinted(scene, () => shown()?.conflict !== undefined && shown()?.fields.notes === "Theirs");
  const onServer = async () => (await other.client.applications.one(draft).get({ refresh: true })).fields;
  return { scene, app, draft, shown, onServer };
};

test("fields that did not conflict stay as they were typed, also after a restart, and can be edited again", async () => {
  const { scene, app, draft, shown, onServer } = await createConflictScene();

  expect(shown()?.fields).toMatchObject({ notes: "Theirs", statement: "Typed", studyMode: "part-time" });
  const restarted = await app.restart();
  const { applications, sync, outbox } = restarted.client;
  expect((await applications.one(draft).get()).fields).toMatchObject({ statement: "Typed" });
  await applications.update(draft, { statement: "Typed again" });
  await applications.update(draft, { statement: "Typed thrice" });
  await sync.flush();

  expect(outbox.list()).toMatchObject([{ state: "failed", reason: "conflict" }]);
  expect(await onServer()).toMatchObject({ notes: "Theirs", statement: "Typed thrice", studyMode: null });
  const later = latestOf<Application>(applications.one(draft));
  await untilHinted(scene, () => later()?.fields.statement === "Typed thrice");
  expect(later()?.fields).toMatchObject({ notes: "Theirs", studyMode: "part-time" });
});

test.each(["mine", "theirs"] as const)(
  "resolving a conflict as %s writes the fields that did not conflict, except those that were edited again since",
  async (whose) => {
    const { app, draft, onServer } = await createConflictScene();
    const { applications, sync, outbox } = app.client;
    await applications.update(draft, { statement: "Typed again" });

    await applications.resolve(draft, whose);
    await sync.flush();

    expect(outbox.list()).toEqual([]);
    expect(await onServer()).toMatchObject({
      notes: whose === "mine" ? "Mine" : "Theirs",
      statement: "Typed again",
      studyMode: "part-time",
    });
  },
);

test("several conflicts of one application are resolved by one command, whose fate is that of all", async () => {
  const { scene, app, draft, shown } = await createConflictScene();
  const { applications, outbox } = app.client;
  const other = await createOther(scene);
  app.setOnline(false);
  await applications.update(draft, { statement: "Mine too" });
  await other.client.applications.update(draft, { statement: "Theirs too" });
  await other.client.sync.flush();
  app.setOnline(true);
  await untilHinted(scene, () => outbox.list().filter(({ state }) => state === "failed").length === 2);
  await untilHinted(scene, () => shown()?.fields.statement === "Theirs too");
  const before = app.requests.length;

  const { id, settled } = await applications.resolve(draft, "mine");
  const queued = outbox.list().filter(({ procedure }) => procedure === "applications.update");

  expect(queued.map((entry) => entry.id)).toEqual([id]);
  expect(await settled).toMatchObject({ fields: { notes: "Mine", statement: "Mine too" } });
  expect(app.requests.slice(before).filter((url) => url.includes("applications.update"))).toHaveLength(1);
  expect(outbox.list()).toEqual([]);
});

test("a refused change keeps its reason until it is sent again or discarded", async () => {
  const scene = await createAreaScene({ limits: { postCharacters: 100 } });
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
  const { id: kept } = await client.social.post({ text: "Fits" });
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
  const { friend, app, phone, world } = await createAreaScene();
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
  const { app, world } = await createAreaScene();
  const { client } = app;
  await client.social.post({ text: "To be exported" });
  await client.sync.flush();
  expect(await client.account.export()).toMatchObject({ user: { id: studentIn(client) } });

  world.clock.advance({ minutes: 6 });
  await expect(client.account.delete()).rejects.toMatchObject({ reason: "session/not-fresh" });
  expect(client.auth.state).toBe("signedIn");
  world.clock.set({ minutes: -6 });
  app.setOnline(false);
  await expect(client.account.delete()).rejects.toMatchObject({ reason: "offline" });
  app.setOnline(true);
  expect((await client.account.delete()).eraseAt).toBeGreaterThan(world.clock.now());

  expect(client.auth.state).toBe("signedOut");
  expect(await app.storage.list()).toEqual(["device"]);
});

test("a text above the server's limit is refused at once and not stored", async () => {
  const { app } = await createAreaScene();
  const { social, outbox } = app.client;
  const tooLong = (limit: string) => ({ reason: "limit/reached", details: { limit } });
  const { id } = await social.post({ text: "x".repeat(10_000) });

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
