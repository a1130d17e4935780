import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData, type Problem } from "@arethetypeswrong/core";
import { publint } from "publint";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { trimYjs } from "../../client-sdk/trim-yjs.js";
import { somePhone } from "../support/students/phone.ts";
import { createWorld } from "../support/servers/world.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The tarball that `npm publish` would upload, and an app that has installed it. */
interface Packed {
  readonly tarball: string;
  readonly app: string;
}

let folder: string;
let packed: Packed;

// Packed only once, because packing bundles Yjs.
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "edvoyage-package-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder, "-w", "client-sdk"], {
    cwd: ROOT,
  });
  const [{ filename }]: [{ filename: string }] = JSON.parse(stdout.slice(stdout.indexOf("[")));
  const tarball = join(folder, filename);
  const app = join(folder, "app");
  const modules = join(app, "node_modules");
  mkdirSync(join(modules, "@edvoyage"), { recursive: true });
  await run("tar", [
    "-xzf",
    tarball,
    "-C",
    join(modules, "@edvoyage"),
    "--transform",
    "s/^package/client-sdk/",
  ]);
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".") && name !== "@edvoyage")
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  symlinkSync(join(ROOT, "protocol"), join(modules, "@edvoyage", "protocol"));
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", type: "module", private: true }));
  packed = { tarball, app };
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The gzipped size in bytes of the chunk that an app starts with, and of the chunks that it loads on demand, by name. */
interface AppSize {
  readonly start: number;
  readonly onDemand: Readonly<Record<string, number>>;
}

/** Builds an app of one line for browsers. */
const sizesOf = async (code: string): Promise<AppSize> => {
  const entry = join(packed.app, "entry.js");
  writeFileSync(entry, code);
  const built = await build({
    configFile: false,
    logLevel: "silent",
    root: packed.app,
    build: { write: false, modulePreload: false, target: "es2020", rollupOptions: { input: entry } },
  });
  if (!("output" in built)) return expect.fail("the build has no output");
  const toBytes = (text: string): number => gzipSync(text, { level: 9 }).byteLength;
  const [start, ...others] = built.output;
  const chunks = others.flatMap((chunk) =>
    chunk.type === "chunk" ? [[chunk.name, toBytes(chunk.code)] as const] : [],
  );
  return { start: toBytes(start.code), onDemand: Object.fromEntries(chunks) };
};

/** Builds an app of one line for browsers. Returns the gzipped size in bytes of what it starts with. */
const sizeOf = async (code: string): Promise<number> => (await sizesOf(code)).start;

/** Ignores problems of `require` and of Node.js without "exports": the package is ESM only. */
const isIgnored = (problem: Problem): boolean => {
  if (problem.kind === "CJSResolvesToESM") return true;
  // "./testing" is for the tests of this repository, which run from source.
  if (problem.kind === "NoResolution")
    return problem.resolutionKind === "node10" || problem.entrypoint === "./testing";
  return false;
};

test("publint and attw find no problem in the package", async () => {
  const { messages } = await publint({
    pkgDir: join(packed.app, "node_modules/@edvoyage/client-sdk"),
    level: "suggestion",
    pack: false,
  });
  const checked = await checkPackage(
    createPackageFromTarballData(new Uint8Array(readFileSync(packed.tarball))),
  );

  expect(messages).toEqual([]);
  const problems = checked.types ? checked.problems : expect.fail("has no types");
  expect(problems.filter((problem) => !isIgnored(problem))).toEqual([]);
});

