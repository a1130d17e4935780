import { readdirSync, readFileSync } from "node:fs";
import { createMemoryStorage, isEdVoyageError, type Post } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { leaveForGood } from "../../examples/account.ts";
import { apply, settleConflict } from "../../examples/applications.ts";
import { openFeed } from "../../examples/cavity.ts";
import { showRoom } from "../../examples/chat-room.ts";
import { openRoom } from "../../examples/chat.ts";
import { openCoreClient } from "../../examples/core.ts";
import { keepFirst } from "../../examples/favourites.ts";
import { openClient, signIn } from "../../examples/first-steps.ts";
import { describeSync, signOut } from "../../examples/offline.ts";
import { createApp } from "../../support/apps/app.ts";
import { temporaryFolder } from "../../support/databases/databases.ts";
import { somePhone } from "../../support/students/phone.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld } from "../../support/servers/world.ts";

const SDK = new URL("../../../client-sdk/", import.meta.url);
const EXAMPLES = new URL("../../examples/", import.meta.url);

test("every TypeScript block of the SDK's pages is an example that is compiled and run, and every example is on a page", () => {
  const pages = ["README.md", ...readdirSync(new URL("docs/", SDK)).map((name) => `docs/${name}`)];
  const blocks = pages.flatMap((page) => {
    const text = readFileSync(new URL(page, SDK), "utf8");
    return [
      ...text.matchAll(/```(?:ts|tsx|js|jsx|typescript|javascript)\b(?: file=(\S+))?.*\n([^]*?)```/g),
    ].map(([, name = "", code]) => ({ page, name, code }));
  });

  for (const { page, name, code } of blocks) {
    expect(name, `${page} has a block without a file`).not.toBe("");
    expect(code, `${name} on ${page}`).toBe(readFileSync(new URL(name, EXAMPLES), "utf8"));
  }
  expect(blocks.map(({ name }) => name).sort()).toEqual(
    readdirSync(EXAMPLES)
      .filter((name) => !name.endsWith(".d.ts"))
      .sort(),
  );
});

test("the README's first app signs in, keeps a favourite, chats and signs out", async () => {
  const world = await createWorld();
  await world.server.seedIfEmpty();
  const client = await openClient(world.url, temporaryFolder());
  const problems: (string | undefined)[] = [];

  await signIn(client, somePhone(), async (problem) => {
    problems.push(problem);
    const right = world.sms.at(-1)?.code ?? "";
    return problem === undefined ? `${right.startsWith("1") ? 2 : 1}${right.slice(1)}` : right;
  });
  expect(problems).toEqual([undefined, "otp/incorrect"]);
  expect(client.auth.state).toBe("signedIn");

  expect(await keepFirst(client, "lisbo")).toMatch(/is now a favourite; there are 1\.$/);
  const shown: string[][] = [];
  const room = await openRoom(client, (messages) =>
    shown.push(messages.map(({ text, state }) => `${text} ${state}`)),
  );
  await room.send("Hello");
  await until(() => shown.at(-1)?.[0] === "Hello acked");
  room.stop();
  await until(() => describeSync(client) === "Saved");
  await signOut(client, async () => expect.fail("nothing is left"));

  expect(client.auth.state).toBe("signedOut");
  await client.close();
});

test("the README's core client has the features that it names, and sends what they queue", async () => {
  const world = await createWorld();
  const client = await openCoreClient(world.url, temporaryFolder());
  await client.push.register("a-token", { provider: "fcm" });
  await client.auth.requestCode(somePhone());
  await client.auth.verifyCode(world.sms.at(-1)?.code ?? "");

  const { settled } = await client.contacts.addByNumber(somePhone(), { nickname: "Bo" });
  await settled;
  await until(() => client.outbox.list().length === 0);

  expect((await client.contacts.list()).items.map(({ nickname }) => nickname)).toEqual(["Bo"]);
  await expect(client.contacts.addByNumber(somePhone(), { nickname: " " })).rejects.toMatchObject({
    reason: "input/invalid",
  });
  expect(client.notifications.unread).toBe(0);
  await client.close();
});

