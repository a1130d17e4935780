import { defaultLimits } from "@edvoyage/protocol";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import {
  SECRET,
  ADMIN_TOKEN,
  WEBHOOK,
  TWILIO,
  PRODUCTION,
  type Environment,
  messageFor,
} from "./environments.test.shared.ts";

describe("an empty environment", () => {
  test("runs in development, only on this machine, with a SQLite file", () => {
    const dataDir = resolve("./data");

    expect(parseConfig({})).toEqual({
      env: "development",
      host: "127.0.0.1",
      port: 4000,
      dataDir,
      databaseUrl: `sqlite:${dataDir}/edvoyage.sqlite`,
      secret: undefined,
      adminToken: undefined,
      push: { provider: "log" },
      sms: { provider: "console", domain: "edvoyage.app", appHash: undefined },
      allowedOrigins: "localhost",
      trustedProxies: [],
      countries: undefined,
      logLevel: "info",
      seed: "demo",
      limits: defaultLimits,
    });
  });

  test("has the same result as an environment with only blank values", () => {
    const names = [
      "ENV",
      "PORT",
      "DATA_DIR",
      "DATABASE_URL",
      "SMS",
      "ALLOWED_ORIGINS",
      "COUNTRIES",
      "LIMITS",
    ];

    const blank = parseConfig(Object.fromEntries(names.map((name) => [`EDVOYAGE_${name}`, "  "])));

    expect(blank).toEqual(parseConfig({}));
  });
});

describe("parseConfig", () => {
  test.each<[string, Environment, Partial<ReturnType<typeof parseConfig>>]>([
    ["a host and a port", { EDVOYAGE_HOST: "::", EDVOYAGE_PORT: "65535" }, { host: "::", port: 65_535 }],
    ["any free port", { EDVOYAGE_PORT: "0" }, { port: 0 }],
    ["a value with blanks around it", { EDVOYAGE_PORT: " 8080\n" }, { port: 8080 }],
    [
      "another data folder",
      { EDVOYAGE_DATA_DIR: "/srv/edvoyage" },
      { dataDir: "/srv/edvoyage", databaseUrl: "sqlite:/srv/edvoyage/edvoyage.sqlite" },
    ],
    [
      "a relative SQLite file",
      { EDVOYAGE_DATABASE_URL: "sqlite:some.sqlite" },
      { databaseUrl: `sqlite:${resolve("some.sqlite")}` },
    ],
    [
      "a PostgreSQL database",
      { EDVOYAGE_DATABASE_URL: "postgres://u:p@db/edvoyage" },
      { databaseUrl: "postgres://u:p@db/edvoyage" },
    ],
    [
      "a PostgreSQL database by its longer scheme",
      { EDVOYAGE_DATABASE_URL: "postgresql://db/edvoyage" },
      { databaseUrl: "postgresql://db/edvoyage" },
    ],
    ["a short secret in development", { EDVOYAGE_SECRET: "short" }, { secret: "short" }],
    [
      "a file for messages",
      { EDVOYAGE_SMS: "file", EDVOYAGE_SMS_FILE: "/tmp/sms.jsonl" },
      { sms: { provider: "file", path: "/tmp/sms.jsonl", domain: "edvoyage.app", appHash: undefined } },
    ],
    [
      "a file for messages, by default in the data folder",
      { EDVOYAGE_SMS: "file", EDVOYAGE_DATA_DIR: "/srv/edvoyage" },
      {
        sms: {
          provider: "file",
          path: "/srv/edvoyage/sms.jsonl",
          domain: "edvoyage.app",
          appHash: undefined,
        },
      },
    ],
    [
      "a webhook and its wording",
      { ...WEBHOOK, EDVOYAGE_SMS_DOMAIN: "app.example.org", EDVOYAGE_SMS_APP_HASH: "FA+9qCX9VSu" },
      {
        sms: {
          provider: "webhook",
          url: WEBHOOK.EDVOYAGE_SMS_WEBHOOK_URL,
          secret: WEBHOOK.EDVOYAGE_SMS_WEBHOOK_SECRET,
          domain: "app.example.org",
          appHash: "FA+9qCX9VSu",
        },
      },
    ],
    ...["+15005550006", "EdVoyage", "MG Mobile 1", `MG${"9f8e7d6c".repeat(4)}`].map(
      (from): [string, Environment, Partial<ReturnType<typeof parseConfig>>] => [
        `Twilio, from ${from}`,
        { ...TWILIO, TWILIO_FROM: from, EDVOYAGE_SMS_DOMAIN: "app.example.org" },
        {
          sms: {
            provider: "twilio",
            accountSid: TWILIO.TWILIO_ACCOUNT_SID,
            authToken: TWILIO.TWILIO_AUTH_TOKEN,
            from,
            domain: "app.example.org",
            appHash: undefined,
          },
        },
      ],
    ),
    [
      "origins",
      { EDVOYAGE_ALLOWED_ORIGINS: "https://app.example.org, http://localhost:5173," },
      { allowedOrigins: ["https://app.example.org", "http://localhost:5173"] },
    ],
    [
      "proxies",
      { EDVOYAGE_TRUSTED_PROXIES: "10.0.0.0/8,::1,192.0.2.7" },
      { trustedProxies: ["10.0.0.0/8", "::1", "192.0.2.7"] },
    ],
    ["countries", { EDVOYAGE_COUNTRIES: "IN, GB" }, { countries: new Set(["IN", "GB"]) }],
    ["a log level", { EDVOYAGE_LOG_LEVEL: "silent" }, { logLevel: "silent" }],
    ["no seed", { EDVOYAGE_SEED: "none" }, { seed: "none" }],
    [
      "some of the limits",
      { EDVOYAGE_LIMITS: '{"sessionsPerUser": 5, "batchCalls": 1}' },
      { limits: { ...defaultLimits, sessionsPerUser: 5, batchCalls: 1 } },
    ],
    [
      "an hourly cap of messages",
      { EDVOYAGE_SMS_HOURLY_CAP: "7" },
      { limits: { ...defaultLimits, sendsPerHour: 7 } },
    ],
    [
      "an hourly cap in both variables, and uses that of its own variable",
      { EDVOYAGE_SMS_HOURLY_CAP: "7", EDVOYAGE_LIMITS: '{"sendsPerHour": 9}' },
      { limits: { ...defaultLimits, sendsPerHour: 7 } },
    ],
  ])("accepts %s", (_what, environment, expected) => {
    expect(parseConfig(environment)).toMatchObject(expected);
  });
});

