import { describeStorage } from "@edvoyage/client-sdk/storage/contract";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { hasBrowser, limitDisk, openBrowser } from "../support/browser.ts";

/** Of the whole site. */
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

  // Named here, run there: the page has the same suite.
  describeStorage("IndexedDB", {
    describe,
    expect,
    test: (name) =>
      test.each([name])("%s", async (wanted) => {
        const page = await onePage;
        expect(await page.evaluate((title) => runTest(title), wanted)).toBeUndefined();
      }),
    createFixture: () => expect.fail("the page has its own"),
  });

  describe("two tabs", () => {
    const openTabs = async (): Promise<[Page, Page]> => {
      // Chromium takes its time to give back the room of what was deleted: here is none of what filled the disk before.
      const { openPage } = await (await opened).openProfile();
      const [one, other] = [await openPage(), await openPage()];
      await one.evaluate(() => startTab());
      await other.evaluate(() => startTab());
      return [one, other];
    };

    test("hear each other, and share what they keep", async () => {
      const [one, other] = await openTabs();

      await one.evaluate(() => tab.write("a"));
      await one.evaluate(() => tab.storage.peers?.broadcast("a is there"));
      await other.waitForFunction(() => tab.log.includes("heard a is there"));

      expect(await other.evaluate(() => tab.store.keys(""))).toContain("a");
      expect(await one.evaluate(() => tab.log)).toEqual([]);
    });

    test("hand a name over when the tab that has it is gone", async () => {
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

    test("take a name from one that stands still, and leave it to one that answers", async () => {
      const [one, other] = await openTabs();
      const hears = (page: Page, topic: string) =>
        page.waitForFunction((said) => tab.log.includes(`heard ${said}`), topic);
      await one.evaluate(() => tab.take());
      await one.waitForFunction(() => tab.log.includes("taken"));
      await other.clock.install();
      await other.evaluate(() => tab.take());

      for (let question = 0; question < 5; question += 1) {
        await other.clock.runFor(5_000);
        // What is said after the question comes after it, and so does what is said after the answer.
        await other.evaluate((number) => tab.storage.peers?.broadcast(`after ${number}`), question);
        await hears(one, `after ${question}`);
        await one.evaluate((number) => tab.storage.peers?.broadcast(`answered ${number}`), question);
        await hears(other, `answered ${question}`);
      }
      expect(await other.evaluate(() => tab.log)).not.toContain("taken");
      // As one that stands still, it says nothing. (The browser's own command to freeze a page was tried: it went on answering.)
      await one.evaluate(() => {
        BroadcastChannel.prototype.postMessage = () => {};
      });
      while (!(await other.evaluate(() => tab.log.includes("taken")))) await other.clock.runFor(5_000);

      await one.waitForFunction(() => tab.log.at(-1) === "lost");
      await other.close();
      await one.waitForFunction(() => tab.log.at(-1) === "taken");
    });

    test("close what the other one deletes", async () => {
      const [one, other] = await openTabs();
      expect(await one.evaluate(() => tab.write("a"))).toBe("written");

      await other.evaluate(() => tab.storage.delete("shared"));

      expect(await one.evaluate(() => tab.write("b"))).toBe("closed");
      expect(await other.evaluate(() => tab.storage.list())).toEqual([]);
    });
  });
});
