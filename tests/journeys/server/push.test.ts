import { randomBytes } from "node:crypto";
import type { PushOutcome, PushProvider } from "@edvoyage/server/app";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS, rowsOf, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup, type Student } from "../../support/students/student.ts";
import { connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import {
  createWorld,
  expectRefusal,
  joinWorld,
  somePhone,
  type World,
  type WorldOptions,
} from "../../support/servers/world.ts";

const someToken = () => `ExponentPushToken[${randomBytes(16).toString("hex")}]`;

/** Registers a student's phone for pushes; returns its token. */
const register = async ({ rpc }: Pick<Student, "rpc">, token = someToken()) => {
  await rpc.push.register.mutate({ provider: "expo", token, platform: "ios" });
  return token;
};

const createScene = async (dialect: TestDialect, options: WorldOptions = {}) => {
  const world = await createWorld({ dialect, ...options });
  const [ada, bo] = [await createStudent(world), await createStudent(world)];
  const token = await register(ada);
  return { world, ada, bo, token, roomId: await openDirect(ada, bo) };
};

const count = async ({ databaseUrl }: World, table: string): Promise<number> =>
  (await rowsOf(databaseUrl, `select 1 from ${table}`)).length;

/** Waits until no push is left to send. */
const untilAllSent = (world: World) =>
  until(async () => (await count(world, "push_events")) + (await count(world, "push_deliveries")) === 0);

const bodies = ({ pushes }: World) => pushes.map(({ body }) => body);

/** A provider that takes one outcome after another, one per message; `sent` holds the bodies it received. */
const createProvider = (...outcomes: (PushOutcome | "throws")[]) => {
  const sent: string[] = [];
  const provider: PushProvider = {
    name: "expo",
    batchSize: 100,
    serves: ["expo"],
    send: async (messages) =>
      messages.map(({ body }) => {
        const outcome = outcomes.shift() ?? { state: "taken" };
        sent.push(body);
        if (outcome === "throws") throw new Error("unknown outcome");
        return outcome;
      }),
  };
  return { provider, sent };
};

/** A provider that answers nothing before `release()`, and takes every message. */
const createHeldProvider = () => {
  const sent: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const provider: PushProvider = {
    name: "expo",
    batchSize: 100,
    serves: ["expo"],
    send: async (messages) => {
      for (const { body } of messages) sent.push(body);
      await released;
      return messages.map(() => ({ state: "taken" }));
    },
  };
  return { provider, sent, release };
};

describe.each(DIALECTS)("a push, on %s", (dialect) => {
  test("tells the other members of a message, and contains its text only if the recipient allows previews", async () => {
    const { world, ada, bo, token, roomId } = await createScene(dialect);
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
    const { world, ada, bo, roomId } = await createScene(dialect, { pushProvider: provider });
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
      const { world, ada, bo } = await createScene(dialect);
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
    const { world, ada, bo, token, roomId } = await createScene(dialect);
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
    const { world, ada, bo } = await createScene(dialect, { pushProvider: provider });
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
    const { world, ada, bo, roomId } = await createScene(dialect, { pushProvider: provider });
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
    const scene = await createScene(dialect, { pushProvider: provider });
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

  test("ends after ten failed attempts, and stays visible to admins for 30 days", async () => {
    const { provider, sent } = createProvider(...Array.from({ length: 10 }, () => "throws" as const));
    const { world, ada, bo, roomId } = await createScene(dialect, { pushProvider: provider });

    await bo.send(roomId, "Hello");
    // The nine waits double from 15 seconds to 30 minutes: 92 minutes together, and up to one step more each.
    await untilWithin(
      { clock: world.clock, within: { minutes: 92 + 9 * 5 }, step: { minutes: 5 } },
      async () => (await count(world, "push_dead_letters")) === 1,
    );

    expect(sent).toHaveLength(10);
    const { items } = await world.admin.admin.push.list.query();
    expect(items).toMatchObject([
      { userId: ada.id, provider: "expo", kind: "message", attempts: 10, error: "unknown" },
    ]);
    world.clock.advance({ days: 31 });
    await until(async () => (await count(world, "push_dead_letters")) === 0);
  });

  test("has no second attempt after a refusal, and drops a token that the provider calls dead", async () => {
    const { provider, sent } = createProvider(
      { state: "refused", error: "MessageTooBig" },
      { state: "gone" },
    );
    const { world, bo, roomId } = await createScene(dialect, { pushProvider: provider });

    await bo.send(roomId, "Refused");
    await untilAllSent(world);
    expect(await count(world, "push_dead_letters")).toBe(1);
    await bo.send(roomId, "Gone");
    await until(async () => (await count(world, "push_tokens")) === 0);
    await bo.send(roomId, "To nobody");

    expect(sent).toHaveLength(2);
    expect(await count(world, "push_events")).toBe(0);
  });

  test("starts again after a restart that interrupted it", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const sent: string[] = [];
    const heldProvider: PushProvider = {
      ...createProvider().provider,
      send: async (messages) => {
        sent.push(...messages.map(({ body }) => body));
        await held;
        return messages.map(() => ({ state: "failed", error: "stopped" }));
      },
    };
    const { world, bo, roomId } = await createScene(dialect, { pushProvider: heldProvider });
    await bo.send(roomId, "Hello");
    await until(() => sent.length === 1);
    release();
    const restarted = await world.restart();
    expect(await count(restarted, "push_deliveries")).toBe(1);

    restarted.clock.advance({ seconds: 16 });
    await until(() => sent.length === 2);
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
    const { world, ada, bo, token, roomId } = await createScene(dialect);
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

test.runIf(DIALECTS.includes("postgres"))("two nodes push each message once", async () => {
  const { world, bo, ada } = await createScene("postgres");
  const other = await joinWorld(world);
  const boOnOther = { ...bo, rpc: other.rpc({ token: bo.token }) };
  const groups: string[] = [];
  for (let index = 0; index < 12; index += 1) groups.push(await openGroup(bo, [ada]));
  await untilAllSent(world);
  world.pushes.length = 0;

  await Promise.all(
    groups.map((roomId, index) => {
      const text = String(index);
      const commandId = uuidv7();
      return index % 2 ? bo.send(roomId, text) : boOnOther.rpc.chat.send.mutate({ roomId, text, commandId });
    }),
  );
  await untilAllSent(world);

  const rooms = world.pushes.map(({ collapseId }) => collapseId);
  expect(rooms.sort()).toEqual(groups.sort());
});

test.runIf(DIALECTS.includes("postgres"))(
  "a push that a dying node has begun is sent by another node after the lease",
  async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const sentByDying: string[] = [];
    const dying: PushProvider = {
      ...createProvider().provider,
      send: async (messages) => {
        sentByDying.push(...messages.map(({ body }) => body));
        await held;
        return messages.map(() => ({ state: "refused", error: "too late" }));
      },
    };
    const { world, bo, roomId } = await createScene("postgres", { pushProvider: dying });
    await bo.send(roomId, "Hello");
    await until(() => sentByDying.length === 1);
    const { provider, sent } = createProvider();
    const other = await joinWorld(world, { pushProvider: provider });
    const tick = () => other.clock.advance({ seconds: 1 });

    tick();
    expect(await count(world, "push_deliveries")).toBe(1);
    expect(sent).toEqual([]);
    other.clock.advance({ minutes: 2 });
    await until(() => sent.length === 1);
    await untilAllSent(world);
    release();
    await world.stop();

    expect(sentByDying).toHaveLength(1);
    // The lease had expired, so the dying node could not give the push up.
    expect(await count(other, "push_dead_letters")).toBe(0);
  },
);
