import { describe, expect, test } from "vitest";
import { judgeFolderMode, judgeNode, judgeSecretMode } from "./machine.ts";
import { judgeBackups, judgeClock } from "./server.ts";

describe("judgeNode", () => {
  test.each([
    ["18.20.4", "fail"],
    ["20.18.3", "fail"],
    ["20.19.0", "ok"],
    ["22.0.0", "ok"],
  ])("judges Node %s as %s", (version, state) => {
    expect(judgeNode(version).state).toBe(state);
  });
});

describe("judgeFolderMode and judgeSecretMode", () => {
  test("warns about a folder that other users can read", () => {
    expect(judgeFolderMode("/data", 0o40700).state).toBe("ok");
    expect(judgeFolderMode("/data", 0o40755)).toMatchObject({
      state: "warn",
      remedy: "Close it: chmod 700 /data",
    });
  });

  test("fails for a secret that other users can read", () => {
    expect(judgeSecretMode("secret", "/data/secret", 0o100600).state).toBe("ok");
    expect(judgeSecretMode("secret", "/data/secret", 0o100640).state).toBe("fail");
  });
});

describe("judgeClock", () => {
  test("accepts a difference of two seconds", () => {
    expect(judgeClock(-2_000).state).toBe("ok");
  });

  test("warns about a wrong clock, and says in which direction", () => {
    expect(judgeClock(61_000)).toMatchObject({
      state: "warn",
      message: "Its clock is 1 min 1 s ahead of this machine's.",
    });
    expect(judgeClock(-5_000).message).toContain("behind");
  });
});

describe("judgeBackups", () => {
  const hoursAgo = (hours: number) => ({ path: "/b", sizeBytes: 1, takenAt: 1e12 - hours * 3_600_000 });

  test.each([
    ["no backup", null, "warn"],
    ["a backup of yesterday", hoursAgo(25), "ok"],
    ["a backup of three days ago", hoursAgo(72), "warn"],
  ])("judges %s", (_name, newestBackup, state) => {
    expect(judgeBackups({ dialect: "sqlite", newestBackup }, 1e12)).toMatchObject([{ state }]);
  });

  test("skips backups of PostgreSQL, which has its own tools", () => {
    expect(judgeBackups({ dialect: "postgres", newestBackup: null }, 1e12)).toEqual([]);
  });
});
