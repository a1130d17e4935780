import { textOf } from "../chat/events.ts";
import { createPushContents } from "../push/content.ts";
import { createPushOutbox, type PushOutbox } from "../push/outbox.ts";
import { createPushWorker, type PushWorker } from "../push/worker.ts";
import type { Frame } from "./frame.ts";
import type { LiveSync } from "./live-sync.ts";

/** The way of a push notification: the outbox that features write to, and the worker that sends from it. */
export interface Push {
  readonly outbox: PushOutbox;
  /** `undefined` when the server has no push provider. */
  readonly worker: PushWorker | undefined;
}

export const createPush = (frame: Frame, { logs, sync }: Pick<LiveSync, "logs" | "sync">): Push => {
  const { config, database, pushProvider, metrics } = frame;
  const { read } = database;
  const outbox = createPushOutbox({
    ...frame,
    isOn: config.push.provider !== "none",
    onAdded: () => worker?.wake(),
  });
  const worker =
    pushProvider &&
    createPushWorker({
      ...frame,
      provider: pushProvider,
      outbox,
      contentOf: createPushContents({ read, logs, textOf, hasOpen: sync.hasOpen }),
      onResult: metrics.pushEnded,
    });
  return { outbox, worker };
};
