import type { PushProvider } from "@edvoyage/server/app";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { openGroup } from "../../support/students/student.ts";
import { until, untilWithin } from "../../support/network/sync-client.ts";
import { joinWorld } from "../../support/servers/world.ts";
import { createPushScene, count, untilAllSent, createProvider } from "../../support/students/push-scene.ts";

describe.each(DIALECTS)("a push, on %s", (dialect) => {
  test("ends after ten failed attempts, and stays visible to admins for 30 days", async () => {
    const { provider, sent } = createProvider(...Array.from({ length: 10 }, () => "throws" as const));
    const { world, ada, bo, roomId } = await createPushScene(dialect, { pushProvider: provider });

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
    const { world, bo, roomId } = await createPushScene(dialect, { pushProvider: provider });

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
    const { world, bo, roomId } = await createPushScene(dialect, { pushProvider: heldProvider });
    await bo.send(roomId, "Hello");
    await until(() => sent.length === 1);
    release();
    const restarted = await world.restart();
    expect(await count(restarted, "push_deliveries")).toBe(1);

    restarted.clock.advance({ seconds: 16 });
    await until(() => sent.length === 2);
  });
});

test.runIf(DIALECTS.includes("postgres"))("two nodes push each message once", async () => {
  const { world, bo, ada } = await createPushScene("postgres");
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
    const { world, bo, roomId } = await createPushScene("postgres", { pushProvider: dying });
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
