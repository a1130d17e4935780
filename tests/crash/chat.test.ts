import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRpcClient, refusalOf } from "@edvoyage/client-sdk/rpc";
import { describe, expect, onTestFinished, test } from "vitest";
import { v7 } from "uuid";
import { readRoom, runKills } from "../soak/kills.ts";
import { DIALECTS, serverDatabase, temporaryFolder } from "../support/databases/databases.ts";
import { withKillMoments } from "../support/kill-moments.ts";
import { startServerProcess } from "../support/servers/server-process.ts";
import { mountSmallDisk } from "../support/disks/small-disk.ts";
import { createWorld } from "../support/servers/world.ts";
import { roundsOf } from "../support/scale.ts";

const KILLS = roundsOf({ quick: 3, whole: 20 });
/** A page of the room must be small compared to the disk. */
const DISK_BYTES = 24 * 1024 * 1024;

describe.each(DIALECTS)("kill -9 under load, on %s", (dialect) => {
  test(
    `[SY17] no acknowledged message is lost, doubled or misplaced in ${KILLS} kills`,
    () =>
      withKillMoments(async (moments) => {
        const dataDir = temporaryFolder();
        const databaseUrl = await serverDatabase(dialect);

        const report = await runKills({
          start: () => startServerProcess(dataDir, { EDVOYAGE_DATABASE_URL: databaseUrl }),
          rounds: KILLS,
          moments,
        });

        process.stdout.write(
          `kill -9 on ${dialect} with seed ${moments.seed}: ${report.kills} kills, ${report.acknowledged} acknowledged, ` +
            `${report.lost} lost, ready after ${report.readyAfterMs.median} ms (longest ${report.readyAfterMs.longest})\n`,
        );
        expect(report).toMatchObject({ lost: 0, twice: 0, misplaced: 0 });
        expect(report.acknowledged).toBeGreaterThan(KILLS);
        expect([...moments.chosen.keys()]).toEqual(Array.from({ length: KILLS }, (_, kill) => kill));
      }),
    180_000,
  );
});

test("[SY17] a full disk during group commits loses no acknowledged message, reads continue, and writes work again once there is space", async (context) => {
  const mounted = mountSmallDisk(DISK_BYTES);
  if (!mounted) {
    process.stdout.write("NOT RUN: a full disk. Mounting a small one needs root.\n");
    return context.skip("mounting a small disk needs root");
  }
  onTestFinished(mounted.unmount);
  const disk = mounted.folder;
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(DISK_BYTES / 2));
  const world = await createWorld({
    environment: { EDVOYAGE_DATABASE_URL: `sqlite:${disk}/edvoyage.sqlite` },
    limits: { writeBurst: 1_000_000, messageBurst: 1_000_000 },
  });
  const { token } = await world.device().signIn();
  const rpc = createRpcClient({ url: world.url, token: () => token });
  const room = await rpc.chat.rooms.create.mutate({
    kind: "group",
    name: "Full",
    memberIds: [],
    commandId: v7(),
  });
  const text = "x".repeat(3_900);
  const acknowledged: string[] = [];
  const send = async (commandId: string): Promise<string | undefined> => {
    try {
      acknowledged.push((await rpc.chat.send.mutate({ roomId: room.id, text, commandId })).messageId);
      return undefined;
    } catch (error) {
      return refusalOf(error)?.reason ?? expect.fail(String(error));
    }
  };

  const refused: string[] = [];
  while (refused.length === 0) {
    const ids = Array.from({ length: 50 }, () => v7());
    const reasons = await Promise.all(ids.map(send));
    for (const [index, reason] of reasons.entries()) {
      if (reason === undefined) continue;
      expect(reason).toBe("storage/full");
      refused.push(ids[index] ?? "");
    }
  }

  // A single message may still fit where fifty did not.
  let last: string | undefined;
  while (last === undefined) last = await send(v7());

  expect(last).toBe("storage/full");
  expect((await rpc.chat.history.query({ roomId: room.id, limit: 1 })).items).toHaveLength(1);
  rmSync(ballast);
  for (const commandId of refused) expect(await send(commandId)).toBeUndefined();
  const found = (await readRoom(rpc, room.id)).map(({ id }) => id);
  expect(found.sort()).toEqual(acknowledged.sort());
});
