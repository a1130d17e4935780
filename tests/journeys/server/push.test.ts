import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf } from "../../support/databases/databases.ts";
import { createStudent, openGroup } from "../../support/students/student.ts";
import { connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, somePhone } from "../../support/servers/world.ts";
import {
  createPushScene,
  register,
  count,
  untilAllSent,
  bodies,
  createProvider,
  createHeldProvider,
} from "../../support/students/push-scene.ts";

describe.each(DIALECTS)("a push, on %s", (dialect) => {
  test("tells the other members of a message, and contains its text only if the recipient allows previews", async () => {
    const { world, ada, bo, token, roomId } = await createPushScene(dialect);
    await register(bo);

    await bo.send(roomId, "Secret");
    await untilAllSent(world);
    expect(world.pushes).toEqual([
      {
        token,
        provider: "expo",
        platform: "ios",
        title: "Somebody",
        body: "New message",
        data: { kind: "message", roomId },
        collapseId: roomId,
      },
    ]);

    await ada.rpc.notifications.setPreferences.mutate({ previews: true });
    const { messageId } = await bo.send(roomId, "Helo");
    await untilAllSent(world);
    await bo.rpc.chat.edit.mutate({ roomId, messageId, text: "Hello" });
    await bo.send(roomId, "There");
    await untilAllSent(world);
    expect(bodies(world).slice(1)).toEqual(["Helo", "There"]);
    expect(world.logged()).not.toMatch(/Secret|Hello|ExponentPushToken/);
  });

  test("leaves out messages that were removed or read, or that the student may no longer read", async () => {
    const { provider, sent } = createProvider({ state: "failed", error: "down", retryAfterMs: 60_000 });
    const { world, ada, bo, roomId } = await createPushScene(dialect, { pushProvider: provider });
    await ada.rpc.notifications.setPreferences.mutate({ previews: true });
    await bo.send(roomId, "First");
    await until(() => sent.length === 1);
    await until(
      async () =>
        (await rowsOf(world.databaseUrl, "select 1 from push_deliveries where lease is null")).length === 1,
    );

    const second = await bo.send(roomId, "Second");
    await bo.rpc.chat.remove.mutate({ roomId, messageId: second.messageId });
    world.clock.advance({ seconds: 61 });
    await untilAllSent(world);
    // The room gets one push, with its newest message at that time.
    expect(sent).toEqual(["First", "First"]);

    const third = await bo.send(roomId, "Third");
    await bo.rpc.chat.remove.mutate({ roomId, messageId: third.messageId });
    await untilAllSent(world);
    const group = await openGroup(bo, [ada]);
    await untilAllSent(world);
    const before = sent.length;
    await ada.rpc.notifications.setPreferences.mutate({ kinds: { message: { pushed: false } } });
    await bo.send(roomId, "Unwanted");
    await untilAllSent(world);
    await ada.rpc.notifications.setPreferences.mutate({ kinds: { message: { pushed: true } } });
    await ada.rpc.chat.rooms.leave.mutate({ roomId: group });
    await bo.send(group, "To the others");
    await untilAllSent(world);
    expect(sent.slice(before).filter((body) => /Unwanted|others/.test(body))).toEqual([]);
  });

  test.each(["recipient", "sender"] as const)(
    "reaches nobody while a block of the %s is set",
    async (blocker) => {
      const { world, ada, bo } = await createPushScene(dialect);
      const cy = await createStudent(world);
      const group = await openGroup(cy, [ada, bo]);
      await untilAllSent(world);
      world.pushes.length = 0;
      await (blocker === "recipient" ? ada.blocks(bo) : bo.blocks(ada));

      await bo.send(group, "From the other side of a block");
      await untilAllSent(world);
      expect(world.pushes).toEqual([]);
      await cy.send(group, "From a friend");
      await untilAllSent(world);
      expect(world.pushes).toHaveLength(1);
    },
  );

  test("skips a device that has the room open, but reaches the student's other devices", async () => {
    const { world, ada, bo, token, roomId } = await createPushScene(dialect);
    const tablet = await world.device({ phone: ada.phone }).signIn();
    const tabletToken = await register(tablet);
    const open = connectStock({ url: world.url, token: ada.token }, `room/${roomId}/0`);
    await open.synced();

    await bo.send(roomId, "Hello");
    await untilAllSent(world);
    expect(world.pushes.map((push) => push.token)).toEqual([tabletToken]);

    open.provider.destroy();
    await until(async () => {
      await bo.send(roomId, "And now");
      await untilAllSent(world);
      return world.pushes.some((push) => push.token === token);
    });
  });

  test("follows the preferences of a notification's kind", async () => {
    const { provider, sent } = createProvider();
    const { world, ada, bo } = await createPushScene(dialect, { pushProvider: provider });
    await ada.knows(bo);
    const add = () => bo.rpc.chat.rooms.create.mutate({ kind: "group", memberIds: [ada.id], name: "Group" });

    await add();
    await untilAllSent(world);
    expect(sent).toEqual(["Somebody added you to a group"]);
    await ada.rpc.notifications.setPreferences.mutate({ kinds: { added: { pushed: false } } });
    await add();
    await untilAllSent(world);
    expect(sent).toHaveLength(1);
    expect((await ada.rpc.notifications.recent.query()).items).toHaveLength(2);
  });

  test("carries only the newest message when many were sent while the provider was down", async () => {
    const { provider, sent } = createProvider("throws", "throws");
    const { world, ada, bo, roomId } = await createPushScene(dialect, { pushProvider: provider });
    await ada.rpc.notifications.setPreferences.mutate({ previews: true });

    await bo.send(roomId, "1");
    await until(() => sent.length === 1);
    for (const text of ["2", "3", "4"]) await bo.send(roomId, text);
    await until(async () => (await count(world, "push_events")) === 0);
    expect(await count(world, "push_deliveries")).toBe(1);
    // The waits are 15 and 30 seconds at most, and the queue is read once a second.
    await untilWithin(
      { clock: world.clock, within: { seconds: 15 + 30 + 2 }, step: { seconds: 1 } },
      async () => (await count(world, "push_deliveries")) === 0,
    );
    expect(sent).toEqual(["1", "4", "4"]);
  });

  test("follows for a message that arrives while an earlier one is being sent", async () => {
    const { provider, sent, release } = createHeldProvider();
    const scene = await createPushScene(dialect, { pushProvider: provider });
    const { world, ada, bo, roomId } = scene;
    await ada.rpc.notifications.setPreferences.mutate({ previews: true });
    // On PostgreSQL the second message comes through another server.
    const other = dialect === "postgres" ? await joinWorld(world, { pushProvider: provider }) : world;

    await bo.send(roomId, "First");
    await until(() => sent.length === 1);
    const through = other.rpc({ token: bo.token });
    await through.chat.send.mutate({ roomId, text: "Second", commandId: uuidv7() });
    // The other server notes the message in the delivery that the first one is sending.
    if (other !== world) await until(async () => (await count(world, "push_events")) === 0);
    release();
    await untilWithin({ clock: world.clock, within: { seconds: 2 } }, async () => sent.length === 2);
    await untilAllSent(world);

    expect(sent).toEqual(["First", "Second"]);
  });

  test("needs a token, which is deleted with its session unless the session only expired", async () => {
    const world = await createWorld({ dialect, limits: { sessionsPerUser: 2 } });
    const phone = somePhone();
    const device = world.device({ phone });
    const has = async (token: string) =>
      (await rowsOf(world.databaseUrl, `select 1 from push_tokens where token = '${token}'`)).length === 1;
    const signIn = async (by = world.device({ phone })) => {
      const signedIn = await by.signIn();
      world.clock.advance({ minutes: 3 });
      return { ...signedIn, token: await register(signedIn) };
    };

    const one = await signIn();
    await one.rpc.sessions.logout.mutate();
    expect(await has(one.token)).toBe(false);
    const two = await signIn();
    const three = await signIn();
    await three.rpc.sessions.revoke.mutate({ sessionId: two.session.id });
    expect(await has(two.token)).toBe(false);
    const four = await signIn();
    const five = await signIn();
    expect([await has(three.token), await has(four.token)]).toEqual([false, true]);
    await five.rpc.sessions.revokeOthers.mutate();
    expect([await has(four.token), await has(five.token)]).toEqual([false, true]);
    await world.admin.admin.sessions.revoke.mutate({ sessionId: five.session.id });
    expect(await has(five.token)).toBe(false);

    const six = await signIn(device);
    const seven = await signIn(device);
    expect([await has(six.token), await has(seven.token)]).toEqual([false, true]);
    world.clock.advance({ hours: 25 });
    await expectRefusal(seven.rpc.sessions.validate.query(), "session/expired");
    expect(await has(seven.token)).toBe(true);
    // Another student signs in on the same device.
    await world.device({ deviceId: device.deviceId }).signIn();
    expect(await has(seven.token)).toBe(false);
  });

  test("uses a token for its latest registrant, and no other student can remove it", async () => {
    const { world, ada, bo, token, roomId } = await createPushScene(dialect);
    await bo.send(roomId, "For Ada");
    await untilAllSent(world);

    await register(bo, token);
    expect(await ada.rpc.push.unregister.mutate({ token })).toEqual({ removed: 0 });
    await ada.send(roomId, "For Bo");
    await untilAllSent(world);
    await bo.send(roomId, "For Ada, who has no phone now");
    await untilAllSent(world);
    expect(world.pushes.map((push) => push.token)).toEqual([token, token]);
    expect(await bo.rpc.push.unregister.mutate({ token })).toEqual({ removed: 1 });

    // A device has one token: a new one replaces it.
    await register(ada);
    await register(ada);
    expect(await count(world, "push_tokens")).toBe(1);
    const invalidTokens = ["", "ExponentPushToken[]", "x", "ExponentPushToken[a]\n", "\0"];
    for (const invalid of invalidTokens) await expectRefusal(register(ada, invalid), "input/invalid");
  });
});
