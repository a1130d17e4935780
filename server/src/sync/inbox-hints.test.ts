import type { LogId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createInboxHints } from "./inbox-hints.ts";

const ID = "log" as LogId;
const READER = "reader" as UserId;

const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("[SY27] [SY39] retries the inbox hint after the members of a room could not be read", async () => {
  let now = 0;
  let isDown = true;
  const hintedIds: UserId[] = [];
  const failures: unknown[] = [];
  const hints = createInboxHints({
    access: {
      readers: async () => {
        if (isDown) throw new Error("The database cannot be reached");
        return [READER];
      },
    },
    channels: { inboxChanged: (userId) => void hintedIds.push(userId), isOpen: () => true, size: 1 },
    clock: { now: () => now, monotonicNow: () => now, every: () => () => {} },
    background: (task) => void task.catch((error: unknown) => failures.push(error)),
  });

  hints.logChanged(ID);
  await settle();
  isDown = false;
  now += 500;
  hints.tick();
  await settle();

  expect(failures).toHaveLength(1);
  expect(hintedIds).toEqual([READER]);
});