test("the public declarations import only the expected packages", () => {
  const dist = join(packed.app, "node_modules/@edvoyage/client-sdk/dist");
  const seen = new Set<string>();
  const imported = new Set<string>();
  const read = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from = ""] of readFileSync(file, "utf8").matchAll(
      /^(?!\s*[/*]).*(?:from|import\()\s*"([^"]+)"/gm,
    )) {
      if (from.startsWith(".")) read(join(file, "..", from.replace(/\.(js|ts|tsx)$/, ".d.ts")));
      else imported.add(from);
    }
  };
  for (const entry of ["index", "core", "browser", "node", "react-native", "react/index"]) {
    read(join(dist, `${entry}.d.ts`));
  }

  expect([...imported].sort()).toEqual(["@edvoyage/protocol", "react", "y-protocols/awareness", "yjs"]);
});

test("the trimmed Yjs of the bundle gives the same result as the original for updates in any order, with any missing", async () => {
  const code = trimYjs(readFileSync(fileURLToPath(import.meta.resolve("yjs")), "utf8"));
  const file = join(packed.app, "yjs.mjs");
  writeFileSync(file, code.replace(/^\/\/# sourceMappingURL=.*/m, ""));
  // Yjs warns that it is loaded twice, which is intended here.
  const consoleError = vi.spyOn(console, "error").mockImplementation(() => {});
  const trimmed: typeof Y = await import(file);
  consoleError.mockRestore();
  const writers = [1, 2, 3].map((clientID) => Object.assign(new Y.Doc(), { clientID }));
  const updates: Uint8Array[] = [];
  for (const doc of writers) doc.on("update", (update: Uint8Array) => updates.push(update));
  for (const [step, doc] of [...writers, ...writers, ...writers, ...writers].entries()) {
    const array = doc.getArray<unknown>("entries");
    array.insert(array.length >> 1, [{ key: `${step}` }, step, "text", null, [true]]);
    if (step % 2 === 1) array.delete(step % array.length, 2);
    if (step % 4 === 3) for (const other of writers) Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  }
  const orders = [
    updates,
    updates.toReversed(),
    updates.filter((_, place) => place % 3 !== 1),
    [...updates.slice(7), ...updates.slice(0, 5)],
  ];

  for (const order of orders) {
    const [stock, ours] = [new Y.Doc(), new trimmed.Doc()];
    for (const update of order) {
      Y.applyUpdate(stock, update);
      trimmed.applyUpdate(ours, update);
    }

    expect(ours.getArray("entries").toArray()).toEqual(stock.getArray("entries").toArray());
    // Updates that wait for a missing one are also encoded.
    const [fromStock, fromOurs] = [new Y.Doc(), new Y.Doc()];
    Y.applyUpdate(fromStock, Y.encodeStateAsUpdate(stock));
    Y.applyUpdate(fromOurs, trimmed.encodeStateAsUpdate(ours));
    for (const doc of [fromStock, fromOurs]) for (const update of updates) Y.applyUpdate(doc, update);
    expect(fromOurs.getArray("entries").toJSON()).toEqual(fromStock.getArray("entries").toJSON());
    expect(trimmed.encodeStateVector(ours)).toEqual(Y.encodeStateVector(stock));
    expect(editedBy(trimmed, ours)).toEqual(editedBy(Y, stock));
  }
});

/** Makes the kinds of edits that the SDK makes. Returns each update, and what the document then contains. */
const editedBy = (
  { encodeStateAsUpdate }: Pick<typeof Y, "encodeStateAsUpdate">,
  doc: Y.Doc,
): readonly (Uint8Array | readonly unknown[])[] => {
  const updates: Uint8Array[] = [];
  doc.clientID = 4;
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const array = doc.getArray<unknown>("entries");
  for (let step = 0; step < 8; step += 1) {
    doc.transact(() => {
      if (array.toArray().length > 0) array.delete((step * 5) % array.toArray().length);
      array.push([{ key: `own ${step}`, val: null }]);
    });
  }
  return [...updates, [...array], encodeStateAsUpdate(doc)];
};

describe("the budget of an app in a browser, gzipped", () => {
  // The goals are 52 kB and 16 kB. Neither is reached yet: the limits hold what is, so that nothing is added unseen.
  test("has room for 52.3 kB with everything, Yjs included", async () => {
    const bytes = await sizeOf(
      `import { createClient } from "@edvoyage/client-sdk"; globalThis.client = createClient;`,
    );

    expect(bytes).toBeLessThanOrEqual(52_300);
  });

  test("has room for 19.4 kB without sync", async () => {
    const bytes = await sizeOf(
      `import { createCoreClient } from "@edvoyage/client-sdk/core"; globalThis.client = createCoreClient;`,
    );

    expect(bytes).toBeLessThanOrEqual(19_400);
  });

  test("has room for 3 kB for each chunk that an app loads on demand: checks, signing in and HTTP without sockets", async () => {
    const { onDemand } = await sizesOf(
      `import { createClient } from "@edvoyage/client-sdk"; globalThis.client = createClient;`,
    );

    expect(Object.keys(onDemand).sort()).toEqual([
      "document-exchange",
      "known-checks",
      "room-polling",
      "sign-in",
    ]);
    expect(Math.max(...Object.values(onDemand))).toBeLessThanOrEqual(3_000);
  });

  test("counts only what the app uses", async () => {
    const bytes = await sizeOf(
      `import { isEdVoyageError } from "@edvoyage/client-sdk/core"; globalThis.is = isEdVoyageError;`,
    );

    expect(bytes).toBeLessThanOrEqual(500);
  });
});

test("the bundle for React Native resolves with its condition, and everything works", async () => {
  const world = await createWorld();
  const script = join(packed.app, "phone.js");
  writeFileSync(
    script,
    `
    import { createClient, createMemoryStorage } from "@edvoyage/client-sdk";
    import { WebSocket } from "ws";
    const [url] = process.argv.slice(2);
    const client = createClient({ url, storage: createMemoryStorage(), WebSocket });
    await client.ready();
    await client.auth.requestCode("+447400123456");
    process.stdin.once("data", async (code) => {
      await client.auth.verifyCode(String(code));
      const room = await client.chat.createRoom({ kind: "group", memberIds: [] });
      await room.send("From a phone");
      await client.settings.set("theme", "dark");
      await client.sync.flush();
      const stop = room.watch(({ messages }) => {
        if (messages[0]?.state !== "acked") return;
        process.stdout.write(JSON.stringify([client.auth.state, messages[0].text, client.settings.get("theme")]));
        process.exit(0);
      });
    });
    process.stdout.write("asked ");
  `,
  );
  const resolved = await run(
    process.execPath,
    [
      "--conditions=react-native",
      "-e",
      'process.stdout.write(import.meta.resolve("@edvoyage/client-sdk"))',
      "--input-type=module",
    ],
    { cwd: packed.app },
  );
  expect(resolved.stdout).toMatch(/dist\/bundle\.js$/);

  const phone = execFile(process.execPath, ["--conditions=react-native", script, world.url], {
    cwd: packed.app,
  });
  let printed = "";
  phone.stdout?.on("data", (text: string) => {
    printed += text;
    if (text === "asked ") phone.stdin?.write(world.sms.at(-1)?.code ?? "");
  });
  await new Promise((resolve) => phone.once("exit", resolve));

  expect(printed).toBe('asked ["signedIn","From a phone","dark"]');
});

