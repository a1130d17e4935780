import { expect } from "vitest";
import type { BrowserApp, Tab } from "./browser-app.ts";
import type { Student } from "../students/student.ts";
import { until } from "../network/sync-client.ts";

/**
 * Waits until the server has answered the messages, in this order. A message is shown as acknowledged when its room says so,
 * which may be earlier. A request whose answer got lost is repeated and answered twice: read the room to see that it holds
 * each message once.
 */
export const expectAnswered = async ({ answered }: BrowserApp, texts: readonly string[]): Promise<void> => {
  const answeredOnce = (): readonly string[] => [...new Set(answered)];
  await until(() => answeredOnce().length >= texts.length);
  expect(answeredOnce()).toEqual(texts);
};

/** Verifies a code; resolves with the state that follows, or with the reason of the refusal. */
export const verifyCode = ({ page }: Tab, code: string): Promise<string> =>
  page.evaluate(
    (digits) =>
      client.auth.verifyCode(digits).then(
        ({ state }) => state,
        ({ reason }: { reason: string }) => reason,
      ),
    code,
  );

/** Returns when the block of a page's client ends; 0 without a block. Runs in the page. */
export const readBlockedUntil = (): number =>
  client.auth.status.state === "blocked" ? client.auth.status.blockedUntil : 0;

/** Returns the seconds until an instant, rounded up. */
export const secondsLeft = (blockedUntil: number): number => Math.ceil((blockedUntil - Date.now()) / 1_000);

/** Opens a direct room in a tab, and waits until the tab is online. */
export const openDirect = async ({ page }: Tab, friend: Student): Promise<string> => {
  const id = await page.evaluate(
    async (userId) => (await client.chat.createRoom({ kind: "direct", userId })).id,
    friend.id,
  );
  await page.waitForFunction(() => client.sync.status.connection === "online");
  return id;
};
