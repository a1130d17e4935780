import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRpcClient, refusalOf, type RpcClient } from "@edvoyage/client-sdk/rpc";
import Sqlite from "better-sqlite3";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DIALECTS, emptyDatabase, temporaryFolder } from "../support/databases/databases.ts";
import { withKillMoments } from "../support/kill-moments.ts";
import { failToStart, startServerProcess, type ServerProcess } from "../support/servers/server-process.ts";
import { runTerminal } from "../support/apps/terminal.ts";
import { roundsOf } from "../support/scale.ts";
import { createWorld, expectRefusal, somePhone } from "../support/servers/world.ts";

/** The compiled server, for separate processes. */
const KILLS = roundsOf({ quick: 3, whole: 8 });
const APP = new URL("../../server/dist/app.js", import.meta.url).href;

const newDeviceId = (): string => randomBytes(16).toString("base64url");

const clientOf = ({ url }: ServerProcess, token?: string): RpcClient =>
  createRpcClient({ url, token: () => token });

const signIn = async (server: ServerProcess, phone = somePhone()) => {
  const deviceId = newDeviceId();
  const { auth } = clientOf(server);
  const { challengeId } = await auth.requestCode.mutate({ phone, deviceId });
  const code = server.sms().findLast(({ to }) => to === phone)?.code ?? "";
  return auth.verifyCode.mutate({ challengeId, code, deviceId });
};

const wrongCodeFor = (code: string): string => `${code.startsWith("1") ? "2" : "1"}${code.slice(1)}`;

describe("a server process", () => {
  test("keeps what it has acknowledged over kill -9, and its lock is released", async () => {
    const dataDir = temporaryFolder();
    const first = await startServerProcess(dataDir);
    const { token, session } = await signIn(first);

    expect(await first.end("SIGKILL")).toBe("SIGKILL");
    const second = await startServerProcess(dataDir);

    expect(await clientOf(second, token).sessions.validate.query()).toMatchObject({
      session: { id: session.id },
    });
  });

  test("ends with code 0 on SIGTERM and SIGINT, and removes the file with its address", async () => {
    const dataDir = temporaryFolder();

    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const server = await startServerProcess(dataDir);
      expect(JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8"))).toMatchObject({
        url: server.url,
      });

      expect(await server.end(signal)).toBe(0);
      expect(existsSync(join(dataDir, "server.json"))).toBe(false);
    }
  });

  test("creates its secrets readable only by its owner, and keeps them", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const server = await startServerProcess(dataDir);
    const secrets = ["secret", "admin-token"].map((name) => readFileSync(join(dataDir, name), "utf8"));
    await server.end("SIGTERM");
    await (await startServerProcess(dataDir)).end("SIGTERM");

    expect(["secret", "admin-token"].map((name) => readFileSync(join(dataDir, name), "utf8"))).toEqual(
      secrets,
    );
    expect(statSync(join(dataDir, "secret")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "admin-token")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "sms.jsonl"), { throwIfNoEntry: false })).toBeUndefined();
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });

  test("refuses a data folder that another server uses, with one line", async () => {
    const dataDir = temporaryFolder();
    await startServerProcess(dataDir);

    const { exitCode, stderr } = await failToStart(dataDir);

    expect(exitCode).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("has");
  });

  test.each([
    ["a bad value", { EDVOYAGE_PORT: "none" }, "EDVOYAGE_PORT"],
    [
      "production with messages on the console",
      { EDVOYAGE_ENV: "production", EDVOYAGE_SMS: "console" },
      "EDVOYAGE_S",
    ],
    ["production without a secret", { EDVOYAGE_ENV: "production" }, "EDVOYAGE_SECRET"],
    [
      "a database that is not there",
      { EDVOYAGE_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" },
      "database",
    ],
  ])("refuses to start with %s, and says so in one line", async (_what, environment, named) => {
    const { exitCode, stderr } = await failToStart(temporaryFolder(), environment);

    expect(exitCode).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(named);
  });

  test("notices within a second what another process has written to its SQLite file", async () => {
    const dataDir = temporaryFolder();
    const server = await startServerProcess(dataDir);
    const { token, session } = await signIn(server);
    const mine = clientOf(server, token);
    await mine.sessions.validate.query();

    const file = new Sqlite(join(dataDir, "edvoyage.sqlite"));
    file
      .prepare("update sessions set ended_at = ?, end_reason = 'admin' where id = ?")
      .run(Date.now(), session.id);
    file.close();

    await vi.waitFor(() => expectRefusal(mine.sessions.validate.query(), "session/revoked"), {
      timeout: 10_000,
      interval: 50,
    });
  });
});

