import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  roomDocumentName,
  SYNC_SUBPROTOCOL,
} from "@edvoyage/protocol";
import { chromium, type Page } from "playwright-core";
import { v7 } from "uuid";
import { build } from "vite";
import { expect, onTestFinished, test } from "vitest";
import { createWorld, type World } from "../support/world.ts";

/** Where distributions put it; no test downloads a browser. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** A page with the stock client in it, on an origin of its own. */
const openPage = async (): Promise<Page> => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    root: fileURLToPath(new URL("./browser", import.meta.url)),
    build: {
      write: false,
      rollupOptions: { input: fileURLToPath(new URL("./browser/page.js", import.meta.url)) },
    },
  });
  const script = "output" in built ? built.output[0].code : expect.fail("not built");
  const html = `<!doctype html><title>Chat</title><pre id="events"></pre><p id="closed"></p><script type="module">${script}</script>`;
  const http = createServer((_request, response) => response.end(html)).listen(0, "127.0.0.1");
  await once(http, "listening");
  const browser = await chromium.launch({
    executablePath: CHROMIUM ?? "",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ],
  });
  onTestFinished(async () => {
    await browser.close();
    http.close();
  });
  const page = await browser.newPage();
  await page.goto(`http://localhost:${(http.address() as AddressInfo).port}/`);
  return page;
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

test("the stock client in a browser reads a room as it grows, and stops when it is not its own", async (context) => {
  if (!CHROMIUM) {
    process.stdout.write("NOT RUN: the stock client in a browser. There is no Chromium on this machine.\n");
    return context.skip("there is no Chromium on this machine");
  }
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
