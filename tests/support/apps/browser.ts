import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { build } from "vite";
import { expect } from "vitest";

/** Paths where distributions install Chromium; tests never download a browser. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** Returns whether a browser is installed. If not, prints which tests are not run. */
export const hasBrowser = (notRun: string): boolean => {
  if (!CHROMIUM) process.stdout.write(`NOT RUN: ${notRun}. There is no Chromium on this machine.\n`);
  return CHROMIUM !== undefined;
};

/** A browser profile: tabs that share storage and a network. */
export interface Profile {
  /** Opens the page in a new tab. `search` is the query string of its address, as `?…`. */
  openPage(options?: { readonly search?: string; readonly diskBytes?: number | undefined }): Promise<Page>;
  /** Switches the network. The page can also be opened offline, as if a service worker had cached it. */
  setOnline(isOnline: boolean): Promise<void>;
  /** Closes the tabs and deletes what they stored. */
  close(): Promise<void>;
}

/** A real browser with one open profile. All pages have the same origin and run the same script. */
export interface Browser extends Profile {
  /** Opens another profile that shares nothing with the others. */
  openProfile(): Promise<Profile>;
  close(): Promise<void>;
}

export interface BrowserOptions {
  /** The page's script. It is built from source, as an app's script is. */
  readonly script: URL;
  /** The HTML of the page's body. */
  readonly body?: string;
  /** Changes each source file before the build. */
  readonly transform?: (code: string) => string;
  /** Whether the page loads parts of its script on demand, as `/<name of the part>.js`. Default: no. */
  readonly hasParts?: boolean;
}

export const openBrowser = async ({
  script,
  body = "",
  transform = (code) => code,
  hasParts = false,
}: BrowserOptions): Promise<Browser> => {
  const codeByPath = await buildScript(script, { transform, hasParts });
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
    // The pages do not come over a network, so the browser does not know that they are local and would ask for this
    // permission.
    await context.grantPermissions(["local-network-access"]);
    await context.route(`${ORIGIN}/**`, (route) => {
      const code = codeByPath.get(new URL(route.request().url()).pathname);
      return code === undefined
        ? route.fulfill({ contentType: "text/html", body: html })
        : route.fulfill({ contentType: "text/javascript", body: code });
    });
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
 * Limits the disk space of all pages together while this page is open. They may still use space that the browser had
 * granted before.
 */
export const limitDisk = async (page: Page, diskBytes: number): Promise<void> => {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: ORIGIN, quotaSize: diskBytes });
};

/** Nothing listens here: the browser answers each request itself. */
const ORIGIN = "http://localhost:9";

/** Returns the code of each path. */
const buildScript = async (
  script: URL,
  { transform, hasParts }: Required<Pick<BrowserOptions, "transform" | "hasParts">>,
): Promise<ReadonlyMap<string, string>> => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    root: fileURLToPath(new URL(".", script)),
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    plugins: [{ name: "changes", enforce: "pre", transform }],
    build: {
      write: false,
      rollupOptions: {
        input: fileURLToPath(script),
        output: { codeSplitting: hasParts, entryFileNames: "page.js", chunkFileNames: "[name].js" },
      },
    },
  });
  if (!("output" in built)) return expect.fail("the build has no output");
  return new Map(
    built.output.flatMap((file) =>
      file.type === "chunk" ? [[`/${file.fileName}`, file.code] as const] : [],
    ),
  );
};