describe("a server with lost secrets", () => {
  /** Creates a data folder on which a student has signed in, without a running server. */
  const createUsedDataDir = async () => {
    const world = await createWorld();
    const { token } = await world.device().signIn();
    const { dataDir, databaseUrl, adminToken } = world;
    const start = await world.stop();
    const environment = { EDVOYAGE_DATABASE_URL: databaseUrl };
    return { dataDir, path: join(dataDir, "secret"), environment, token, adminToken, start };
  };

  test.each([
    ["is missing", (path: string) => rmSync(path), "is missing"],
    ["is empty", (path: string) => writeFileSync(path, ""), "is empty"],
    ["contains only zeros", (path: string) => writeFileSync(path, Buffer.alloc(44)), "is empty"],
    ["is too short", (path: string) => writeFileSync(path, "half of a se"), "is damaged"],
    ["contains zeros", (path: string) => writeFileSync(path, `${"a".repeat(40)}\0\0\0b`), "is damaged"],
    ["is a folder", (path: string) => (rmSync(path), mkdirSync(path)), "is a folder"],
    ["cannot be read", (path: string) => (rmSync(path), symlinkSync(path, path)), "cannot be read (ELOOP)"],
  ])(
    "refuses to start when its secret %s, with one line that says what to do",
    async (_what, lose, cause) => {
      const { dataDir, path, environment } = await createUsedDataDir();
      lose(path);
      const before = readdirSync(dataDir);

      const { exitCode, stderr } = await failToStart(dataDir, environment);

      expect(exitCode).toBe(1);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(stderr).toContain(`${path} ${cause}`);
      expect(stderr).toMatch(/restore it|must be a file/);
      expect(readdirSync(dataDir)).toEqual(before);
    },
  );

  test("starts when the secret was put back, and the student is still signed in", async () => {
    const { path, token, start } = await createUsedDataDir();
    const secret = readFileSync(path);
    rmSync(path);
    await expect(start()).rejects.toMatchObject({ name: "DataDirError" });

    writeFileSync(path, secret);

    await (await start()).rpc({ token }).sessions.validate.query();
  });

  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["empty", (path: string) => writeFileSync(path, "")],
    ["zeros alone", (path: string) => writeFileSync(path, Buffer.alloc(44))],
  ])(
    "repairs an interrupted first start, whose secrets are %s, if nobody has requested a code",
    async (_what, lose) => {
      const world = await createWorld();
      const { dataDir } = world;
      const start = await world.stop();
      for (const name of ["secret", "admin-token"]) lose(join(dataDir, name));
      for (const name of ["secret", "admin-token", "server.json"])
        writeFileSync(join(dataDir, `${name}.draft-0123456789abcdef`), "");

      const healed = await start();
      const { token } = await healed.device().signIn();
      await healed.admin.admin.status.query();
      const again = await healed.restart();

      await again.rpc({ token }).sessions.validate.query();
      expect(readdirSync(dataDir).sort()).toEqual(["admin-token", "secret"]);
      expect(statSync(join(dataDir, "secret")).mode & 0o777).toBe(0o600);
    },
  );

  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["empty", (path: string) => writeFileSync(path, "")],
  ])(
    "creates another admin token when the token is %s, because only its holders depend on it",
    async (_what, lose) => {
      const { dataDir, token, adminToken, start } = await createUsedDataDir();
      lose(join(dataDir, "admin-token"));

      const world = await start();

      expect(world.adminToken).toBe(readFileSync(join(dataDir, "admin-token"), "utf8").trim());
      await world.admin.admin.status.query();
      await expectRefusal(world.rpc({ token: adminToken }).admin.status.query(), "forbidden");
      await world.rpc({ token }).sessions.validate.query();
    },
  );

  test("refuses to start with half an admin token, and says so in one line", async () => {
    const { dataDir, environment } = await createUsedDataDir();
    writeFileSync(join(dataDir, "admin-token"), "half of a to");

    const { exitCode, stderr } = await failToStart(dataDir, environment);

    expect(exitCode).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(`${join(dataDir, "admin-token")} is damaged`);
  });

  test("lets the CLI work on the database, which needs no secret and creates none", async () => {
    const { dataDir, path, environment } = await createUsedDataDir();
    rmSync(path);

    const listed = await runTerminal(["sessions", "list", "--db", "--json"], {
      environment: { EDVOYAGE_DATA_DIR: dataDir, ...environment },
    });

    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(existsSync(path)).toBe(false);
  });
});

test("processes that start on the same new data folder at once all have the same secrets", async () => {
  const dataDir = join(temporaryFolder(), "data");
  const program = `
    const { createLogger, parseConfig, prepareDataDir, systemRandom } = await import(${JSON.stringify(APP)});
    const config = parseConfig({ EDVOYAGE_DATA_DIR: ${JSON.stringify(dataDir)} });
    console.log("ready");
    process.stdin.once("data", async () => {
      const deps = { random: systemRandom, log: createLogger("silent") };
      console.log(JSON.stringify(await prepareDataDir(config, deps)));
      process.stdin.destroy();
    });`;
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  for (const { lines } of children) expect((await lines.next()).value).toBe("ready");

  for (const { child } of children) child.stdin.write("go\n");
  const secrets = await Promise.all(children.map(async ({ lines }) => (await lines.next()).value));

  expect(new Set(secrets).size).toBe(1);
  expect(JSON.parse(String(secrets[0])).secret).toBe(readFileSync(join(dataDir, "secret"), "utf8").trim());
  expect(readdirSync(dataDir).sort()).toEqual(["admin-token", "secret"]);
});

