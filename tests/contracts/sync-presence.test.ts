import { MESSAGE_TYPES } from "@edvoyage/protocol";
import { createDecoder, readVarUint } from "lib0/decoding";
import { describe, expect, test } from "vitest";
import { connectRaw, connectStock, until, untilWithin } from "../support/network/sync-client.ts";
import { createSyncScene, STEP_ONE_OF_NOTHING } from "../support/servers/sync-scene.ts";

describe("presence", () => {
  const statesSeenBy = (client: ReturnType<typeof connectStock>) =>
    [...client.provider.awareness.getStates().values()] as {
      user?: { id: string };
      typing?: boolean;
      mood?: string;
    }[];

  test("[SY40] has the identity that the server knows, whatever the client claims", async () => {
    const scene = await createSyncScene("sqlite");
    const [ada, bo] = [scene.student(), scene.student()];
    const [one, other] = [connectStock(ada, scene.name()), connectStock(bo, scene.name())];
    await Promise.all([one.synced(), other.synced()]);

    one.provider.awareness.setLocalState({ typing: true, user: { id: bo.userId, name: "somebody else" } });
    await untilWithin({ clock: scene.clock, within: { seconds: 1 } }, () =>
      statesSeenBy(other).some(({ typing }) => typing),
    );

    expect(statesSeenBy(other).find(({ typing }) => typing)?.user).toEqual({ id: ada.userId });
    one.provider.destroy();
    await untilWithin(
      { clock: scene.clock, within: { seconds: 1 } },
      () => !statesSeenBy(other).some(({ typing }) => typing),
    );
  });

  test("[SY40] cannot be set for another client, nor taken over from one", async () => {
    const scene = await createSyncScene("sqlite");
    const [one, other] = [
      connectStock(scene.student(), scene.name()),
      connectStock(scene.student(), scene.name()),
    ];
    await Promise.all([one.synced(), other.synced()]);
    one.provider.awareness.setLocalState({ mood: "calm" });
    await untilWithin({ clock: scene.clock, within: { seconds: 1 } }, () =>
      statesSeenBy(other).some(({ mood }) => mood === "calm"),
    );
    const seenId =
      [...other.provider.awareness.getStates().keys()].find((id) => id !== other.doc.clientID) ?? 0;

    const rogue = await connectRaw(scene.student(), scene.name());
    const json = Buffer.from(JSON.stringify({ mood: "hijacked" }));
    const varint = (value: number): number[] =>
      value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
    const entry = Buffer.from([1, ...varint(seenId), 200, 1, json.length, ...json]);
    rogue.send(...STEP_ONE_OF_NOTHING);
    rogue.send(1, Buffer.from(varint(entry.length)), entry);
    rogue.send(MESSAGE_TYPES.barrier, 1, 1);
    await until(() => rogue.received.some((frame) => frame[0] === MESSAGE_TYPES.barrier));
    scene.clock.advance({ ms: 400 });

    expect(other.provider.awareness.getStates().get(seenId)).toMatchObject({ mood: "calm" });
  });

  test("[SY41] 200 clients that arrive at once cause at most ten frames each", async () => {
    const scene = await createSyncScene("sqlite");
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => connectRaw(scene.student(), scene.name())),
    );
    for (const client of clients) client.send(...STEP_ONE_OF_NOTHING);
    await until(() => clients.every(({ received }) => received.length >= 1));

    for (const [index, client] of clients.entries()) {
      const json = Buffer.from(JSON.stringify({ name: `student ${index}` }));
      const entry = Buffer.from([1, 200, 1, 1, json.length, ...json]);
      client.send(1, entry.length, entry);
      client.send(MESSAGE_TYPES.barrier, 1, 1);
    }
    const isBarrier = (frame: Buffer): boolean => readVarUint(createDecoder(frame)) === MESSAGE_TYPES.barrier;
    await until(() => clients.every(({ received }) => received.some(isBarrier)));
    scene.clock.advance({ ms: 200 });
    await until(() => clients.every(({ received }) => received.at(-1)?.[0] === MESSAGE_TYPES.awareness));

    const frames = clients.flatMap(({ received }) =>
      received.filter((frame) => frame[0] === MESSAGE_TYPES.awareness),
    );
    expect(frames.length).toBeLessThanOrEqual(2_000);
    expect(frames.length).toBeGreaterThanOrEqual(200);
  });
});
