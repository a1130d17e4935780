import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createClient } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { temporaryFolder } from "../support/databases/databases.ts";
import { somePhone } from "../support/students/phone.ts";
import { roundsOf } from "../support/scale.ts";
import { createWorld, type World } from "../support/servers/world.ts";
import type { AppProcessOptions } from "./app-process.ts";

/** How many steps lie between two kills. An odd number meets steps before and after a write. */
const STEPS_BETWEEN_KILLS = roundsOf({ quick: 3, whole: 1 });
const SCRIPT = fileURLToPath(new URL("../dist/crash/app-process.js", import.meta.url));

/** Runs the app until it ends or is killed. Returns the lines that it printed. */
const runApp = async (options: AppProcessOptions): Promise<{ lines: string[]; isKilled: boolean }> => {
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const [code, signal] = await once(child, "close");
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`The app failed:\n${printed}`);
  return { lines: printed.split("\n").filter(Boolean), isKilled: signal === "SIGKILL" };
};

/** Signs in on a phone that stores its data in a folder. */
const signIn = async (world: World, folder: string) => {
  const client = createClient({ url: world.url, storage: createSqliteStorage({ folder }), WebSocket });
  const phone = somePhone();
  await client.ready();
  await client.auth.requestCode(phone);
  await client.auth.verifyCode(world.sms.at(-1)?.code ?? "");
  const room = await client.chat.createRoom({ kind: "group", name: "Killed", memberIds: [] });
  await client.close();
  return { roomId: room.id, phone };
};

/** Returns everything in a room, oldest first, as another device of the student reads it. */
const readAll = async (world: World, { roomId, phone }: { roomId: string; phone: string }) => {
  const { rpc } = await world.device({ phone }).signIn();
  const texts: (string | null)[] = [];
  let before: { segment: number; index: number } | null = null;
  do {
    const page: Awaited<ReturnType<typeof rpc.chat.history.query>> = await rpc.chat.history.query({
      roomId,
      before,
      limit: 100,
    });
    texts.unshift(...page.items.map(({ text }) => text).reverse());
    before = page.nextCursor;
  } while (before);
  return texts;
};

test("an app that is killed at any step of its outbox sends every stored message once and in order", async () => {
  const world = await createWorld();
  const folder = temporaryFolder();
  const { roomId, phone } = await signIn(world, folder);
  const kept: string[] = [];
  const kills: string[] = [];

  for (let killAt = 1; ; killAt += STEPS_BETWEEN_KILLS) {
    const texts = [`${killAt}.1`, `${killAt}.2`];
    const { lines, isKilled } = await runApp({ url: world.url, folder, roomId, texts, killAt });
    for (const line of lines) {
      if (line.startsWith("kept ")) kept.push(line.slice(5));
      if (line.startsWith("killed ")) kills.push(line.slice(7));
    }
    if (!isKilled) break;
    if (killAt > 100) expect.fail("the app has too many steps");
  }

  const texts = await readAll(world, { roomId, phone });
  // Stored messages are all there. Others may be there too, if they reached the disk before the app reported them as
  // stored.
  expect(texts.filter((text) => text !== null && kept.includes(text))).toEqual(kept);
  expect(new Set(texts).size).toBe(texts.length);
  expect(kills.some((step) => step.startsWith("after asking /trpc/chat.send"))).toBe(true);
  expect(kills.some((step) => step.startsWith("before writing outbox"))).toBe(true);
  expect(kills.some((step) => step.startsWith("after writing outbox"))).toBe(true);
}, 180_000);
