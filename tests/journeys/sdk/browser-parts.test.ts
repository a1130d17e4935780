import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import { createBrowserApp } from "../../support/apps/browser-app.ts";
import { openDirect } from "../../support/apps/browser-steps.ts";
import { hasBrowser, openBrowser } from "../../support/apps/browser.ts";
import { createProxy } from "../../support/network/proxy.ts";
import { until } from "../../support/network/sync-client.ts";
import { somePhone } from "../../support/students/phone.ts";
import { createStudent } from "../../support/students/student.ts";
import { createWorld } from "../../support/servers/world.ts";

const openAppBrowser = () =>
  openBrowser({ script: new URL("./browser-pages/sdk-page.tsx", import.meta.url), hasParts: true });

/** A part of the SDK that an app loads on demand, on a network that loses it. */
const losePart = async (page: Page, part: string) => {
  let isLost = true;
  let losses = 0;
  await page.route(`**/${part}.js`, (route) => {
    if (!isLost) return route.fallback();
    losses += 1;
    return route.abort();
  });
  return {
    /** How often it was lost. */
    losses: () => losses,
    pass: () => {
      isLost = false;
    },
  };
};

describe.skipIf(!hasBrowser("The parts of the SDK in a browser"))("an app in Chromium", () => {
  const opened = openAppBrowser();

  afterAll(async () => (await opened).close());

  test("signs in at the next try if the part for signing in was lost on its way", async () => {
    const world = await createWorld();
    const tab = await (await createBrowserApp(world, await opened)).openTab();
    const part = await losePart(tab.page, "sign-in");
    const requestCode = (phone: string) =>
      tab.page.evaluate(
        (number) =>
          client.auth.requestCode(number).then(
            ({ state }) => state,
            ({ reason }: { reason: string }) => reason,
          ),
        phone,
      );

    const withoutPart = await requestCode(somePhone());
    part.pass();
    const phone = await tab.signIn();

    expect(withoutPart).toBe("offline");
    expect(part.losses()).toBe(1);
    expect(world.sms.map(({ to }) => to)).toEqual([phone]);
    expect(await tab.page.evaluate(() => client.auth.state)).toBe("signedIn");
  });

  test("checks inputs by itself as soon as the checks can be loaded, and writes without them before", async () => {
    const world = await createWorld();
    const { page, signIn } = await (await createBrowserApp(world, await opened)).openTab();
    await signIn();
    const part = await losePart(page, "known-checks");
    await page.reload();
    await page.waitForFunction(() => client.isReady);
    const update = (homeCountry: string) =>
      page.evaluate(
        (country) =>
          client.profile.update({ homeCountry: country }).then(
            () => "stored",
            ({ reason }: { reason: string }) => reason,
          ),
        homeCountry,
      );

    const withoutPart = await update("Portugal");
    part.pass();
    const withPart = await update("Portugal");

    expect(part.losses()).toBeGreaterThan(0);
    expect([withoutPart, withPart]).toEqual(["stored", "input/invalid"]);
  });

  test(
    "[SY56] works on a network without WebSockets that loses the parts for that at first",
    { timeout: 180_000 },
    async () => {
      const world = await createWorld();
      const friend = await createStudent(world);
      const proxy = await createProxy(world.url);
      const app = await createBrowserApp({ ...world, url: proxy.url }, await opened);
      const tab = await app.openTab();
      tab.page.setDefaultTimeout(90_000);
      await tab.signIn();
      const roomId = await openDirect(tab, friend);
      const [exchange, polling] = [
        await losePart(tab.page, "document-exchange"),
        await losePart(tab.page, "room-polling"),
      ];

      proxy.blockUpgrades("refuse");
      await friend.send(roomId, "Are you there?");
      await until(() => exchange.losses() > 0);
      exchange.pass();
      await until(() => polling.losses() > 0);
      polling.pass();

      await tab.shows(["Are you there?"]);
      expect(await tab.page.evaluate(() => client.sync.status.transport)).toBe("http");
    },
  );
});
