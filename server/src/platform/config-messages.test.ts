import { describe, expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { WEBHOOK, TWILIO, type Environment, messageFor } from "./environments.test.shared.ts";

describe("the message about a bad value", () => {
  test.each<[string, string, Environment?]>([
    ["EDVOYAGE_ENV", "staging"],
    ["EDVOYAGE_ENV", "Production"],
    ["EDVOYAGE_PORT", "http"],
    ["EDVOYAGE_PORT", "65536"],
    ["EDVOYAGE_PORT", "-1"],
    ["EDVOYAGE_PORT", "80.5"],
    ["EDVOYAGE_PORT", "0x50"],
    ["EDVOYAGE_PORT", "8e3"],
    ["EDVOYAGE_DATABASE_URL", "mysql://db/edvoyage"],
    ["EDVOYAGE_DATABASE_URL", "/srv/edvoyage.sqlite"],
    ["EDVOYAGE_DATABASE_URL", "sqlite:"],
    ["EDVOYAGE_DATABASE_URL", "postgres://"],
    ["EDVOYAGE_ALLOWED_ORIGINS", "app.example.org"],
    ["EDVOYAGE_ALLOWED_ORIGINS", "*"],
    ["EDVOYAGE_ALLOWED_ORIGINS", "null"],
    ["EDVOYAGE_ALLOWED_ORIGINS", "https://app.example.org/"],
    ["EDVOYAGE_ALLOWED_ORIGINS", "https://app.example.org,https://*.example.org/app"],
    ["EDVOYAGE_TRUSTED_PROXIES", "proxy.example.org"],
    ["EDVOYAGE_TRUSTED_PROXIES", "10.0.0.0/33"],
    ["EDVOYAGE_TRUSTED_PROXIES", "10.0.0.1,256.0.0.1"],
    ["EDVOYAGE_TRUSTED_PROXIES", "true"],
    ["EDVOYAGE_COUNTRIES", "India"],
    ["EDVOYAGE_COUNTRIES", "IN,XX"],
    ["EDVOYAGE_COUNTRIES", "in"],
    ["EDVOYAGE_LIMITS", "{"],
    ["EDVOYAGE_LIMITS", "5"],
    ["EDVOYAGE_LIMITS", "null"],
    ["EDVOYAGE_LIMITS", '["sessionsPerUser"]'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerStudent": 5}'],
    ["EDVOYAGE_LIMITS", '{"__proto__": 5}'],
    ["EDVOYAGE_LIMITS", '{"constructor": 5}'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerUser": 0}'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerUser": -1}'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerUser": 1.5}'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerUser": "5"}'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerUser": null}'],
    ["EDVOYAGE_LIMITS", '{"sessionsPerUser": 1e400}'],
    ["EDVOYAGE_SMS_HOURLY_CAP", "0"],
    ["EDVOYAGE_SMS_HOURLY_CAP", "-5"],
    ["EDVOYAGE_SMS_HOURLY_CAP", "many"],
    ["EDVOYAGE_SMS_HOURLY_CAP", "1.5"],
    ["EDVOYAGE_SMS_HOURLY_CAP", "99999999999"],
    ["EDVOYAGE_SMS_DOMAIN", "https://edvoyage.app"],
    ["EDVOYAGE_SMS_DOMAIN", "edvoyage app"],
    ["EDVOYAGE_SMS_DOMAIN", "edvoyage..app"],
    ["EDVOYAGE_SMS_DOMAIN", "-edvoyage.app"],
    ["EDVOYAGE_SMS_DOMAIN", `${"d".repeat(82)}`],
    ["EDVOYAGE_SMS_DOMAIN", `${"d".repeat(70)}`, { EDVOYAGE_SMS_APP_HASH: "FA+9qCX9VSu" }],
    ["EDVOYAGE_SMS_DOMAIN", "d".repeat(5_000)],
    ["EDVOYAGE_SMS_APP_HASH", "FA+9qCX9VS"],
    ["EDVOYAGE_SMS_APP_HASH", "FA+9qCX9VSuu"],
    ["EDVOYAGE_SMS_APP_HASH", "FA+9qCX9 Su"],
    ["EDVOYAGE_SMS_WEBHOOK_URL", "", WEBHOOK],
    ["EDVOYAGE_SMS_WEBHOOK_URL", "sms.example.org", WEBHOOK],
    ["EDVOYAGE_SMS_WEBHOOK_URL", "ftp://sms.example.org", WEBHOOK],
    ["EDVOYAGE_SMS_WEBHOOK_SECRET", "", WEBHOOK],
    ["TWILIO_ACCOUNT_SID", "", TWILIO],
    ["TWILIO_ACCOUNT_SID", `SK${"0a1b2c3d".repeat(4)}`, TWILIO],
    ["TWILIO_ACCOUNT_SID", `AC${"0a1b2c3d".repeat(3)}`, TWILIO],
    ["TWILIO_ACCOUNT_SID", `AC${"0a1b2c3d".repeat(4)}/../..`, TWILIO],
    ["TWILIO_AUTH_TOKEN", "", TWILIO],
    ["TWILIO_AUTH_TOKEN", "f6e5d4c3", TWILIO],
    ["TWILIO_AUTH_TOKEN", `${"f6e5d4c3".repeat(2)} ${"f6e5d4c3".repeat(2)}`, TWILIO],
    ["TWILIO_FROM", "", TWILIO],
    ["TWILIO_FROM", "15005550006", TWILIO],
    ["TWILIO_FROM", "+1 500 555 0006", TWILIO],
    ["TWILIO_FROM", "+05005550006", TWILIO],
    ["TWILIO_FROM", "EdVoyageCodes", TWILIO],
    ["TWILIO_FROM", "Étudiants", TWILIO],
    ["TWILIO_FROM", `MG${"9f8e7d6c".repeat(3)}`, TWILIO],
    ["EDVOYAGE_SMS", "pigeon"],
    ["EDVOYAGE_LOG_LEVEL", "verbose"],
    ["EDVOYAGE_SEED", "everything"],
  ])("names the variable in one line: %s=%s", (name, value, rest = {}) => {
    const message = messageFor({ ...rest, [name]: value });

    expect(message).toContain(name);
    expect(message).not.toContain("\n");
  });

  // Other servers accept a number of hops here. As an address, 1 is 0.0.0.1: no proxy would be trusted, without a
  // warning.
  test("names EDVOYAGE_TRUSTED_PROXIES for a plain number", () => {
    expect(messageFor({ EDVOYAGE_TRUSTED_PROXIES: "1" })).toContain("EDVOYAGE_TRUSTED_PROXIES");
  });

  // Otherwise Fastify would reject it with a TypeError, only after the database was opened.
  test("names EDVOYAGE_TRUSTED_PROXIES for the range of all addresses", () => {
    expect(messageFor({ EDVOYAGE_TRUSTED_PROXIES: "0.0.0.0/0" })).toContain("EDVOYAGE_TRUSTED_PROXIES");
  });

  test("never appears for the longest EDVOYAGE_SMS_DOMAIN that fits into a message", () => {
    const longest = { EDVOYAGE_SMS_DOMAIN: "d".repeat(81) };
    const longestWithHash = { EDVOYAGE_SMS_DOMAIN: "d".repeat(69), EDVOYAGE_SMS_APP_HASH: "FA+9qCX9VSu" };

    expect(parseConfig(longest).sms.domain).toHaveLength(81);
    expect(parseConfig(longestWithHash).sms.domain).toHaveLength(69);
  });

  test("never repeats a database URL, which may hold a password", () => {
    const message = messageFor({ EDVOYAGE_DATABASE_URL: "mysql://edvoyage:h4ckm3@db.example.org/edvoyage" });

    expect(message).not.toMatch(/h4ckm3|db\.example\.org/);
  });

  test("never repeats a webhook URL, which may hold a password", () => {
    const message = messageFor({
      ...WEBHOOK,
      EDVOYAGE_SMS_WEBHOOK_URL: "ftp://edvoyage:h4ckm3@sms.example.org",
    });

    expect(message).not.toMatch(/h4ckm3|sms\.example\.org/);
  });

  test.each(["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"])(
    "never repeats %s, which may hold a key or a phone number",
    (name) => {
      const message = messageFor({ ...TWILIO, [name]: "h4ckm3 +447911123456" });

      expect(message).toMatch(new RegExp(`^${name} must be `));
      expect(message).not.toMatch(/h4ckm3|447911123456|f6e5d4c3/);
    },
  );

  test("stays one line when the value has a line break", () => {
    const names = [
      "ENV",
      "PORT",
      "SMS",
      "LOG_LEVEL",
      "SEED",
      "ALLOWED_ORIGINS",
      "TRUSTED_PROXIES",
      "COUNTRIES",
    ];
    const environments: Environment[] = [
      ...[...names, "SMS_DOMAIN", "SMS_HOURLY_CAP"].map((name) => ({ [`EDVOYAGE_${name}`]: "some\nthing" })),
      { EDVOYAGE_LIMITS: String.raw`{"some\nthing": 1}` },
    ];

    const multiLineEnvironments = environments.filter((environment) =>
      messageFor(environment).includes("\n"),
    );

    expect(multiLineEnvironments).toEqual([]);
  });
});
