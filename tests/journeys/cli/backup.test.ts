import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { DIALECTS, temporaryFolder } from "../../support/databases/databases.ts";
import { startServerProcess } from "../../support/servers/server-process.ts";
import { runTerminal } from "../../support/apps/terminal.ts";
import { createWorld, expectRefusal, type World } from "../../support/servers/world.ts";

const ESCAPE = "\u001b";

/** Returns a terminal that finds the world's server, database and token as it would on the server's own machine. */
const createTerminal =
  (world: World) =>
  (...words: string[]) =>
    runTerminal(words, {
      environment: {
        EDVOYAGE_DATA_DIR: world.dataDir,
        EDVOYAGE_DATABASE_URL: world.databaseUrl,
        EDVOYAGE_URL: world.url,
      },
    });

const sqliteWorld = async () => {
  const world = await createWorld();
  return { world, edvoyage: createTerminal(world) };
};

describe("edvoyage db backup", () => {
  test("writes a checked file of the running server's database, and reports it as text, as JSON and in the audit log", async () => {
    const { world, edvoyage } = await sqliteWorld();

    const plain = await edvoyage("db", "backup");
    const json = await edvoyage("db", "backup", "--json");
    const status = await edvoyage("db", "status", "--json");
    const audit = await edvoyage("audit", "list", "--json");

    expect(plain.exitCode).toBe(0);
    expect(plain.stdout).toMatch(/^Backed up and checked: .+\.sqlite \(.+, epoch 1\)\.\n$/);
    expect(plain.stderr).toMatch(/^Backing up/);
    expect(plain.stdout + plain.stderr).not.toContain(ESCAPE);
    const backup = JSON.parse(json.stdout);
    expect(backup).toEqual({
      path: expect.stringContaining(join(world.dataDir, "backups")),
      sizeBytes: statSync(backup.path).size,
      epoch: 1,
      takenAt: world.clock.now(),
      removed: [],
    });
    expect(json.stderr).toBe("");
    expect(JSON.parse(status.stdout)).toMatchObject({
      dialect: "sqlite",
      epoch: 1,
      newestBackup: { path: backup.path },
      backingUp: null,
    });
    expect(JSON.parse(audit.stdout)[0]).toMatchObject({ action: "database.backed-up", actor: "admin" });
  });

  test("copies the backup to the given path, never overwrites a file, and keeps the given number of backups", async () => {
    const { world, edvoyage } = await sqliteWorld();
    const output = join(temporaryFolder(), "copy.sqlite");
    await edvoyage("db", "backup");

    const copied = await edvoyage("db", "backup", "--output", output, "--keep", "1", "--json");
    const repeated = await edvoyage("db", "backup", "--output", output);

    const { path, removed } = JSON.parse(copied.stdout);
    expect(readFileSync(output)).toEqual(readFileSync(path));
    expect(statSync(output).mode & 0o777).toBe(0o600);
    expect(removed).toHaveLength(1);
    expect(repeated).toMatchObject({ exitCode: 5, stdout: "" });
    expect(readdirSync(join(world.dataDir, "backups"))).toHaveLength(1);
  });

  test("runs once at a time, and is cut off when the server stops", async () => {
    const { world } = await sqliteWorld();

    const [one, other] = await Promise.allSettled([
      world.admin.admin.database.backup.mutate(),
      world.rpc({ token: world.adminToken }).admin.database.backup.mutate(),
    ]);

    expect([one, other].map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = one.status === "rejected" ? one : other;
    await expectRefusal(
      refused.status === "rejected" ? Promise.reject(refused.reason) : Promise.resolve(),
      "conflict",
    );
    const cutOff = world.admin.admin.database.backup.mutate();
    const settled = Promise.allSettled([cutOff]);
    await world.restart();
    await settled;
    const names = readdirSync(join(world.dataDir, "backups"));
    expect(names.filter((name) => !name.endsWith(".sqlite"))).toEqual([]);
  });
});

describe("edvoyage db restore", () => {
  test("needs a confirmation and a stopped server", async () => {
    const { edvoyage } = await sqliteWorld();
    const { path } = JSON.parse((await edvoyage("db", "backup", "--json")).stdout);

    const unconfirmed = await edvoyage("db", "restore", path);
    const conflicting = await edvoyage("db", "restore", path, "--yes", "--json");

    expect(unconfirmed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unconfirmed.stderr).toContain("--yes");
    expect(conflicting).toMatchObject({ exitCode: 5, stdout: "" });
    expect(JSON.parse(conflicting.stderr)).toMatchObject({ error: { reason: "conflict" } });
  });

  test("[SY48] brings back the state of the backup, after which every student signs in again", async () => {
    const { world, edvoyage } = await sqliteWorld();
    const before = await world.device().signIn();
    const { path } = JSON.parse((await edvoyage("db", "backup", "--json")).stdout);
    const after = await world.device().signIn();
    const open = await world.stop();

    const restored = await edvoyage("db", "restore", path, "--yes", "--json");
    const second = await open();

    expect(restored.exitCode).toBe(0);
    const { kept, ...report } = JSON.parse(restored.stdout);
    expect(report).toMatchObject({
      source: path,
      epoch: 2,
      sessionsEnded: 1,
      erasures: { state: "done", entries: 0, students: 0 },
    });
    expect(existsSync(kept)).toBe(true);
    const call = (token: string) => second.rpc({ token }).sessions.validate.query();
    await expectRefusal(call(before.token), "session/expired");
    await expectRefusal(call(after.token), "session/unknown");
    const { items } = await second.admin.admin.audit.list.query({});
    expect(items[0]).toMatchObject({ action: "database.restored", actor: "admin" });
    const ended = await second.admin.admin.sessions.list.query({ includeEnded: true });
    expect(ended.items).toMatchObject([{ state: "restore" }]);
  });

  test.each([
    [2, "a missing file", undefined],
    [1, "a text file", "a letter to my aunt, of some length"],
  ])("ends with exit code %i for %s, and changes nothing", async (exitCode, _name, content) => {
    const dataDir = temporaryFolder();
    const file = join(dataDir, "file");
    if (content !== undefined) writeFileSync(file, content);

    const refused = await runTerminal(["db", "restore", file, "--yes"], {
      environment: { EDVOYAGE_DATA_DIR: join(dataDir, "data") },
    });

    expect(refused).toMatchObject({ exitCode, stdout: "" });
    expect(refused.stderr).toContain("Nothing was changed.");
    expect(existsSync(join(dataDir, "data"))).toBe(false);
  });

  test("warns that erasures are lost when the current database cannot be read", async () => {
    const dataDir = temporaryFolder();
    const environment = { EDVOYAGE_DATA_DIR: dataDir };
    const server = await startServerProcess(dataDir);
    const { path } = JSON.parse((await runTerminal(["db", "backup", "--json"], { environment })).stdout);
    await server.end("SIGTERM");
    writeFileSync(join(dataDir, "edvoyage.sqlite"), Buffer.alloc(8_192, 0xaa));

    const restored = await runTerminal(["db", "restore", path, "--yes"], { environment });
    const doctor = await runTerminal(["doctor", "--db", "--json"], { environment });

    expect(restored.exitCode).toBe(0);
    expect(restored.stdout).toMatch(/^Restored /);
    expect(restored.stderr).toContain("ATTENTION");
    expect(JSON.parse(doctor.stdout)).toContainEqual(
      expect.objectContaining({ check: "backup", state: "ok" }),
    );
    expect(dirname(path)).toBe(join(dataDir, "backups"));
  });
});

describe.runIf(DIALECTS.includes("postgres"))("each of edvoyage db backup and restore, on PostgreSQL", () => {
  test("names the PostgreSQL tool to use instead", async () => {
    const world = await createWorld({ dialect: "postgres" });
    const edvoyage = createTerminal(world);

    const backup = await edvoyage("db", "backup");
    const restore = await edvoyage("db", "restore", "backup.sqlite", "--yes");
    const status = await edvoyage("db", "status", "--json");

    expect(backup).toMatchObject({ exitCode: 5, stdout: "", stderr: expect.stringContaining("pg_dump") });
    expect(restore).toMatchObject({
      exitCode: 5,
      stdout: "",
      stderr: expect.stringContaining("pg_restore"),
    });
    expect(JSON.parse(status.stdout)).toMatchObject({ dialect: "postgres", epoch: 1, newestBackup: null });
  });
});
