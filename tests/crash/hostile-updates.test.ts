import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { HostileFigures } from "../soak/hostile-updates.ts";
import { roundsOf } from "../support/scale.ts";

const SOAK = fileURLToPath(new URL("../dist/soak/main.js", import.meta.url));
/** Enough for all killer frames, all mutants and truncations, and some thousand random ones. */
const FRAMES = roundsOf({ quick: 30_000, whole: 120_000 });
/** Damage that leaves a valid update without any change is rare: the first is met after this many frames. */
const UNCHANGED_IS_MET_WITHIN = 120_000;
/**
 * A child that prints nothing for this long hangs. It prints a line every 2,000 frames, which take well under a second.
 */
const SILENCE_MS = 60_000;

/**
 * A heap of 96 MiB: a frame that needs more ends the process. A larger heap is collected late, and the garbage of the killer
 * frames would count as growth: 9 to 55 MiB in seven runs.
 */
const SMALL_HEAP = "--max-old-space-size=96";

/** Runs the soak in a separate process, which may crash or hang without affecting this one. */
const runHostileUpdates = async (frames: number) => {
  const child = spawn(process.execPath, [SMALL_HEAP, SOAK, "hostile-updates", String(frames)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  onTestFinished(kill);
  let watchdog = setTimeout(kill, SILENCE_MS);
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (printed.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    printed.stderr += chunk.toString();
    clearTimeout(watchdog);
    watchdog = setTimeout(kill, SILENCE_MS);
  });
  const [exitCode, signal] = await once(child, "close");
  clearTimeout(watchdog);
  return { ended: signal ?? exitCode, ...printed };
};

test("[SY30] hostile updates neither crash nor hang nor bloat the server, and memory, disk and table stay equal", async () => {
  const { ended, stdout, stderr } = await runHostileUpdates(FRAMES);

  expect(ended, stderr.slice(-2_000)).toBe(0);
  const figures: HostileFigures = JSON.parse(stdout);
  process.stdout.write(`Hostile updates: ${stdout}`);
  expect(figures.frames).toBe(FRAMES);
  expect(figures.largestJump.mib).toBeLessThanOrEqual(32);
  expect(figures.comparisons).toBeGreaterThan(1_000);
  const rare = FRAMES < UNCHANGED_IS_MET_WITHIN ? [] : ["unchanged"];
  expect(Object.keys(figures.outcomes).sort()).toEqual(["4413", "4422", "gap", "stored", ...rare]);
}, 600_000);
