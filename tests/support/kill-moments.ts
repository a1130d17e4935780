import { randomInt } from "node:crypto";
import { createSeededRandom } from "../simulation/random.ts";

/** The random moments of the kills of one run. The same seed gives the same moments. */
export interface KillMoments {
  readonly seed: number;
  /**
   * Returns the next delay of a kill in milliseconds, from `leastMs` to `mostMs`. It depends on the seed, the number of the
   * kill and earlier delays of the same kill only, so a slow machine does not change the moments of later kills.
   */
  delayMs(kill: number, range: { readonly leastMs: number; readonly mostMs: number }): number;
  /** The delays so far of each kill, in order. */
  readonly chosen: ReadonlyMap<number, readonly number[]>;
}

export const createKillMoments = (seed: number): KillMoments => {
  const random = createSeededRandom(seed);
  const chosen = new Map<number, number[]>();
  return {
    seed,
    chosen,
    delayMs: (kill, { leastMs, mostMs }) => {
      const earlier = chosen.get(kill) ?? [];
      const { fraction } = random.fork(`kill ${kill}, delay ${earlier.length}`);
      const delayMs = leastMs + fraction() * (mostMs - leastMs);
      chosen.set(kill, [...earlier, delayMs]);
      return delayMs;
    },
  };
};

/**
 * Runs something that kills processes, with the seed in `EDVOYAGE_KILL_SEED` or a new one. If it fails, the error also
 * names the seed, the moments and how to repeat them.
 */
export const withKillMoments = async <T>(run: (moments: KillMoments) => Promise<T>): Promise<T> => {
  const moments = createKillMoments(Number(process.env["EDVOYAGE_KILL_SEED"] ?? randomInt(2 ** 31)));
  try {
    return await run(moments);
  } catch (error) {
    if (error instanceof Error) error.message = `${error.message}\n${killMomentsToText(moments)}`;
    throw error;
  }
};

/** Returns a sentence with the seed, the moments, and how to repeat them. */
export const killMomentsToText = ({ seed, chosen }: KillMoments): string => {
  const moments = Array.from(chosen, ([kill, delays]) => `${kill}: ${delays.map(toMs).join(" + ")}`);
  const told = moments.length > 0 ? ` Delays of the kills: ${moments.join(", ")}.` : "";
  return `The seed of the kills is ${seed}.${told} To repeat them: EDVOYAGE_KILL_SEED=${seed}`;
};

const toMs = (delayMs: number): string => `${delayMs.toFixed(1)} ms`;
