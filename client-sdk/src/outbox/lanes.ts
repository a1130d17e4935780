import type { CommandId } from "@edvoyage/protocol";
import { createBackoffTimer, type BackoffTimer } from "../runtime/backoff-timer.ts";
import type { Clock } from "../runtime/clock.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** How long lanes wait after failures, and whether a command is refused on its way to the server. */
export interface Lanes {
  /** The number of commands that may be sent at the same time. */
  readonly atOnce: number;
  /** The number of commands that the server has decided about so far. */
  readonly passed: number;
  /** Returns whether a lane may send now. */
  mayAct(lane: string): boolean;
  /** Call it when the server has decided about a command. */
  pass(entry: OutboxEntry): void;
  /** Lets a lane wait after a failure, for at least `atLeastMs`. */
  fail(lane: string, atLeastMs?: number): void;
  /**
   * Counts a request that did not reach the server. `isAnswered` tells that something else answered it; `passedBefore` is the
   * value of `passed` when it was sent. Only its own lane waits if other commands get through. Returns whether to give
   * up: what is on the way always refuses this command, and others get through.
   */
  miss(
    entry: OutboxEntry,
    request: { readonly isAnswered: boolean; readonly passedBefore: number; readonly atLeastMs?: number },
  ): boolean;
  /** Call it when the server has answered that a command has to wait. */
  heard(): void;
  /** Ends a lane's wait, because a person wants it to act now. */
  clear(entry: OutboxEntry): void;
  /** Ends all waits, except those that the server asked for. */
  hurry(): void;
  close(): void;
}

/** More lanes would only wait for each other on a phone's network. */
const MAX_AT_ONCE = 8;
/** When this many different commands in a row got a foreign answer, something answers everything, such as a captive portal. */
const MAX_FOREIGN_IN_ROW = 3;
/** Lanes that have failed then take turns, this far apart. */
const TURN_MS = 1_000;
/** Give up a command that was refused this often by something else than the server… */
const MAX_REFUSALS = 5;
/** …or this often without any answer… */
const MAX_MISSES = 10;
/** …while this many others reached the server. */
const MIN_PASSED = 3;

/** The failures of one command to get through. */
interface Misses {
  readonly refusals: number;
  readonly misses: number;
  readonly passedAtFirst: number;
  readonly passedAtLast: number;
}

export const createLanes = (deps: {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** Called when a wait is over. */
  readonly onOver: () => void;
}): Lanes => {
  const waitByLane = new Map<string, BackoffTimer>();
  /** Delays all lanes while the server cannot be reached. */
  const server = createBackoffTimer(deps);
  const missesById = new Map<CommandId, Misses>();
  /** The commands that got a foreign answer since the server last answered one. */
  const foreignInRow = new Set<CommandId>();
  let passed = 0;

  let cancelTurn: (() => void) | undefined;

  const stopTurn = (): void => {
    cancelTurn?.();
    cancelTurn = undefined;
  };

  const endTurn = (): void => {
    stopTurn();
    deps.onOver();
  };

  const isServerReached = (): boolean => foreignInRow.size < MAX_FOREIGN_IN_ROW;

  const fail = (lane: string, atLeastMs?: number): void => {
    const wait = waitByLane.get(lane) ?? createBackoffTimer(deps);
    waitByLane.set(lane, wait);
    wait.fail(atLeastMs);
  };

  const clear = ({ id, lane }: OutboxEntry): void => {
    waitByLane.get(lane)?.reset();
    waitByLane.delete(lane);
    missesById.delete(id);
  };

  return {
    get atOnce() {
      return isServerReached() ? MAX_AT_ONCE : 1;
    },
    get passed() {
      return passed;
    },
    mayAct: (lane) => {
      const wait = waitByLane.get(lane);
      // A lane that has not failed yet need not wait for the others: its command may be the one that gets through.
      return !server.isWaiting && !wait?.isWaiting && !(wait && cancelTurn);
    },
    pass: (entry) => {
      passed += 1;
      foreignInRow.clear();
      server.reset();
      clear(entry);
    },
    fail,
    miss: ({ id, lane }, { isAnswered, passedBefore, atLeastMs }) => {
      const before = missesById.get(id);
      const isAlone = passed > (before?.passedAtLast ?? passedBefore);
      if (isAnswered) foreignInRow.add(id);
      if (isAnswered || isAlone) fail(lane, atLeastMs);
      else server.fail(atLeastMs);
      if (!isServerReached()) cancelTurn ??= deps.clock.after(TURN_MS, endTurn);
      const now: Misses = {
        refusals: (before?.refusals ?? 0) + (isAnswered ? 1 : 0),
        misses: (before?.misses ?? 0) + (isAnswered || isAlone ? 1 : 0),
        passedAtFirst: before?.passedAtFirst ?? passed,
        passedAtLast: passed,
      };
      missesById.set(id, now);
      const isOften = now.refusals >= MAX_REFUSALS || now.misses >= MAX_MISSES;
      return isOften && passed - now.passedAtFirst >= MIN_PASSED;
    },
    heard: () => {
      foreignInRow.clear();
      server.reset();
    },
    clear,
    hurry: () => {
      for (const wait of waitByLane.values()) wait.hurry();
      server.reset();
      stopTurn();
    },
    close: () => {
      for (const wait of waitByLane.values()) wait.reset();
      server.reset();
      stopTurn();
    },
  };
};
