import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createRpcClient, refusalOf, type RpcClient } from "@edvoyage/client-sdk/rpc";
import Sqlite from "better-sqlite3";
import { describe, expect, test, vi } from "vitest";
import { DIALECTS, emptyDatabase, temporaryFolder } from "../support/databases.ts";
import { failToStart, startServerProcess, type ServerProcess } from "../support/server-process.ts";
import { expectRefusal, somePhone } from "../support/world.ts";

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

const other = (code: string): string => `${code.startsWith("1") ? "2" : "1"}${code.slice(1)}`;

describe("a server process", () => {
  test("keeps what it acknowledged over kill -9, and its lock dies with it", async () => {
    const dataDir = temporaryFolder();
    const first = await startServerProcess(dataDir);
    const { token, session } = await signIn(first);

    expect(await first.end("SIGKILL")).toBe("SIGKILL");
    const second = await startServerProcess(dataDir);

    expect(await clientOf(second, token).sessions.validate.query()).toMatchObject({
      session: { id: session.id },
    });
  });

  test("ends with 0 on SIGTERM and SIGINT, and takes back where it listened", async () => {
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

  test("makes its secrets readable to nobody else, and keeps them", async () => {
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

  test("refuses a data folder that another one has, in one line", async () => {
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
  ])("refuses to start with %s, in one line", async (_what, environment, named) => {
    const { exitCode, stderr } = await failToStart(temporaryFolder(), environment);

    expect(exitCode).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(named);
  });

  test("notices within a second what another process wrote to its SQLite file", async () => {
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

describe.each(DIALECTS)("kill -9 under wrong codes, on %s", (dialect) => {
  test("never gives an attempt back", async () => {
    const dataDir = temporaryFolder();
    const environment = {
      EDVOYAGE_DATABASE_URL: await emptyDatabase(dialect),
      EDVOYAGE_LIMITS: '{"callsPerMinutePerIp": 100000}',
    };
    let server = await startServerProcess(dataDir, environment);

    for (let round = 0; round < 8; round += 1) {
      const phone = somePhone();
      const deviceId = newDeviceId();
      const { challengeId } = await clientOf(server).auth.requestCode.mutate({ phone, deviceId });
      const code = other(server.sms().findLast(({ to }) => to === phone)?.code ?? "");
      const judged = { incorrect: 0, least: 3 };
      const answer = async (target: ServerProcess): Promise<string | undefined> => {
        try {
          await clientOf(target).auth.verifyCode.mutate({ challengeId, code, deviceId });
          expect.fail("a wrong code signed in");
        } catch (error) {
          const refusal = refusalOf(error);
          if (refusal?.reason === "otp/incorrect") {
            judged.incorrect += 1;
            judged.least = Math.min(judged.least, refusal.details.attemptsRemaining);
          }
          return refusal?.reason;
        }
      };

      // The kill falls somewhere between the first answer's arrival and the last one's reply.
      const answers = Array.from({ length: 4 }, () => answer(server));
      await Promise.race([...answers, new Promise((resolve) => setTimeout(resolve, Math.random() * 8))]);
      await server.end("SIGKILL");
      await Promise.all(answers);
      const before = { ...judged };
      server = await startServerProcess(dataDir, environment);

      let reason: string | undefined;
      for (let i = 0; i < 4 && reason !== "otp/blocked"; i += 1) {
        const counted = judged.incorrect;
        reason = await answer(server);
        if (i === 0 && judged.incorrect > counted) expect(judged.least).toBeLessThan(before.least);
      }
      expect(reason).toBe("otp/blocked");
      expect(judged.incorrect).toBeLessThanOrEqual(2);
    }
  });
});

// Needs PostgreSQL; a machine without one is told loudly what was not run (postgres.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("two server processes on one PostgreSQL", () => {
  test("share students, blocks and revocations", async () => {
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

    // Asked of one, answered to the other.
    const { challengeId } = await clientOf(one).auth.requestCode.mutate({ phone, deviceId });
    const code = one.sms()[0]?.code ?? "";
    const wrong = { challengeId, code: other(code), deviceId };
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
