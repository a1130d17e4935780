import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { createRpcClient } from "@edvoyage/client-sdk/rpc";
import {
  createLogger,
  createServer,
  parseConfig,
  prepareDataDir,
  systemClock,
  systemRandom,
} from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/databases/databases.ts";
import { recordFiles, writeState, type DiskState } from "../support/disks/power-cut.ts";
import { startServerProcess } from "../support/servers/server-process.ts";
import { runTerminal } from "../support/apps/terminal.ts";

const STORE_PROGRAM = fileURLToPath(new URL("../dist/crash/store-program.js", import.meta.url));
const DATA_DIR = join("srv", "data");
/** Not recorded: SQLite syncs its own files, which the storage tests cover. */
const DATABASE = String.raw`data/edvoyage\.sqlite`;
const DATABASE_FILES = ["edvoyage.sqlite", "edvoyage.sqlite-wal"];

/** Starts a server on a data folder in this process, checks that it is ready, and stops it. Returns its secret. */
const startOn = async (dataDir: string): Promise<string> => {
  const config = parseConfig({ EDVOYAGE_DATA_DIR: dataDir, EDVOYAGE_SEED: "none" });
  const log = createLogger("silent");
  const secrets = await prepareDataDir(config, { random: systemRandom, log });
  const server = await createServer({
    config,
    secrets,
    clock: systemClock,
    random: systemRandom,
    log,
    smsProvider: { name: "file", send: async () => {} },
    pushProvider: undefined,
  });
  try {
    expect((await server.fetch("http://server/readyz")).status).toBe(200);
  } finally {
    await server.close();
  }
  return secrets.secret;
};

const textIn = (state: DiskState, path: string): string | undefined => state.get(path)?.toString();

describe("a power cut during a first start", () => {
  test("leaves a data folder on which the next start works, with or without the database", async () => {
    const root = temporaryFolder();
    const dataDir = join(root, DATA_DIR);
    const recording = recordFiles(root, { ignored: DATABASE });
    const server = await startServerProcess(dataDir, recording.environment);
    await server.end("SIGKILL");

    const states = recording.statesAtAnyTime();

    expect(states.length).toBeGreaterThan(10);
    for (const state of states) {
      const folder = join(writeState(state), DATA_DIR);
      await startOn(folder);
      expect(readdirSync(folder).filter((name) => name.includes("draft"))).toEqual([]);
      if (!state.has(DATA_DIR)) continue;
      const other = join(writeState(state), DATA_DIR);
      for (const file of DATABASE_FILES) cpSync(join(dataDir, file), join(other, file));
      await startOn(other);
    }
  }, 240_000);

  test("leaves the secret that the server had when it began to listen", async () => {
    const root = temporaryFolder();
    const recording = recordFiles(root, { ignored: DATABASE });
    const server = await startServerProcess(join(root, DATA_DIR), recording.environment);
    const [secret, token] = ["secret", "admin-token"].map((name) =>
      readFileSync(join(root, DATA_DIR, name), "utf8"),
    );
    await server.end("SIGKILL");

    const states = recording.statesAtEnd();

    expect(new Set(states.map((state) => textIn(state, join(DATA_DIR, "secret"))))).toEqual(
      new Set([secret]),
    );
    expect(new Set(states.map((state) => textIn(state, join(DATA_DIR, "admin-token"))))).toEqual(
      new Set([token]),
    );
    // The file with the server's address may be lost, but nobody can read half of it, because a rename creates it.
    const announcement = join(DATA_DIR, "server.json");
    expect(
      recording.steps().flatMap((step) => ("path" in step && step.path === announcement ? [step.kind] : [])),
    ).toEqual(["rename"]);
  });

  test("leaves a secret that a start found, after an earlier start was killed before syncing it", async () => {
    const root = temporaryFolder();
    const recording = recordFiles(root, { ignored: DATABASE });
    const secret = "a secret that was written and not synced";
    const killed = `const { mkdirSync, writeFileSync } = await import("node:fs");
      mkdirSync("srv/data", { recursive: true });
      writeFileSync("srv/data/secret", ${JSON.stringify(secret)});`;
    await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", killed], {
      cwd: root,
      env: { ...process.env, ...recording.environment },
    });
    const server = await startServerProcess(join(root, DATA_DIR), recording.environment);
    await server.end("SIGKILL");

    const states = recording.statesAtEnd().filter((state) => state.has(DATA_DIR));

    expect(new Set(states.map((state) => textIn(state, join(DATA_DIR, "secret"))))).toEqual(
      new Set([secret]),
    );
  });
});

describe("a power cut after the CLI reported that a file exists", () => {
  const recordCommand = async (words: readonly string[]) => {
    const dataDir = temporaryFolder();
    const server = await startServerProcess(dataDir);
    const root = temporaryFolder();
    const output = join(root, "copies", "asha");
    mkdirSync(join(root, "copies"));
    const recording = recordFiles(root);
    const { auth } = createRpcClient({ url: server.url, token: () => undefined });
    const device = { phone: "+447400123456", deviceId: "a-device-of-a-student-01" };
    const { challengeId } = await auth.requestCode.mutate(device);
    await auth.verifyCode.mutate({
      challengeId,
      code: server.sms()[0]?.code ?? "",
      deviceId: device.deviceId,
    });
    const { exitCode, stderr } = await runTerminal([...words, "--output", output], {
      environment: { EDVOYAGE_DATA_DIR: dataDir, ...recording.environment },
    });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    return { recording, content: readFileSync(output), name: join("copies", "asha") };
  };

  test.each([
    ["db backup", ["db", "backup"]],
    ["users export", ["users", "export", "+447400123456"]],
  ])("leaves the complete file after %s --output", async (_what, words) => {
    const { recording, content, name } = await recordCommand(words);

    const atEnd = recording.statesAtEnd();
    const atAnyTime = recording.statesAtAnyTime();

    expect(atEnd.filter((state) => !state.get(name)?.equals(content))).toEqual([]);
    // Half a file under the final name would stop the command from being repeated, and look like a backup.
    expect(atAnyTime.filter((state) => state.has(name) && !state.get(name)?.equals(content))).toEqual([]);
    expect(atAnyTime.length).toBeGreaterThan(3);
  });
});

