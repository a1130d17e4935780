import { describe, expect, test } from "vitest";
import { judgeFolderMode, judgeNode, judgeSecretMode } from "./machine.ts";
import { judgeBackups, judgeClock } from "./server.ts";

describe("judgeNode", () => {
  test.each([
    ["18.20.4", "fail"],
    ["20.18.3", "fail"],
    ["20.19.0", "ok"],
    ["22.0.0", "ok"],
  ])("Node %s is judged %s", (version, state) => {
    expect(judgeNode(version).state).toBe(state);
  });
});

describe("modes", () => {
  test("a folder that others can look into is a warning", () => {
    expect(judgeFolderMode("/data", 0o40700).state).toBe("ok");
    expect(judgeFolderMode("/data", 0o40755)).toMatchObject({
      state: "warn",
      remedy: "Close it: chmod 700 /data",
    });
  });

  test("a secret that others can read is a failure", () => {
    expect(judgeSecretMode("secret", "/data/secret", 0o100600).state).toBe("ok");
    expect(judgeSecretMode("secret", "/data/secret", 0o100640).state).toBe("fail");
  });
});

describe("judgeClock", () => {
  test("two seconds are no difference", () => {
    expect(judgeClock(-2_000).state).toBe("ok");
  });

  test("a clock that is off is a warning that says which way", () => {
    expect(judgeClock(61_000)).toMatchObject({
      state: "warn",
      message: "Its clock is 1 min 1 s ahead of the one here.",
    });
    expect(judgeClock(-5_000).message).toContain("behind");
  });
});

describe("judgeBackups", () => {
  const hoursAgo = (hours: number) => ({ path: "/b", sizeBytes: 1, takenAt: 1e12 - hours * 3_600_000 });

  test.each([
    ["none", null, "warn"],
    ["one of yesterday", hoursAgo(25), "ok"],
    ["one of three days ago", hoursAgo(72), "warn"],
  ])("%s is judged", (_name, newestBackup, state) => {
    expect(judgeBackups({ dialect: "sqlite", newestBackup }, 1e12)).toMatchObject([{ state }]);
  });

  test("PostgreSQL has tools of its own", () => {
    expect(judgeBackups({ dialect: "postgres", newestBackup: null }, 1e12)).toEqual([]);
  });
});
