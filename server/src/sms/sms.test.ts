import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createConsoleSms } from "./console.ts";
import { createFileSms } from "./file.ts";
import {
  codeToText,
  createSmsSender,
  MAX_SMS_BYTES,
  SmsRefusedError,
  type SmsMessage,
  type SmsOutcome,
} from "./sms.ts";
import { MESSAGE } from "./message-receiver.test.shared.ts";

describe("the text of a message", () => {
  test.each([
    ["six digits", "482915", undefined],
    ["eight digits", "48291573", undefined],
    ["eight digits and an app's hash", "48291573", "FA+9qCX9VSu"],
  ])("[SI10] fits one message and ends with the code and its domain, for %s", (_what, code, appHash) => {
    const text = codeToText(code, { domain: "edvoyage.app", appHash });

    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_SMS_BYTES);
    expect(MAX_SMS_BYTES).toBe(140);
    expect(text.split("\n")[0]).toContain(code);
    expect(text.split("\n").at(-1)).toBe(`@edvoyage.app #${code}`);
  });

  test("has the app's hash in a line of its own, before the last line", () => {
    const lines = codeToText("482915", { domain: "edvoyage.app", appHash: "FA+9qCX9VSu" }).split("\n");

    expect(lines.slice(1)).toEqual(["FA+9qCX9VSu", "@edvoyage.app #482915"]);
  });
});

describe("the SMS sender", () => {
  test.each<[SmsOutcome, Error | undefined]>([
    ["sent", undefined],
    ["refused", new SmsRefusedError("no such number")],
    ["unknown", new Error("timeout")],
  ])("returns `%s`, reports it once, and never throws", async (outcome, error) => {
    const outcomes: unknown[] = [];
    const send = createSmsSender({
      provider: { name: "webhook", send: async () => (error ? Promise.reject(error) : undefined) },
      domain: "edvoyage.app",
      onOutcome: (...reported) => outcomes.push(reported),
    });

    expect(await send(MESSAGE)).toBe(outcome);

    expect(outcomes).toEqual([error ? [outcome, error] : [outcome]]);
  });

  test("hands the provider the message with its text", async () => {
    const taken: SmsMessage[] = [];
    const send = createSmsSender({
      provider: { name: "webhook", send: async (message) => void taken.push(message) },
      domain: "app.example.org",
      appHash: "FA+9qCX9VSu",
      onOutcome: () => {},
    });
    const { to, code, id, at } = MESSAGE;

    await send({ to, code, id, at });

    const text = codeToText(code, { domain: "app.example.org", appHash: "FA+9qCX9VSu" });
    expect(taken).toEqual([{ to, code, id, at, text }]);
  });
});

describe("the SMS file", () => {
  test("contains the message as a line of JSON once it is sent, and only its owner can read it", async () => {
    const path = join(temporaryFolder(), "new", "sms.jsonl");

    await createFileSms(path).send(MESSAGE);

    const { to, text, code, at } = MESSAGE;
    expect(readFileSync(path, "utf8")).toBe(`${JSON.stringify({ to, text, code, at })}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  test("keeps earlier messages and does not mix concurrent ones", async () => {
    const path = join(temporaryFolder(), "sms.jsonl");
    const sms = createFileSms(path);
    await sms.send({ ...MESSAGE, code: "0" });

    await Promise.all(
      Array.from({ length: 50 }, (_, index) => sms.send({ ...MESSAGE, code: String(index + 1) })),
    );

    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const codes = lines.map((line): number => Number(JSON.parse(line).code));
    expect(codes[0]).toBe(0);
    expect(codes.sort((a, b) => a - b)).toEqual(Array.from({ length: 51 }, (_, index) => index));
  });
});

describe("the SMS console", () => {
  test("shows a message in one whole line", async () => {
    const lines: string[] = [];

    await createConsoleSms((line) => lines.push(line)).send(MESSAGE);

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\+919876543210[^\n]*482915[^\n]*\n$/);
  });
});

const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-sms-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
