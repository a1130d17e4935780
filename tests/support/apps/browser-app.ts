import type { Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import type { Browser } from "./browser.ts";
import { somePhone } from "../students/phone.ts";
import { until } from "../network/sync-client.ts";
import { createTunnel, type Tunnel } from "../network/tunnel.ts";
import type { World } from "../servers/world.ts";

/** The app in one student's browser. */
export interface BrowserApp {
  /** The network between the browser and the server. */
  readonly tunnel: Tunnel;
  /** Opens the app in a new tab and waits until it is ready. */
  openTab(): Promise<Tab>;
  /** Without a network, open connections are cut off and the browser reports that it is offline. */
  setOnline(isOnline: boolean): Promise<void>;
  /** Texts of the messages that the server has accepted, in the order of its answers. */
  readonly answered: string[];
}

/** One tab of the app. */
export interface Tab {
  readonly page: Page;
  /** Requests a code, reads it from the SMS and verifies it. Returns the phone number. */
  signIn(phone?: string): Promise<string>;
  /** Sends a message. Resolves with the reason if it was refused. */
  send(roomId: string, text: string): Promise<string | undefined>;
  /** Waits until the screen contains these words. */
  says(words: string): Promise<void>;
  /** Waits until the screen shows exactly these messages, all in `state` if it is given. */
  shows(texts: readonly string[], state?: "acked" | "pending"): Promise<void>;
  /** Waits until the screen shows these stars, one line for each university. */
  showsStars(stars: string): Promise<void>;
  /** Waits until some database of the browser contains these words, or with `isKept: false` until none does. */
  keeps(words: string, isKept?: boolean): Promise<void>;
  /** Returns the names of the databases that contain these words. */
  databasesWith(words: string): Promise<string[]>;
}

/** Opens a browser profile that is closed when the test ends. Fails the test if the app reported a problem. */
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
      // The browser's own offline switch does not close open sockets.
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
    await page.waitForFunction((expected) => document.body.innerText.includes(expected), words);
  },
  shows: async (texts, state) => {
    await page.waitForFunction(
      ([expected, withState]) =>
        Array.from(document.querySelectorAll<HTMLElement>("p.acked, p.pending, p.failed"))
          .map(({ innerText, className }) => `${innerText.trim()}${withState ? ` ${className}` : ""}`)
          .join("\n") === expected,
      [texts.map((text) => (state ? `${text} ${state}` : text)).join("\n"), state] as const,
    );
  },
  showsStars: async (stars) => {
    await page.waitForFunction(
      (expected) =>
        Array.from(document.querySelectorAll("li button"), (button) => button.textContent).join("") ===
        expected,
      stars,
    );
  },
  // `waitForFunction` does not await an asynchronous predicate.
  keeps: (words, isKept = true) =>
    until(
      async () => (await page.evaluate((expected) => databasesWith(expected), words)).length > 0 === isKept,
    ),
  databasesWith: (words) => page.evaluate((expected) => databasesWith(expected), words),
});
