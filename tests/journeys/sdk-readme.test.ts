import { readFileSync } from "node:fs";
import { createMemoryStorage, isEdVoyageError } from "@edvoyage/client-sdk";
import { expect, test } from "vitest";
import { openRoom } from "../examples/chat.ts";
import { keepFirst } from "../examples/favourites.ts";
import { openClient, signIn } from "../examples/first-steps.ts";
import { describeSync, signOut } from "../examples/offline.ts";
import { createApp } from "../support/app.ts";
import { temporaryFolder } from "../support/databases.ts";
import { somePhone } from "../support/phone.ts";
import { until } from "../support/sync-client.ts";
import { createWorld } from "../support/world.ts";

const README = readFileSync(new URL("../../client-sdk/README.md", import.meta.url), "utf8");

test("the examples of the README are the files that are compiled and run here", () => {
  const blocks = [...README.matchAll(/```tsx? file=(\S+)\n(.*?)```/gs)];

  expect(blocks.map(([, name]) => name)).toEqual([
    "first-steps.ts",
    "browser.ts",
    "react-native.ts",
    "favourites.ts",
    "chat.ts",
    "offline.ts",
    "screens.tsx",
  ]);
  for (const [, name = "", code] of blocks) {
    expect(code).toBe(readFileSync(new URL(`../examples/${name}`, import.meta.url), "utf8"));
  }
  expect(README.match(/```tsx?\n/)).toBeNull();
});

test("a first app signs in, keeps a favourite, chats and signs out", async () => {
  const world = await createWorld();
  await world.server.seedIfEmpty();
  const client = await openClient(world.url, temporaryFolder());
  const asked: (string | undefined)[] = [];

  await signIn(client, somePhone(), async (problem) => {
    asked.push(problem);
    const right = world.sms.at(-1)?.code ?? "";
    return problem === undefined ? `${right.startsWith("1") ? 2 : 1}${right.slice(1)}` : right;
  });
  expect(asked).toEqual([undefined, "otp/incorrect"]);
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

test("an app without a network says what is saved, and asks before it drops anything", async () => {
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
