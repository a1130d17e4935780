import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { hasBrowser, openBrowser } from "../../support/apps/browser.ts";
import { somePhone } from "../../support/students/phone.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld, type World } from "../../support/servers/world.ts";

const openStorageBrowser = () =>
  openBrowser({ script: new URL("./browser-pages/storage-page.tsx", import.meta.url) });

describe.skipIf(!hasBrowser("The loss of storage in a browser"))("an app in Chromium", () => {
  const opened = openStorageBrowser();

  afterAll(async () => (await opened).close());

  const createScene = async () => {
    const world = await createWorld();
    const profile = await (await opened).openProfile();
    const openTab = (more = "") => profile.openPage({ search: `?server=${world.url}${more}` });
    return { world, profile, openTab };
  };
  const says = async (page: Page, text: string): Promise<void> => {
    await page.waitForFunction((expected) => document.body.innerText.trim() === expected, text);
  };
  const signIn = async (page: Page, world: World, phone = somePhone()): Promise<string> => {
    await page.evaluate((number) => client.auth.requestCode(number), phone);
    const code = world.sms.findLast(({ to }) => to === phone)?.code ?? "";
    await page.evaluate((digits) => client.auth.verifyCode(digits), code);
    return phone;
  };
  /** Does what the browser's own button does. */
  const clearSiteData = async (page: Page): Promise<void> => {
    const session = await page.context().newCDPSession(page);
    const { origin } = new URL(page.url());
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
  };
  /** Returns how often a tab has reported the loss. */
  const lossesOf = async (page: Page): Promise<number> =>
    page.evaluate(() => problems.filter((kind) => kind === "storage-lost").length);
  /** Makes IndexedDB throw in this tab, as a browser does in which the user blocks a site's data. */
  const blockStorage = async (page: Page): Promise<void> => {
    await page.addInitScript(() => {
      Object.defineProperty(globalThis, "indexedDB", {
        get: () => {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    });
    await page.reload();
  };

  test("says that its site data was cleared, and takes the next sign-in in all tabs without a reload", async () => {
    const { world, profile, openTab } = await createScene();
    const [one, other] = [await openTab(), await openTab()];
    await says(one, "signedOut, durable");
    const phone = await signIn(one, world);
    await says(one, "signedIn, durable");
    await says(other, "signedIn, durable");
    const friend = await createStudent(world);

    await clearSiteData(one);

    const reported = async () =>
      (await Promise.all([one, other].map((page) => page.evaluate(() => problems)))).flat();
    for (const page of [one, other])
      await page.waitForFunction(() => document.body.innerText.includes("signedOut"));
    await until(async () => (await reported()).filter((kind) => kind === "storage-lost").length === 2);
    await signIn(one, world, phone);
    await says(one, "signedIn, durable");
    await says(other, "signedIn, durable");
    const roomId = await one.evaluate(async (userId) => {
      const room = await client.chat.createRoom({ kind: "direct", userId });
      await room.send("Still here");
      await client.sync.flush();
      return room.id;
    }, friend.id);
    expect(await friend.texts(roomId)).toEqual(["Still here"]);
    // A write of the other tab may have been under way.
    expect((await reported()).filter((kind) => kind !== "storage-lost" && kind !== "not-kept")).toEqual([]);
    expect(await lossesOf(one)).toBe(1);
    expect(await lossesOf(other)).toBe(1);
    await profile.close();
  });

  test.each([
    ["nobody is signed in again yet", false],
    ["the student is signed in again there", true],
  ])(
    "a tab that is busy meanwhile reports the loss once, too, when %s in another tab",
    async (_what, signsIn) => {
      const { world, profile, openTab } = await createScene();
      const [one, busy] = [await openTab(), await openTab()];
      const phone = await signIn(one, world);
      await says(one, "signedIn, durable");
      await says(busy, "signedIn, durable");
      const isFree = busy.evaluate(() => {
        const until = performance.now() + 4_000;
        while (performance.now() < until);
      });

      await clearSiteData(one);
      await says(one, "signedOut, lost");
      if (signsIn) await signIn(one, world, phone);
      const lossesBefore = await lossesOf(one);
      await isFree;
      await until(async () => (await lossesOf(busy)) > 0);
      if (!signsIn) await says(busy, "signedOut, lost");
      if (!signsIn) await signIn(busy, world, phone);
      for (const page of [one, busy]) await says(page, "signedIn, durable");

      expect(lossesBefore).toBe(1);
      expect([await lossesOf(one), await lossesOf(busy)]).toEqual([1, 1]);
      await profile.close();
    },
  );

  test("a tab in which nobody is signed in reports that its site data was cleared", async () => {
    const { profile, openTab } = await createScene();
    const tabs = [await openTab(), await openTab()];
    for (const page of tabs) await says(page, "signedOut, durable");

    const [one] = tabs;
    if (one) await clearSiteData(one);
    for (const page of tabs) await says(page, "signedOut, lost");

    expect(await Promise.all(tabs.map(lossesOf))).toEqual([1, 1]);
    await profile.close();
  });

  test("shows why it cannot start when the browser blocks IndexedDB", async () => {
    const { profile, openTab } = await createScene();
    const page = await openTab();

    await blockStorage(page);

    await says(page, "device/unavailable");
    await profile.close();
  });

  test("[SI42] goes on in memory if it chooses to when IndexedDB is blocked, and ends no session of the student's phone", async () => {
    const { world, profile, openTab } = await createScene();
    const friend = await createStudent(world);
    const device = await world.device().signIn();
    const { phone } = device.user;
    const tabs = [await openTab("&fallback=memory"), await openTab("&fallback=memory")];
    for (const page of tabs) {
      await blockStorage(page);
      await says(page, "signedOut, memory");
      await signIn(page, world, phone);
      await says(page, "signedIn, memory");
    }

    const [, last] = tabs;
    const roomId = await last?.evaluate(async (userId) => {
      const room = await client.chat.createRoom({ kind: "direct", userId });
      await room.send("From memory");
      await client.sync.flush();
      return room.id;
    }, friend.id);
    expect(await friend.texts(roomId ?? "")).toEqual(["From memory"]);
    await device.rpc.sessions.validate.query();
    const { items } = await world.admin.admin.sessions.list.query({ phone });
    expect(items.filter(({ state }) => state === "live")).toHaveLength(2);
    await profile.close();
  });
});
