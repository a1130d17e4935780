import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/databases/databases.ts";
import { roundsOf } from "../support/scale.ts";

const WRITER = fileURLToPath(new URL("../dist/crash/storage-writer.js", import.meta.url));
const KILLS = roundsOf({ quick: 3, whole: 20 });

/** Runs a program that writes, kills it, and returns the last number that it printed. */
const writeUntilKilled = async (options: {
  readonly folder: string;
  readonly first: number;
  readonly count: number;
}): Promise<number> => {
  const child = spawn(process.execPath, [WRITER, options.folder, String(options.first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = options.first - 1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last === options.first + options.count) child.kill("SIGKILL");
  }
  if (child.signalCode === null && child.exitCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  return last;
};

test(`a program on Node.js loses no acknowledged write and leaves no partial one in ${KILLS} kills with -9`, async () => {
  const folder = temporaryFolder();
  let acknowledged = -1;

  for (let kill = 0; kill < KILLS; kill += 1) {
    acknowledged = await writeUntilKilled({ folder, first: acknowledged + 1, count: kill * 7 });

    const store = await createSqliteStorage({ folder }).open("store");
    const [left, right] = [await store.keys("left/"), await store.keys("right/")];
    await store.close();
    const numbers = new Set(left.map((key) => Number(key.slice("left/".length))));
    expect(right.map((key) => key.replace("right/", "left/"))).toEqual(left);
    for (let number = 0; number <= acknowledged; number += 1) expect(numbers.has(number)).toBe(true);
  }
}, 120_000);