test("a power cut leaves the server's own backup, and not the older ones that were deleted for it", async () => {
  const root = temporaryFolder();
  const dataDir = join(root, DATA_DIR);
  await (await startServerProcess(dataDir)).end("SIGTERM");
  const recording = recordFiles(root, { ignored: DATABASE });
  const server = await startServerProcess(dataDir, recording.environment);
  const { admin } = createRpcClient({ url: server.url, token: () => server.adminToken });
  const { path: older } = await admin.database.backup.mutate({});
  const { path, removed } = await admin.database.backup.mutate({ keep: 1 });
  await server.end("SIGKILL");

  const states = recording.statesAtEnd();

  expect(removed).toEqual([older]);
  const content = readFileSync(path);
  expect(states.filter((state) => !state.get(path.slice(root.length + 1))?.equals(content))).toEqual([]);
  expect(states.filter((state) => state.has(older.slice(root.length + 1)))).toEqual([]);
});

test("a power cut during a restore leaves the old database with its log, or the new one without; after it, the new one", async () => {
  const dataDir = temporaryFolder();
  const server = await startServerProcess(dataDir);
  const { admin } = createRpcClient({ url: server.url, token: () => server.adminToken });
  const { path: backup } = await admin.database.backup.mutate({});
  await server.end("SIGTERM");
  const root = temporaryFolder();
  const target = join(root, "edvoyage.sqlite");
  // An unreadable database: SQLite cannot apply the log to it.
  const damaged = Buffer.alloc(8_192, "a database that was damaged ");
  writeFileSync(target, damaged);
  writeFileSync(`${target}-wal`, "its log");
  const recording = recordFiles(root, { ignored: String.raw`\.lock$|-journal$|restoring-` });
  const { exitCode } = await runTerminal(["db", "restore", backup, "--db", `sqlite:${target}`, "--yes"], {
    environment: { EDVOYAGE_DATA_DIR: dataDir, ...recording.environment },
  });
  const restored = readFileSync(target);

  const atAnyTime = recording.statesAtAnyTime();
  const atEnd = recording.statesAtEnd();

  expect(exitCode).toBe(0);
  const isNew = (state: DiskState): boolean => state.get("edvoyage.sqlite")?.equals(restored) === true;
  expect(atEnd.every(isNew)).toBe(true);
  // SQLite would write the pages of the old log into the new database.
  expect(atAnyTime.filter((state) => isNew(state) && state.has("edvoyage.sqlite-wal"))).toEqual([]);
  expect(
    atAnyTime.filter((state) => !isNew(state) && !state.get("edvoyage.sqlite")?.equals(damaged)),
  ).toEqual([]);
});

describe("a file system without hard links", () => {
  /** A module that removes hard links, as on the file system of a USB stick. */
  const NO_LINKS = `import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    fs.linkSync = () => { throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" }); };
    syncBuiltinESMExports();`;
  const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(NO_LINKS)}` };

  test("supports a first start, the next start and a backup, and never overwrites a file", async () => {
    const dataDir = temporaryFolder();
    const folder = temporaryFolder();
    const first = await startServerProcess(dataDir, environment);
    await first.end("SIGTERM");
    const server = await startServerProcess(dataDir, environment);

    const runBackup = () =>
      runTerminal(["db", "backup", "--output", join(folder, "copy.sqlite"), "--json"], {
        environment: { EDVOYAGE_DATA_DIR: dataDir, ...environment },
      });
    const copied = await runBackup();
    const again = await runBackup();

    expect(server.adminToken).toBe(first.adminToken);
    expect(copied).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(join(folder, "copy.sqlite"))).toEqual(readFileSync(JSON.parse(copied.stdout).path));
    expect(again.exitCode).toBe(5);
    expect(readdirSync(folder)).toEqual(["copy.sqlite"]);
    expect(readdirSync(dataDir).filter((name) => name.includes("draft"))).toEqual([]);
  });
});

describe("a power cut on a student's computer", () => {
  test("keeps the folder of a store, and the parent folders that were created with it", async () => {
    const root = temporaryFolder();
    const recording = recordFiles(root, { ignored: String.raw`\.sqlite` });
    await promisify(execFile)(process.execPath, [STORE_PROGRAM, "open", "a/b/c", "student"], {
      cwd: root,
      env: { ...process.env, ...recording.environment },
    });

    const states = recording.statesAtEnd();

    expect(states.map((state) => [...state.keys()])).toEqual([["a", "a/b", "a/b/c"]]);
  });

  test("never brings a deleted store back", async () => {
    const root = temporaryFolder();
    const store = await createSqliteStorage({ folder: root }).open("student");
    await store.write([{ key: "a", value: Uint8Array.of(1) }]);
    // A copy as a killed program leaves it, with its write-ahead log.
    const copy = temporaryFolder();
    cpSync(root, copy, { recursive: true });
    await store.close();
    const recording = recordFiles(copy);
    await promisify(execFile)(process.execPath, [STORE_PROGRAM, "delete", copy, "student"], {
      env: { ...process.env, ...recording.environment },
    });

    const states = recording.statesAtEnd();

    expect(readdirSync(copy)).toEqual([]);
    expect(states.map((state) => [...state.keys()])).toEqual([[]]);
  });
});
