import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { build } from "vite";
import { expect } from "vitest";

/** Where distributions put it; no test downloads a browser. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** Whether there is one; says loudly what is not run where there is none. */
export const hasBrowser = (notRun: string): boolean => {
  if (!CHROMIUM) process.stdout.write(`NOT RUN: ${notRun}. There is no Chromium on this machine.\n`);
  return CHROMIUM !== undefined;
};

/** What of a browser belongs to one user of it: tabs that share what they store, and a network. */
export interface Profile {
  /** Opens the page in a new tab; `search` is what its address has after the path, as `?…`. */
  openPage(options?: { readonly search?: string; readonly diskBytes?: number | undefined }): Promise<Page>;
  /** Without a network the page is opened all the same, as one is that a service worker keeps. */
  setOnline(isOnline: boolean): Promise<void>;
  /** Closes its tabs, and forgets what they stored. */
  close(): Promise<void>;
}

/** A real browser with one profile, and an origin of its own whose pages run one script. */
export interface Browser extends Profile {
  /** A profile that has nothing of any other. */
  openProfile(): Promise<Profile>;
  close(): Promise<void>;
}

export interface BrowserOptions {
  /** The page's script, which is built from source as an app's is. */
  readonly script: URL;
  /** What else the page shows. */
  readonly body?: string;
  /** Changes what the page's script is built from. */
  readonly transform?: (code: string) => string;
}

export const openBrowser = async ({
  script,
  body = "",
  transform = (code) => code,
}: BrowserOptions): Promise<Browser> => {
  const code = await buildScript(script, transform);
  const html = `<!doctype html><meta charset="utf-8"><title>EdVoyage</title>${body}<script type="module" src="/page.js"></script>`;
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

  const openProfile = async (): Promise<Profile> => {
    const context = await browser.newContext();
    // Of a page that did not come over a network the browser does not know that it is of this machine.
    await context.grantPermissions(["local-network-access"]);
    await context.route(`${ORIGIN}/**`, (route) =>
      new URL(route.request().url()).pathname === "/page.js"
        ? route.fulfill({ contentType: "text/javascript", body: code })
        : route.fulfill({ contentType: "text/html", body: html }),
    );
    return {
      openPage: async ({ search = "", diskBytes } = {}) => {
        const page = await context.newPage();
        if (diskBytes !== undefined) await limitDisk(page, diskBytes);
        await page.goto(`${ORIGIN}/${search}`);
        return page;
      },
      setOnline: (isOnline) => context.setOffline(!isOnline),
      close: () => context.close(),
    };
  };
  return { ...(await openProfile()), openProfile, close: () => browser.close() };
};

/**
 * Says how much room all pages together have, as long as this page is open. What they were promised before, they
 * may still write.
 */
export const limitDisk = async (page: Page, diskBytes: number): Promise<void> => {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: ORIGIN, quotaSize: diskBytes });
};

/** Nobody listens there: the pages are answered before anything is sent. */
const ORIGIN = "http://localhost:9";

const buildScript = async (script: URL, transform: (code: string) => string): Promise<string> => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    root: fileURLToPath(new URL(".", script)),
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    plugins: [{ name: "changes", enforce: "pre", transform }],
    build: { write: false, rollupOptions: { input: fileURLToPath(script) } },
  });
  return "output" in built ? built.output[0].code : expect.fail("not built");
};
