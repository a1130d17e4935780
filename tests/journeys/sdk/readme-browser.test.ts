import { describe, expect, onTestFinished, test } from "vitest";
import { hasBrowser, openBrowser } from "../../support/apps/browser.ts";
import { createWorld, somePhone } from "../../support/servers/world.ts";

describe.skipIf(!hasBrowser("The README's example for a browser"))("the README's browser example", () => {
  test("signs in, stores a favourite and shows it again after a reload", async () => {
    const world = await createWorld();
    await world.server.seedIfEmpty();
    const browser = await openBrowser({
      script: new URL("./browser-pages/readme-page.ts", import.meta.url),
      transform: (code) => code.replace("https://api.edvoyage.example", world.url),
    });
    onTestFinished(browser.close);
    const page = await browser.openPage();
    const errors: string[] = [];
    page.on("pageerror", ({ message }) => errors.push(message));
    await page.evaluate(() => readmeClient.ready());
    expect(await page.evaluate(() => readmeClient.auth.state)).toBe("signedOut");
    const phone = somePhone();
    await page.evaluate((number) => readmeClient.auth.requestCode(number), phone);
    await page.evaluate((code) => readmeClient.auth.verifyCode(code), world.sms.at(-1)?.code ?? "");
    const id = await page.evaluate(async () => {
      const [first] = (await readmeClient.universities.list({ query: "lisboa" })).items;
      await readmeClient.favourites.toggle("university", first?.id ?? "");
      await readmeClient.sync.flush();
      return first?.id;
    });

    await page.reload();
    await page.evaluate(() => readmeClient.ready());

    expect(await page.evaluate(() => readmeClient.auth.state)).toBe("signedIn");
    expect(await page.evaluate(() => readmeClient.favourites.list())).toMatchObject([
      { kind: "university", id },
    ]);
    const { items } = await world.admin.admin.sessions.list.query({ phone });
    expect(items).toMatchObject([{ state: "live", platform: "web" }]);
    expect(errors).toEqual([]);
  });
});