/**
 * Builds the app of the README's example for a phone, as Metro does: in one file, with the package as it is published.
 */
const buildPhoneApp = async (
  url: string,
): Promise<{ readonly script: string; readonly modules: string[] }> => {
  const native = (name: string): string =>
    fileURLToPath(new URL(`../support/fakes/native/${name}.ts`, import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: "silent",
    root: packed.app,
    plugins: [
      {
        name: "an app's own",
        enforce: "pre",
        resolveId(id) {
          return id.startsWith("@edvoyage/")
            ? this.resolve(id, join(packed.app, "entry.js"), { skipSelf: true })
            : null;
        },
        transform: (code, id) =>
          id.endsWith("/examples/react-native.ts") ? code.replace("https://api.edvoyage.example", url) : null,
      },
    ],
    resolve: {
      alias: {
        "@react-native-community/netinfo": native("netinfo"),
        "expo-secure-store": native("expo-secure-store"),
        "expo-sqlite": native("expo-sqlite"),
        "react-native": native("react-native"),
      },
    },
    ssr: {
      noExternal: true,
      external: ["better-sqlite3", "ws"],
      resolve: { conditions: ["react-native", "module", "production"] },
    },
    build: {
      write: false,
      ssr: true,
      rollupOptions: {
        input: fileURLToPath(new URL("./phone/app.ts", import.meta.url)),
        output: { codeSplitting: false },
      },
    },
  });
  if (!("output" in built)) return expect.fail("the build has no output");
  const [{ code, moduleIds }] = built.output;
  const script = join(packed.app, "phone-app.js");
  writeFileSync(script, code);
  return { script, modules: moduleIds };
};

test("the example for React Native signs in, and continues after the system has killed it", async () => {
  const world = await createWorld();
  const { script, modules } = await buildPhoneApp(world.url);
  const number = somePhone();
  const disk = join(folder, "phone");
  const start = async (...input: string[]): Promise<unknown[]> => {
    const app = execFile(process.execPath, [script, ...input], {
      cwd: packed.app,
      env: { ...process.env, PHONE_FOLDER: disk },
    });
    let printed = "";
    app.stderr?.pipe(process.stderr);
    app.stdout?.on("data", (text: string) => {
      printed += text;
      if (text.includes("asked")) app.stdin?.write(world.sms.at(-1)?.code ?? "");
    });
    const code = await new Promise((resolve) => app.once("close", resolve));
    expect(code).toBe(0);
    return printed.split("\n").flatMap((line): unknown[] => (line ? [JSON.parse(line)] : []));
  };

  const first = await start("first", number);
  const readKeychain = (): Record<string, string> =>
    JSON.parse(readFileSync(join(disk, "keychain.json"), "utf8"));
  const { "edvoyage.device": deviceId = "", ...keys } = readKeychain();
  const [token = ""] = Object.values(keys);
  const files = readdirSync(disk).filter((name) => name.includes(".db"));
  const leaked = files.filter((name) => {
    const bytes = readFileSync(join(disk, name));
    return bytes.includes(token) || bytes.includes(deviceId);
  });
  const second = await start("second");

  expect(
    modules.filter((id) => /client-sdk/.test(id)).map((id) => id.slice(id.lastIndexOf("/") + 1)),
  ).toContain("bundle.js");
  expect(first).toEqual(["asked", ["signedIn", "dark", 1, 1]]);
  expect(token.length).toBeGreaterThan(40);
  expect(deviceId).toHaveLength(32);
  expect(leaked).toEqual([]);
  expect(second).toMatchObject([
    ["signedIn", number, "dark", 1],
    { connection: "online", pending: 0, failed: 0 },
    ["signedOut", 0, 0],
  ]);
  expect(readKeychain()).toEqual({ "edvoyage.device": deviceId });
  const { rpc } = await world.device({ phone: number }).signIn();
  const [room] = (await rpc.inbox.changes.query({ since: null })).rooms;
  const { items } = await rpc.chat.history.query({ roomId: room?.id ?? "" });
  expect(items.flatMap(({ text }) => text ?? [])).toEqual(["In the tunnel", "From a phone"]);
});