// Without PostgreSQL, the setup prints what was not run (databases.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("a new data folder on a used PostgreSQL", () => {
  test("stops the start, because codes already sent would be checked with another secret", async () => {
    const environment = { EDVOYAGE_DATABASE_URL: await emptyDatabase("postgres") };
    const dataDir = temporaryFolder();
    await signIn(await startServerProcess(dataDir, environment));

    const otherDataDir = temporaryFolder();
    const { exitCode, stderr } = await failToStart(otherDataDir, environment);
    const shared = await startServerProcess(dataDir, environment);

    expect(exitCode).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(`${join(otherDataDir, "secret")} is missing`);
    await signIn(shared);
  });
});

/** The range of the time from the first request to the kill. Four answers take about this long. */
const BETWEEN_ANSWERS = { leastMs: 0, mostMs: 8 };

describe.each(DIALECTS)("kill -9 during wrong codes, on %s", (dialect) => {
  test("[SI32] never gives an attempt back", () =>
    withKillMoments(async (moments) => {
      const dataDir = temporaryFolder();
      const environment = {
        EDVOYAGE_DATABASE_URL: await emptyDatabase(dialect),
        EDVOYAGE_LIMITS: '{"callsPerMinutePerIp": 100000}',
      };
      let server = await startServerProcess(dataDir, environment);

      for (let round = 0; round < KILLS; round += 1) {
        const phone = somePhone();
        const deviceId = newDeviceId();
        const { challengeId } = await clientOf(server).auth.requestCode.mutate({ phone, deviceId });
        const code = wrongCodeFor(server.sms().findLast(({ to }) => to === phone)?.code ?? "");
        const results = { incorrect: 0, least: 3 };
        const answer = async (target: ServerProcess): Promise<string | undefined> => {
          try {
            await clientOf(target).auth.verifyCode.mutate({ challengeId, code, deviceId });
            expect.fail("a wrong code signed in");
          } catch (error) {
            const refusal = refusalOf(error);
            if (refusal?.reason === "otp/incorrect") {
              results.incorrect += 1;
              results.least = Math.min(results.least, refusal.details.attemptsRemaining);
            }
            return refusal?.reason;
          }
        };

        // The kill happens between the arrival of the first request and the last reply.
        const answers = Array.from({ length: 4 }, () => answer(server));
        const delayMs = moments.delayMs(round, BETWEEN_ANSWERS);
        await Promise.race([...answers, new Promise((resolve) => setTimeout(resolve, delayMs))]);
        await server.end("SIGKILL");
        await Promise.all(answers);
        const before = { ...results };
        server = await startServerProcess(dataDir, environment);

        let reason: string | undefined;
        for (let i = 0; i < 4 && reason !== "otp/blocked"; i += 1) {
          const counted = results.incorrect;
          reason = await answer(server);
          if (i === 0 && results.incorrect > counted) expect(results.least).toBeLessThan(before.least);
        }
        expect(reason).toBe("otp/blocked");
        expect(results.incorrect).toBeLessThanOrEqual(2);
      }
    }));
});

// Without PostgreSQL, the setup prints what was not run (databases.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("two server processes on one PostgreSQL", () => {
  test("[SI41] share students, blocks and revocations", async () => {
    const environment = {
      EDVOYAGE_DATABASE_URL: await emptyDatabase("postgres"),
      EDVOYAGE_SECRET: "shared by both nodes",
      EDVOYAGE_ADMIN_TOKEN: "shared by both nodes too",
    };
    const [one, two] = await Promise.all([
      startServerProcess(temporaryFolder(), environment),
      startServerProcess(temporaryFolder(), environment),
    ]);
    const phone = somePhone();
    const deviceId = newDeviceId();

    // The code is requested at one process and verified at the other.
    const { challengeId } = await clientOf(one).auth.requestCode.mutate({ phone, deviceId });
    const code = one.sms()[0]?.code ?? "";
    const wrong = { challengeId, code: wrongCodeFor(code), deviceId };
    await expectRefusal(clientOf(two).auth.verifyCode.mutate(wrong), "otp/incorrect", {
      attemptsRemaining: 2,
    });
    await expectRefusal(clientOf(one).auth.verifyCode.mutate(wrong), "otp/incorrect", {
      attemptsRemaining: 1,
    });
    const { token, session } = await clientOf(two).auth.verifyCode.mutate({ challengeId, code, deviceId });
    await clientOf(one, token).sessions.validate.query();
    await clientOf(two, one.adminToken).admin.sessions.revoke.mutate({ sessionId: session.id });

    await vi.waitFor(() => expectRefusal(clientOf(one, token).sessions.validate.query(), "session/revoked"), {
      timeout: 10_000,
      interval: 50,
    });
  });
});
