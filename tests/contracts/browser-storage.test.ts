import { describeStorage } from "@edvoyage/client-sdk/storage/contract";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { hasBrowser, limitDisk, openBrowser } from "../support/apps/browser.ts";

/** Quotas of the whole site. */
const QUOTA_BYTES = { none: 1, some: 16 * 1_024 * 1_024, more: 256 * 1_024 * 1_024 };

const openStorageBrowser = async () => {
  const browser = await openBrowser({ script: new URL("./browser/storage-page.ts", import.meta.url) });
  const openPage = async (): Promise<Page> => {
    const page = await browser.openPage();
    const setQuota = (room: keyof typeof QUOTA_BYTES) => limitDisk(page, QUOTA_BYTES[room]);
    await setQuota("some");
    await page.exposeFunction("setQuota", setQuota);
    return page;
  };
  return { openPage, openProfile: browser.openProfile, close: browser.close };
};

describe.skipIf(!hasBrowser("IndexedDB in a browser"))("in Chromium", () => {
  const opened = openStorageBrowser();
  const onePage = opened.then((browser) => browser.openPage());
  afterAll(async () => (await opened).close());

  // The tests are named here and run in the page, which has the same suite.
  describeStorage("IndexedDB", {
    describe,
    expect,
    test: (name) =>
      test.each([name])("%s", async (testName) => {
        const page = await onePage;
        expect(await page.evaluate((title) => runTest(title), testName)).toBeUndefined();
      }),
    createFixture: () => expect.fail("the page creates its own fixtures"),
  });

  describe("two tabs", () => {
    const openTabs = async (): Promise<[Page, Page]> => {
      // A new profile, because Chromium is slow to release the room that earlier tests filled.
      const { openPage } = await (await opened).openProfile();
      const [one, other] = [await openPage(), await openPage()];
      await one.evaluate(() => startTab());
      await other.evaluate(() => startTab());
      return [one, other];
    };

    test("receive each other's broadcasts, and share stored data", async () => {
      const [one, other] = await openTabs();

      await one.evaluate(() => tab.write("a"));
      await one.evaluate(() => tab.storage.peers?.broadcast("a is there"));
      await other.waitForFunction(() => tab.log.includes("heard a is there"));

      expect(await other.evaluate(() => tab.store.keys(""))).toContain("a");
      expect(await one.evaluate(() => tab.log)).toEqual([]);
    });

    test("hand a name over when the tab that holds it is gone", async () => {
      const [one, other] = await openTabs();
      await one.evaluate(() => tab.take());
      await one.waitForFunction(() => tab.log.includes("taken"));
      await other.evaluate(() => tab.take());
      await one.evaluate(() => tab.storage.peers?.broadcast("still here"));
      await other.waitForFunction(() => tab.log.includes("heard still here"));
      expect(await other.evaluate(() => tab.log)).toEqual(["heard still here"]);

      await one.close();

      await other.waitForFunction(() => tab.log.includes("taken"));
    });

    test("take a name over from a suspended tab, but not from one that answers", async () => {
      const [one, other] = await openTabs();
      const hears = (page: Page, topic: string) =>
        page.waitForFunction((said) => tab.log.includes(`heard ${said}`), topic);
      await one.evaluate(() => tab.take());
      await one.waitForFunction(() => tab.log.includes("taken"));
      await other.clock.install();
      await other.evaluate(() => tab.take());

      for (let question = 0; question < 5; question += 1) {
        await other.clock.runFor(5_000);
        // Broadcasts arrive in order: this one after the question, and the next one after the answer.
        await other.evaluate((number) => tab.storage.peers?.broadcast(`after ${number}`), question);
        await hears(one, `after ${question}`);
        await one.evaluate((number) => tab.storage.peers?.broadcast(`answered ${number}`), question);
        await hears(other, `answered ${question}`);
      }
      expect(await other.evaluate(() => tab.log)).not.toContain("taken");
      // Silence this tab, as if it were suspended. (With the browser's own command to freeze a page, it still answered.)
      await one.evaluate(() => {
        BroadcastChannel.prototype.postMessage = () => {};
      });
      while (!(await other.evaluate(() => tab.log.includes("taken")))) await other.clock.runFor(5_000);

      await one.waitForFunction(() => tab.log.at(-1) === "lost");
      await other.close();
      await one.waitForFunction(() => tab.log.at(-1) === "taken");
    });

    test("close a store that the other one deletes", async () => {
      const [one, other] = await openTabs();
      expect(await one.evaluate(() => tab.write("a"))).toBe("written");

      await other.evaluate(() => tab.storage.delete("shared"));

      expect(await one.evaluate(() => tab.write("b"))).toBe("closed");
      expect(await other.evaluate(() => tab.storage.list())).toEqual([]);
    });
  });
});
