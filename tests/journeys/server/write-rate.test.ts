import { describe, expect, test } from "vitest";
import { v7 as uuidv7 } from "uuid";
import { createApp } from "../../support/apps/app.ts";
import { DIALECTS } from "../../support/databases/databases.ts";
import type { Span } from "../../support/fakes/fake-clock.ts";
import { textsAt } from "../../support/students/room-texts.ts";
import { createStudent, openDirect } from "../../support/students/student.ts";
import { untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal } from "../../support/servers/world.ts";

describe.each(DIALECTS)("the write rate of a student, on %s", (dialect) => {
  test("refuses every write above it with a time to retry, but no other student's", async () => {
    const world = await createWorld({ dialect, limits: { writeBurst: 5, writesPerSecond: 1 } });
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const { profile, contacts, notifications, favourites, push, account } = ada.rpc;
    for (let index = 0; index < 5; index += 1) await profile.update.mutate({ name: `${index}` });

    const wait = { retryAfterSeconds: 1 };
    await expectRefusal(profile.update.mutate({ name: "Six" }), "rate/limited", wait);
    await expectRefusal(contacts.add.mutate({ userId: bo.id }), "rate/limited", wait);
    await expectRefusal(notifications.markRead.mutate({ all: true }), "rate/limited", wait);
    await expectRefusal(favourites.remove.mutate({ kind: "course", id: uuidv7() }), "rate/limited", wait);
    await expectRefusal(push.unregister.mutate({ token: "a-token" }), "rate/limited", wait);
    await expectRefusal(account.export.query(), "rate/limited", wait);
    const response = await fetch(`${world.url}/trpc/profile.update`, {
      method: "POST",
      headers: { authorization: `Bearer ${ada.token}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "Six" }),
    });
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");

    expect(await profile.get.query()).toMatchObject({ name: "4" });
    expect(await bo.rpc.profile.update.mutate({ name: "Bo" })).toMatchObject({ name: "Bo" });
    world.clock.advance({ seconds: 1 });
    expect(await profile.update.mutate({ name: "Six" })).toMatchObject({ name: "Six" });
    await expectRefusal(profile.update.mutate({ name: "Seven" }), "rate/limited", wait);
  });

  test("[SI40] covers all sessions of the student, but never stops one session from ending another", async () => {
    const world = await createWorld({ dialect, limits: { writeBurst: 3, writesPerSecond: 1 } });
    const { token, phone, rpc } = await createStudent(world);
    const thief = await createStudent(world, { phone });
    for (let index = 0; index < 3; index += 1) await thief.rpc.profile.update.mutate({ name: `${index}` });
    await expectRefusal(rpc.profile.update.mutate({ name: "Mine" }), "rate/limited");

    expect(await rpc.sessions.revokeOthers.mutate()).toEqual({ ended: 1 });

    await expectRefusal(thief.rpc.profile.get.query(), "session/revoked");
    await expectRefusal(rpc.sessions.revoke.mutate({ sessionId: uuidv7() }), "not-found");
    expect(await rpc.sessions.logout.mutate()).toEqual({ ended: 1 });
    await expectRefusal(world.rpc({ token }).profile.get.query(), "session/revoked");
  });
});

test("a day offline with 1,000 messages and 400 other commands is accepted at once by default, and again two minutes later", async () => {
  const world = await createWorld();
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const roomId = await openDirect(ada, bo);
  const day = async (): Promise<void> => {
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all([
        ...Array.from({ length: 50 }, (_, index) => ada.send(roomId, `${batch}/${index}`)),
        ...Array.from({ length: 20 }, (_, index) =>
          ada.rpc.profile.update.mutate({ bio: `${batch}/${index}`, commandId: uuidv7() }),
        ),
      ]);
    }
  };

  await day();
  world.clock.advance({ minutes: 2 });
  await day();

  expect(await textsAt(bo, roomId)).toHaveLength(2_000);
});

test("a queue that is longer than the burst waits as long as it is told, and loses nothing", async () => {
  const world = await createWorld({ limits: { writeBurst: 20, writesPerSecond: 5 } });
  const friend = await createStudent(world);
  const app = await createApp(world);
  const phone = await app.signIn();
  const { id: roomId } = await app.client.chat.createRoom({ kind: "direct", userId: friend.id });
  app.setOnline(false);
  const written = Array.from({ length: 60 }, (_, index) => `Message ${index}`);
  for (const text of written) await app.client.chat.room(roomId).send(text);
  for (let index = 0; index < 20; index += 1) await app.client.profile.update({ bio: `Bio ${index}` });

  const startedAt = app.clock.now();
  app.setOnline(true);
  const clock = {
    advance: (span: Span) => {
      for (const each of [world, app]) each.clock.advance(span);
    },
  };
  // The 60 calls past the burst take 12 seconds at this rate.
  await untilWithin(
    { clock, within: { seconds: 30 }, step: { ms: 50 } },
    () => app.client.sync.status.pending === 0,
  );

  const seconds = (app.clock.now() - startedAt) / 1_000;
  const refusals = app.requests.filter((url) => /chat\.send|profile\.update/.test(url)).length - 80;
  expect(app.client.sync.status.failed).toBe(0);
  expect(refusals).toBeGreaterThan(0);
  // There are two lanes, each with a second between two attempts.
  expect(refusals).toBeLessThanOrEqual(2 * (seconds + 1));
  expect(await textsAt(friend, roomId)).toEqual(written);
  const sameStudent = await createStudent(world, { phone });
  expect(await sameStudent.rpc.profile.get.query()).toMatchObject({ bio: "Bio 19" });
});
