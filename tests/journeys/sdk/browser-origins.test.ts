import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  roomDocumentName,
  SYNC_SUBPROTOCOL,
} from "@edvoyage/protocol";
import type { Page } from "playwright-core";
import { v7 } from "uuid";
import { expect, onTestFinished, test } from "vitest";
import { createBrowserApp } from "../../support/apps/browser-app.ts";
import { hasBrowser, openBrowser } from "../../support/apps/browser.ts";
import { createWorld, somePhone, type World } from "../../support/servers/world.ts";

/** Opens a page with the stock client, on an origin of its own. */
const openPage = async (): Promise<Page> => {
  const browser = await openBrowser({
    script: new URL("./browser-pages/page.js", import.meta.url),
    body: '<pre id="events"></pre><p id="closed"></p>',
  });
  onTestFinished(browser.close);
  return browser.openPage();
};

const connect = (
  page: Page,
  world: World,
  { token, name }: { readonly token: string; readonly name: string },
) =>
  page.evaluate(
    (options) => {
      const { connect: open } = globalThis as unknown as { connect: (options: object) => void };
      open(options);
    },
    {
      url: `${world.url.replace(/^http/, "ws")}/sync`,
      name,
      protocols: [SYNC_SUBPROTOCOL, `${BEARER_SUBPROTOCOL_PREFIX}${token}`],
    },
  );

test("[SY1] [SY3] [SY14] the stock client in a browser follows a room as it grows, and is closed in a room of others", async (context) => {
  if (!hasBrowser("The stock client in a browser")) return context.skip("there is no Chromium");
  const world = await createWorld();
  const [student, stranger] = [await world.device().signIn(), await world.device().signIn()];
  const room = await student.rpc.chat.rooms.create.mutate({
    kind: "group",
    name: "From a browser",
    memberIds: [],
    commandId: v7(),
  });
  const say = (text: string) => student.rpc.chat.send.mutate({ roomId: room.id, text, commandId: v7() });
  await say("before");
  const name = roomDocumentName(room.id, 0);

  const page = await openPage();
  await connect(page, world, { token: student.token, name });
  await page.waitForFunction("document.querySelector('#events').textContent === 'before'");
  await say("while open");
  await page.waitForFunction("document.querySelector('#events').textContent === 'before\\nwhile open'");
  const other = await openPage();
  await connect(other, world, { token: stranger.token, name });
  await other.waitForFunction("document.querySelector('#closed').textContent !== ''");

  expect(await other.textContent("#closed")).toBe(String(CLOSE_CODES.forbidden));
});

test("a page whose origin is not allowed gets another reason than one whose server is not reached", async (context) => {
  if (!hasBrowser("The SDK on a page that is not allowed")) return context.skip("there is no Chromium");
  const browser = await openBrowser({ script: new URL("./browser-pages/sdk-page.tsx", import.meta.url) });
  onTestFinished(browser.close);
  const reasonAt = async (world: World, isReached: boolean): Promise<string> => {
    const app = await createBrowserApp(world, browser);
    const { page } = await app.openTab();
    app.tunnel.setOpen(isReached);
    return page.evaluate(
      (phone) =>
        client.auth.requestCode(phone).then(
          ({ state }) => state,
          ({ reason }) => reason,
        ),
      somePhone(),
    );
  };

  const allowed = await createWorld();
  const refusing = await createWorld({
    environment: { EDVOYAGE_ALLOWED_ORIGINS: "https://app.example.org" },
  });

  expect(await reasonAt(allowed, true)).toBe("codeSent");
  expect(await reasonAt(allowed, false)).toBe("offline");
  expect(await reasonAt(refusing, true)).toBe("origin-refused");
  expect(await reasonAt(refusing, false)).toBe("offline");
});
