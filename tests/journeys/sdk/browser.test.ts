import { afterAll, describe, expect, test } from "vitest";
import { hasBrowser, limitDisk, openBrowser } from "../../support/apps/browser.ts";
import { createBrowserApp, type BrowserApp, type Tab } from "../../support/apps/browser-app.ts";
import { textsAt } from "../../support/students/room-texts.ts";
import { createStudent } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { wrongCode } from "../../support/students/wrong-code.ts";
import { createWorld, somePhone } from "../../support/servers/world.ts";
import { roundsOf } from "../../support/scale.ts";
import {
  expectAnswered,
  verifyCode,
  readBlockedUntil,
  secondsLeft,
  openDirect,
} from "../../support/apps/browser-steps.ts";

/** The messages written in a day offline; a favourite is toggled after every tenth. */
const MESSAGES = roundsOf({ quick: 100, whole: 500 });

const TOGGLES = MESSAGES / 10;

const openAppBrowser = () =>
  openBrowser({ script: new URL("./browser-pages/sdk-page.tsx", import.meta.url) });

describe.skipIf(!hasBrowser("The client SDK in a browser"))("the client SDK in Chromium", () => {
  const opened = openAppBrowser();

  afterAll(async () => (await opened).close());

  const createScene = async (options: Parameters<typeof createBrowserApp>[2] = {}) => {
    const world = await createWorld();
    await world.server.seedIfEmpty();
    const app = await createBrowserApp(world, await opened, options);
    return { world, app, tab: await app.openTab() };
  };

  /** A signed-in student who shares a room with a friend. */
  const createRoomScene = async (options: Parameters<typeof createBrowserApp>[2] = {}) => {
    const { world, app, tab } = await createScene(options);
    const friend = await createStudent(world);
    const phone = await tab.signIn();
    const roomId = await openDirect(tab, friend);
    return { world, app, tab, friend, phone, roomId };
  };

  describe("signing in", () => {
    test("takes a code, and shows after a wrong one how many tries are left", async () => {
      const { world, tab } = await createScene();
      await tab.says("Your phone number, please.");
      const phone = somePhone();

      await tab.page.evaluate((number) => client.auth.requestCode(number), phone);
      await tab.says("3 attempts");
      expect(await verifyCode(tab, wrongCode(world))).toBe("otp/incorrect");
      await tab.says("2 attempts");
      expect(await verifyCode(tab, world.sms.at(-1)?.code ?? "")).toBe("signedIn");

      await tab.says("Universidade de Lisboa");
      const { items } = await world.admin.admin.sessions.list.query({ phone });
      expect(items).toMatchObject([{ state: "live", platform: "web" }]);
    });

    test("stops for five minutes after three wrong codes, even after a reload", async () => {
      const { world, tab } = await createScene();
      const { page } = tab;
      const phone = somePhone();
      await page.clock.install();
      await page.evaluate((number) => client.auth.requestCode(number), phone);
      for (const [number, reason] of ["otp/incorrect", "otp/incorrect", "otp/blocked"].entries()) {
        expect(await verifyCode(tab, wrongCode(world, number + 1))).toBe(reason);
      }
      await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
      const blockedUntil = await page.evaluate(readBlockedUntil);

      await page.clock.fastForward("02:00");
      await tab.says(`Try again in ${await page.evaluate(secondsLeft, blockedUntil)} s.`);
      await page.reload();
      await tab.says(`Try again in ${await page.evaluate(secondsLeft, blockedUntil)} s.`);
      expect(await page.evaluate(readBlockedUntil)).toBe(blockedUntil);

      await page.clock.fastForward("03:00");
      world.clock.advance({ minutes: 5 });
      await tab.says("Your phone number, please.");
      await tab.signIn(phone);
      await tab.says("Saved");
    });
  });

  describe("a reload", () => {
    test("shows rooms, messages and favourites before a network is there", async () => {
      const { world, app, tab, friend, roomId } = await createRoomScene();
      await tab.send(roomId, "Are you there?");
      await tab.shows(["Are you there?"], "acked");
      await friend.send(roomId, "Since yesterday");
      await tab.page.click("li:nth-child(2) button");
      await tab.shows(["Are you there?", "Since yesterday"], "acked");
      await tab.keeps("Since yesterday");
      world.clock.advance({ seconds: 1 });
      await tab.page.waitForFunction(() => client.chat.rooms()[0]?.preview === "Since yesterday");
      await tab.says("Saved");
      await app.setOnline(false);

      await tab.page.reload();

      await tab.shows(["Are you there?", "Since yesterday"], "acked");
      await tab.showsStars("☆★☆");
      await tab.says("Universidade de Lisboa");
      expect(await tab.page.evaluate(() => client.auth.state)).toBe("signedIn");
      expect(await tab.page.evaluate(() => client.chat.rooms())).toMatchObject([
        { id: roomId, preview: "Since yesterday" },
      ]);
    });

    test(
      `loses nothing of a day offline in which the session ended: ${MESSAGES} messages and ${TOGGLES} favourites arrive once and in order`,
      { timeout: 240_000 },
      async () => {
        const { world, app, tab, friend, phone, roomId } = await createRoomScene();
        const { page } = tab;
        page.setDefaultTimeout(120_000);
        await page.clock.install();
        const universityIds = (await world.rpc().universities.list.query({ limit: TOGGLES / 2 })).items.map(
          ({ id }) => id,
        );
        await app.setOnline(false);
        const written = Array.from({ length: MESSAGES }, (_, index) => `Message ${index}`);
        await page.evaluate(
          async ([id, texts, universities]) => {
            for (const [index, text] of texts.entries()) {
              await client.chat.room(id).send(text);
              const place = (index / 10) % universities.length;
              if (index % 10 === 0) await client.favourites.toggle("university", universities[place] ?? "");
            }
            // Each favourite has been toggled twice so far; this one is toggled once more.
            await client.favourites.toggle("university", universities[3] ?? "");
          },
          [roomId, written, universityIds] as const,
        );
        await tab.says("Saved on this phone");
        world.clock.advance({ hours: 25 });
        await page.clock.fastForward("25:00:00");

        await page.reload();
        await tab.shows(written, "pending");
        await app.setOnline(true);
        await page.waitForFunction(() => client.auth.state === "expired");
        expect(await page.evaluate(() => client.sync.status.pending)).toBe(MESSAGES + TOGGLES + 1);
        expect(app.answered).toEqual([]);
        await tab.signIn(phone);
        await tab.shows(written, "acked");
        await page.evaluate(() => client.sync.flush());

        await expectAnswered(app, written);
        expect(await textsAt(await createStudent(world, { phone: friend.phone }), roomId)).toEqual(written);
        const { rpc } = await world.device({ phone }).signIn();
        expect((await rpc.favourites.list.query()).items).toMatchObject([
          { kind: "university", id: universityIds[3] },
        ]);
      },
    );
  });

  test("shows the same in two browsers of one student, and what one marks as read is read in the other", async () => {
    const { world, app, tab, friend, phone, roomId } = await createRoomScene();
    const otherApp = await createBrowserApp(world, await opened);
    const other = await otherApp.openTab();
    await other.signIn(phone);
    await other.page.waitForFunction(() => client.chat.rooms().length === 1);

    await tab.send(roomId, "from the first");
    await other.shows(["from the first"], "acked");
    await other.send(roomId, "from the second");
    await tab.shows(["from the first", "from the second"], "acked");
    await friend.send(roomId, "from the friend");
    await tab.page.click("li:nth-child(1) button");
    await other.page.click("li:nth-child(2) button");
    for (const eachTab of [tab, other]) {
      await eachTab.shows(["from the first", "from the second", "from the friend"], "acked");
      await eachTab.showsStars("★★☆");
    }

    await tab.page.evaluate((id) => client.chat.room(id).markRead(), roomId);
    world.clock.advance({ seconds: 1 });
    await other.page.waitForFunction(() => client.chat.rooms()[0]?.unread === 0);
    await expectAnswered(app, ["from the first"]);
    await expectAnswered(otherApp, ["from the second"]);
    expect(await textsAt(friend, roomId)).toEqual(["from the first", "from the second", "from the friend"]);
  });

  test("hides everything from another student in the same browser; unsent messages stay in the first one's store and are sent in that student's name", async () => {
    const { app, tab, friend, phone, roomId } = await createRoomScene();
    const { page } = tab;
    const store = `edvoyage/student-${await page.evaluate(() => client.auth.status.student?.id)}`;
    await tab.send(roomId, "Only for my friend");
    await tab.shows(["Only for my friend"], "acked");
    await friend.send(roomId, "An answer to read");
    await tab.shows(["Only for my friend", "An answer to read"], "acked");
    for (const words of ["Only for my friend", "An answer to read"]) await tab.keeps(words);
    await app.setOnline(false);
    await tab.send(roomId, "Said in the tunnel");

    await page.evaluate(() => client.auth.signOut());
    await page.reload();
    await app.setOnline(true);
    await tab.signIn();
    await tab.says("Saved");

    await tab.shows([]);
    await tab.showsStars("☆☆☆");
    expect(
      await page.evaluate(() => [client.chat.rooms(), client.outbox.list(), client.favourites.list()]),
    ).toEqual([[], [], []]);
    for (const words of ["Only for my friend", "An answer to read", phone]) {
      expect(await tab.databasesWith(words)).toEqual([]);
    }
    expect(await tab.databasesWith("Said in the tunnel")).toEqual([store]);
    await expectAnswered(app, ["Only for my friend"]);

    await tab.signIn(phone);
    await tab.shows(["Only for my friend", "An answer to read", "Said in the tunnel"], "acked");
    await expectAnswered(app, ["Only for my friend", "Said in the tunnel"]);
    await app.setOnline(false);
    await tab.send(roomId, "Better not");
    await page.evaluate(() => client.auth.signOut({ pending: "discard" }));
    await app.setOnline(true);
    expect(await tab.databasesWith("Better not")).toEqual([]);
  });

  describe("two tabs", () => {
    const openOther = async (app: BrowserApp): Promise<Tab> => {
      const other = await app.openTab();
      await other.page.waitForFunction(() => client.sync.status.connection === "online");
      return other;
    };

    test("show what either of them writes", async () => {
      const { app, tab, friend, roomId } = await createRoomScene();
      const other = await openOther(app);

      await tab.send(roomId, "from the first");
      await other.shows(["from the first"], "acked");
      await other.send(roomId, "from the second");
      await tab.page.click("li:nth-child(1) button");
      await other.page.click("li:nth-child(2) button");

      for (const eachTab of [tab, other]) {
        await eachTab.shows(["from the first", "from the second"], "acked");
        await eachTab.showsStars("★★☆");
      }
      await expectAnswered(app, ["from the first", "from the second"]);
      expect(await textsAt(friend, roomId)).toEqual(app.answered);
    });

    test("send once what both have written offline", async () => {
      const { world, app, tab, friend, phone, roomId } = await createRoomScene();
      const other = await openOther(app);
      await app.setOnline(false);

      const written: string[] = [];
      for (let index = 0; index < 10; index += 1) {
        await tab.send(roomId, `first ${index}`);
        await other.send(roomId, `second ${index}`);
        written.push(`first ${index}`, `second ${index}`);
      }
      await tab.page.click("li:nth-child(1) button");
      await other.page.click("li:nth-child(2) button");
      for (const eachTab of [tab, other]) {
        await eachTab.shows(written, "pending");
        await eachTab.showsStars("★★☆");
      }
      await app.setOnline(true);
      for (const eachTab of [tab, other]) await eachTab.shows(written, "acked");
      await tab.page.evaluate(() => client.sync.flush());

      await expectAnswered(app, written);
      expect(await textsAt(friend, roomId)).toEqual(written);
      const { rpc } = await world.device({ phone }).signIn();
      expect((await rpc.favourites.list.query()).items).toHaveLength(2);
    });

    test("hand over when the sending tab is closed, even during a request", async () => {
      const { app, tab, friend, roomId } = await createRoomScene();
      const other = await openOther(app);
      let isTaken = false;
      // The server accepts the message, but the tab never gets the answer.
      await tab.page.route("**/chat.send", async (route) => {
        await route.fetch();
        isTaken = true;
      });
      await tab.send(roomId, "on its way");
      await other.send(roomId, "from the other");
      await until(() => isTaken);
      expect(await textsAt(friend, roomId)).toEqual(["on its way"]);
      await other.shows(["on its way", "from the other"]);

      await tab.page.close();

      await other.shows(["on its way", "from the other"], "acked");
      await expectAnswered(app, ["on its way", "from the other"]);
      expect(await textsAt(friend, roomId)).toEqual(["on its way", "from the other"]);
    });

    test("follow a new student who signs in on one of them, and keep nothing of the first on screen or disk", async () => {
      const { app, tab, friend, roomId } = await createRoomScene();
      const other = await openOther(app);
      await tab.send(roomId, "Only for my friend");
      await tab.shows(["Only for my friend"], "acked");
      await friend.send(roomId, "An answer to read");
      await tab.page.click("li:nth-child(1) button");
      for (const eachTab of [tab, other]) {
        await eachTab.shows(["Only for my friend", "An answer to read"], "acked");
        await eachTab.showsStars("★☆☆");
        await eachTab.keeps("An answer to read");
      }

      const second = await tab.signIn();

      for (const eachTab of [tab, other]) {
        await eachTab.page.waitForFunction((phone) => client.auth.status.student?.phone === phone, second);
        await eachTab.shows([]);
        await eachTab.showsStars("☆☆☆");
        expect(await eachTab.page.evaluate(() => client.chat.rooms())).toEqual([]);
      }
      await other.keeps("Only for my friend", false);
      await other.keeps("An answer to read", false);
    });
  });

  test("reconnects at once when the browser wakes up", async () => {
    const { app, tab } = await createRoomScene();
    const { page } = tab;
    const isConnected = (online: boolean) =>
      page.waitForFunction((wanted) => (client.sync.status.connection === "online") === wanted, online);
    await isConnected(true);
    // From here on no timer of the page fires, so nothing retries by itself.
    await page.clock.install();
    await page.reload();
    await isConnected(true);
    await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));

    await app.setOnline(false);
    await isConnected(false);
    await app.setOnline(true);
    await isConnected(true);

    app.tunnel.setOpen(false);
    await isConnected(false);
    app.tunnel.setOpen(true);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await isConnected(true);
  });

  test("reports a full disk at once, and neither shows nor sends what was not saved", async () => {
    const { app, tab, friend, roomId } = await createRoomScene({ diskBytes: SOME_BYTES });
    const { page } = tab;
    await tab.says("Say hello");
    await limitDisk(page, 1);
    await page.evaluate(() => fillDisk());

    expect(await tab.send(roomId, "lost?")).toBe("device/full");
    expect(
      await page.evaluate(async () => {
        const [first] = (await client.universities.list({ country: "PT" })).items;
        return client.favourites.toggle("university", first?.id ?? "").catch(({ reason }) => reason);
      }),
    ).toBe("device/full");
    await tab.shows([]);
    await tab.showsStars("☆☆☆");
    await tab.says("Saved");

    await limitDisk(page, SOME_BYTES);
    await page.evaluate(() => emptyDisk());
    expect(await tab.send(roomId, "kept")).toBeUndefined();
    await tab.shows(["kept"], "acked");
    await expectAnswered(app, ["kept"]);
    expect(await textsAt(friend, roomId)).toEqual(["kept"]);
  });
});

const SOME_BYTES = 16 * 1_024 * 1_024;