test("the README's offline example reports what is saved, and asks before it discards anything", async () => {
  const world = await createWorld();
  const app = await createApp(world, { storage: createMemoryStorage() });
  await app.signIn();
  const { id } = await app.client.chat.createRoom({ kind: "group", memberIds: [] });
  app.setOnline(false);
  await app.client.chat.room(id).send("later");
  expect(describeSync(app.client)).toBe("Saved on this phone; 1 to send");

  let isAsked = false;
  const leaving = signOut(app.client, async () => (isAsked = true));
  await Promise.resolve();
  app.clock.advance({ seconds: 10 });
  await leaving;

  expect(isAsked).toBe(true);
  expect(app.client.auth.state).toBe("signedOut");
  await expect(app.client.chat.room(id).send("never")).rejects.toSatisfy(
    (error) => isEdVoyageError(error) && error.reason === "signed-out",
  );
});

test("the chat page's example shows waiting and rejected messages, and sends a rejected one again", async () => {
  const world = await createWorld({ limits: { messageCharacters: 10 } });
  const app = await createApp(world);
  await app.signIn();
  const room = await app.client.chat.createRoom({ kind: "group", memberIds: [] });
  let shown: readonly string[] = [];
  const screen = showRoom(app.client, room.id, (lines) => (shown = lines));
  await until(() => room.isLoaded);

  app.setOnline(false);
  await room.send("Hello");
  expect(shown).toEqual(["Hello …"]);
  app.setOnline(true);
  await until(() => shown[0] === "Hello");
  await screen.markRead();
  expect(await screen.loadOlder()).toBe(false);
  screen.keyPressed();

  const refused = "Longer than ten characters (not sent: limit/reached)";
  const { id } = await room.send("Longer than ten characters");
  await until(() => shown[1] === refused);
  const rejected = () => room.messages.find((message) => message.id === id) ?? expect.fail("is not shown");
  await screen.sendAgain(rejected());
  expect(shown[1]).toBe("Longer than ten characters …");
  await until(() => shown[1] === refused);
  await screen.discard(rejected());
  screen.stop();

  expect(shown).toEqual(["Hello"]);
});

test("the README's examples post, like, apply, settle a conflict and delete the account", async () => {
  const world = await createWorld();
  await world.server.seedIfEmpty();
  const app = await createApp(world);
  const phone = await app.signIn();
  const { client } = app;
  let shown: readonly Post[] = [];
  const feed = openFeed(client, (posts) => (shown = posts));
  await feed.post("Hello, Cavity");
  await until(() => shown[0]?.isPending === false);
  await feed.toggleLike(shown[0] ?? expect.fail("nothing is shown"));
  await until(() => shown[0]?.liked === true && !shown[0].isPending);
  expect(await feed.loadMore()).toBe(false);
  feed.stop();

  const [course] = (await client.courses.list({})).items;
  const id = await apply(client, course?.id ?? "");
  await client.sync.flush();
  await client.applications.get();
  app.setOnline(false);
  await client.applications.update(id, { notes: "On this phone" });
  const { rpc } = await world.device({ phone }).signIn();
  await rpc.applications.update.mutate({ applicationId: id, changes: { notes: "On another" } });
  app.setOnline(true);
  await until(() => client.sync.status.failed === 1);
  await settleConflict(client, id, async (field, texts) => {
    expect([field, texts]).toEqual(["notes", { mine: "On this phone", theirs: "On another" }]);
    return "mine";
  });
  await client.sync.flush();
  expect((await rpc.applications.get.query({ applicationId: id })).fields.notes).toBe("On this phone");

  world.clock.advance({ minutes: 6 });
  await leaveForGood(client, () => app.signIn(phone).then(() => {}));
  expect(client.auth.state).toBe("signedOut");
});
