import type { Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import type { Browser } from "./browser.ts";
import { somePhone } from "./phone.ts";
import { until } from "./sync-client.ts";
import { createTunnel, type Tunnel } from "./tunnel.ts";
import type { World } from "./world.ts";

/** The app in one student's browser. */
export interface BrowserApp {
  /** Between the browser and the server. */
  readonly tunnel: Tunnel;
  /** Opens the app in one more tab; it is ready. */
  openTab(): Promise<Tab>;
  /** Without a network what was connected is cut off, and the browser knows. */
  setOnline(isOnline: boolean): Promise<void>;
  /** Texts of the messages that the server has answered for, in the order of its answers. */
  readonly answered: string[];
}

/** One tab. */
export interface Tab {
  readonly page: Page;
  /** Asks for a code, reads it and answers. */
  signIn(phone?: string): Promise<string>;
  /** Sends a message; resolves with the reason when that was refused. */
  send(roomId: string, text: string): Promise<string | undefined>;
  /** Waits until the screen has these words. */
  says(words: string): Promise<void>;
  /** Waits until the screen shows these messages and no other, all of this state if one is told. */
  shows(texts: readonly string[], state?: "acked" | "pending"): Promise<void>;
  /** Waits until these stars are on the screen, a line for each university. */
  showsStars(stars: string): Promise<void>;
  /** Waits until the browser has words on its disk, in any database, or has not. */
  keeps(words: string, isKept?: boolean): Promise<void>;
  /** Names of the databases that have words in them. */
  databasesWith(words: string): Promise<string[]>;
}

/** Opens a profile of the browser; it is gone when the test is. Fails the test when the app had a problem. */
export const createBrowserApp = async (
  world: World,
  browser: Browser,
  { diskBytes }: { readonly diskBytes?: number } = {},
): Promise<BrowserApp> => {
  const tunnel = await createTunnel(world.url);
  const profile = await browser.openProfile();
  const problems: string[] = [];
  const isDiskSmall = diskBytes !== undefined;
  const answered: string[] = [];
  onTestFinished(async () => {
    await profile.close();
    expect(problems.filter((problem) => !(isDiskSmall && problem.startsWith("not-kept")))).toEqual([]);
  });

  return {
    tunnel,
    answered,
    setOnline: async (isOnline) => {
      // The browser's own switch leaves sockets as they are.
      tunnel.setOpen(isOnline);
      await profile.setOnline(isOnline);
    },
    openTab: async () => {
      const page = await profile.openPage({ search: `?server=${tunnel.url}`, diskBytes });
      page.on("pageerror", (error) => problems.push(error.message));
      page.on("response", (response) => {
        const { text }: { text?: string } = response.request().postDataJSON() ?? {};
        if (response.ok() && response.url().endsWith("/chat.send") && text) answered.push(text);
      });
      await page.waitForFunction(() => client.isReady);
      return createTab(page, world);
    },
  };
};

const createTab = (page: Page, world: World): Tab => ({
  page,
  signIn: async (phone = somePhone()) => {
    await page.evaluate((number) => client.ready().then(() => client.auth.requestCode(number)), phone);
    const code = world.sms.findLast(({ to }) => to === phone)?.code ?? "";
    await page.evaluate((digits) => client.auth.verifyCode(digits), code);
    return phone;
  },
  send: (roomId, text) =>
    page.evaluate(
      ([id, said]) =>
        client.chat
          .room(id)
          .send(said)
          .then(
            () => undefined,
            ({ reason }: { reason: string }) => reason,
          ),
      [roomId, text] as const,
    ),
  says: async (words) => {
    await page.waitForFunction((wanted) => document.body.innerText.includes(wanted), words);
  },
  shows: async (texts, state) => {
    await page.waitForFunction(
      ([wanted, ofState]) =>
        Array.from(document.querySelectorAll<HTMLElement>("p.acked, p.pending, p.failed"))
          .map(({ innerText, className }) => `${innerText.trim()}${ofState ? ` ${className}` : ""}`)
          .join("\n") === wanted,
      [texts.map((text) => (state ? `${text} ${state}` : text)).join("\n"), state] as const,
    );
  },
  showsStars: async (stars) => {
    await page.waitForFunction(
      (wanted) =>
        Array.from(document.querySelectorAll("li button"), (button) => button.textContent).join("") ===
        wanted,
      stars,
    );
  },
  // A predicate of `waitForFunction` is not waited for.
  keeps: (words, isKept = true) =>
    until(async () => (await page.evaluate((wanted) => databasesWith(wanted), words)).length > 0 === isKept),
  databasesWith: (words) => page.evaluate((wanted) => databasesWith(wanted), words),
});
