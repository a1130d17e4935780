import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSettings, type GlobalValues } from "./settings.ts";

const given = (values: Partial<GlobalValues>): GlobalValues => ({
  url: undefined,
  dataDir: "/nonexistent",
  db: false,
  json: false,
  yes: false,
  ...values,
});

const withFolder = (files: Readonly<Record<string, string>>, use: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-cli-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test("--url takes precedence over the environment, and the environment over the server on the data folder", () => {
  withFolder({ "server.json": '{"url":"http://127.0.0.1:4177","pid":1}' }, (dataDir) => {
    const targetOf = (values: Partial<GlobalValues>, environment: Record<string, string> = {}) =>
      readSettings(given({ dataDir, ...values }), environment).target;

    expect(targetOf({ url: "https://a.example/" }, { EDVOYAGE_URL: "https://b.example" })).toEqual({
      state: "server",
      url: "https://a.example",
    });
    expect(targetOf({}, { EDVOYAGE_URL: "https://b.example" })).toMatchObject({ url: "https://b.example" });
    expect(targetOf({})).toMatchObject({ url: "http://127.0.0.1:4177" });
  });
});

test("uses the server on this machine by default", () => {
  expect(readSettings(given({}), {}).target).toEqual({ state: "server", url: "http://127.0.0.1:4000" });
});

test("--db takes precedence over everything else", () => {
  expect(readSettings(given({ db: true }), { EDVOYAGE_URL: "https://b.example" }).target).toEqual({
    state: "database",
    url: undefined,
  });
});

test("reads the admin token from the environment first, then from the data folder", () => {
  withFolder({ "admin-token": "from-the-folder\n" }, (dataDir) => {
    const tokenOf = (environment: Record<string, string>) =>
      readSettings(given({ dataDir }), environment).adminToken;

    expect(tokenOf({ EDVOYAGE_ADMIN_TOKEN: "from-the-environment" })).toBe("from-the-environment");
    expect(tokenOf({})).toBe("from-the-folder");
  });
});

test("rejects an invalid URL", () => {
  expect(() => readSettings(given({ url: "localhost" }), {})).toThrow(
    expect.objectContaining({ reason: "input/invalid" }),
  );
  expect(() => readSettings(given({ url: "ftp://x" }), {})).toThrow(
    expect.objectContaining({ reason: "input/invalid" }),
  );
});
