import type { DialectName } from "@edvoyage/db";
import type { Erasure } from "../account/erasure.ts";
import type { Auth } from "../auth/auth.ts";
import type { Commands } from "../commands/commands.ts";
import type { Areas } from "../inbox/areas.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { Numbers } from "../numbers/numbers.ts";
import type { PushWorker } from "../push/worker.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Documents } from "../sync/documents.ts";
import type { Sync } from "../sync/sync.ts";
import { HOUR_MS, type Clock } from "./clock.ts";
import { AGREE_EVERY_MS, type SteadyClock } from "./steady-clock.ts";

/** How often to look for sessions that another process ended. The docs promise at most one second. */
const NOTICE_ENDS_EVERY_MS = 400;
/** How often to forward document updates that other nodes stored to the student's devices. */
const NOTICE_STORED_EVERY_MS = 200;
/** How often to forward area changes that other nodes made to the student's devices. */
const NOTICE_AREAS_EVERY_MS = 400;
/** How often to look for pushes that other nodes queued and for pushes to retry. */
const PUSH_EVERY_MS = 1_000;

export interface TimersDeps {
  readonly clock: Clock;
  readonly steadyClock: Pick<SteadyClock, "agree">;
  readonly background: (task: Promise<unknown>) => void;
  readonly dialect: DialectName;
  readonly auth: Pick<Auth, "prune">;
  readonly numbers: Pick<Numbers, "prune">;
  readonly sessions: Pick<Sessions, "noticeEnds" | "prune">;
  readonly commands: Pick<Commands, "prune">;
  readonly notifications: Pick<Notifications, "prune">;
  readonly documents: Pick<Documents, "noticeStored">;
  readonly areas: Pick<Areas, "notice">;
  readonly sync: Pick<Sync, "countSockets">;
  readonly erasure: Pick<Erasure, "run">;
  readonly pushWorker: Pick<PushWorker, "tick" | "prune"> | undefined;
}

/** Starts the server's regular work: noticing what other nodes did, sending pushes, and pruning. Returns a function that stops it. */
export const startTimers = (deps: TimersDeps): (() => void) => {
  const { clock, steadyClock, background, dialect, sessions, documents, areas, sync, erasure, pushWorker } =
    deps;

  const pruneAll = async (now: number): Promise<void> => {
    const { auth, numbers, commands, notifications } = deps;
    const features = [auth, numbers, sessions, commands, notifications, ...(pushWorker ? [pushWorker] : [])];
    await Promise.all(features.map((feature) => feature.prune(now)));
  };

  const stops = [
    clock.every(AGREE_EVERY_MS, () => background(steadyClock.agree())),
    clock.every(NOTICE_ENDS_EVERY_MS, () => background(sessions.noticeEnds())),
    clock.every(NOTICE_STORED_EVERY_MS, () => background(documents.noticeStored())),
    // With SQLite there is only one process, and it tells its own sockets itself.
    ...(dialect === "postgres"
      ? [
          clock.every(NOTICE_AREAS_EVERY_MS, () => {
            if (sync.countSockets() > 0) background(areas.notice());
          }),
        ]
      : []),
    ...(pushWorker ? [clock.every(PUSH_EVERY_MS, pushWorker.tick)] : []),
    clock.every(HOUR_MS, () => {
      background(pruneAll(clock.now()));
      background(erasure.run());
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};