describe("in production", () => {
  test("accepts an environment with every required variable", () => {
    expect(parseConfig(PRODUCTION)).toMatchObject({
      env: "production",
      secret: SECRET,
      adminToken: ADMIN_TOKEN,
      sms: { provider: "webhook" },
      allowedOrigins: [],
      trustedProxies: [],
      seed: "none",
    });
  });

  test("accepts Twilio for messages", () => {
    expect(parseConfig({ ...PRODUCTION, ...TWILIO })).toMatchObject({
      env: "production",
      sms: { provider: "twilio", from: "+15005550006" },
    });
  });

  test("accepts a secret of 32 characters", () => {
    const secret = SECRET.slice(0, 32);

    expect(parseConfig({ ...PRODUCTION, EDVOYAGE_SECRET: secret }).secret).toBe(secret);
  });

  test.each([[undefined], ["console"], ["file"]])(
    "rejects %s for messages, because it shows codes",
    (provider) => {
      const message = messageFor({ ...PRODUCTION, EDVOYAGE_SMS: provider });

      expect(message).toMatch(/^EDVOYAGE_SMS /);
    },
  );

  describe.each(["EDVOYAGE_SECRET", "EDVOYAGE_ADMIN_TOKEN"])("%s", (name) => {
    test.each([
      ["missing", undefined],
      ["empty", ""],
      ["blank", " ".repeat(40)],
      ["short", SECRET.slice(0, 31)],
      ["long only with its blanks", `${SECRET.slice(0, 31)}${" ".repeat(20)}`],
      ["from a template", "change-me-change-me-change-me-change-me"],
      ["from a template, in capitals", "CHANGEME_CHANGEME_CHANGEME_CHANGEME"],
      ["an example", "this-is-an-example-of-a-long-secret-0"],
      ["a default value", "the-default-key-of-an-edvoyage-server"],
      ["a placeholder", "placeholder-0123456789-0123456789-01"],
      ["for development", "development-only-0123456789-0123456789"],
      ["known to be insecure", "insecure-0123456789-0123456789-01234"],
      ["from a manual", "your-secret-goes-in-this-very-place-0"],
      ["one repeated word", "secretsecretsecretsecretsecretsecret"],
      ["made of a few placeholder words", "edvoyagepasswordtestsecretedvoyagetest"],
    ])("rejects a value that is %s, and does not repeat it", (_what, value) => {
      const message = messageFor({ ...PRODUCTION, [name]: value });

      expect(message).toContain(name);
      expect(message).not.toContain("\n");
      if (value?.trim()) expect(message).not.toContain(value.trim());
    });
  });

  test("repeats no secret in a message about another variable", () => {
    const bad = ["ENV", "PORT", "DATABASE_URL", "SMS", "SMS_WEBHOOK_URL", "SMS_DOMAIN", "LIMITS", "SEED"];

    const messages = bad.map((name) => messageFor({ ...PRODUCTION, [`EDVOYAGE_${name}`]: "no good" })).join();

    for (const secret of [SECRET, ADMIN_TOKEN, WEBHOOK.EDVOYAGE_SMS_WEBHOOK_SECRET])
      expect(messages).not.toContain(secret);
  });
});
