import { describe, expect, test } from "vitest";
import type { LogLevel } from "./config.ts";
import { createLogger } from "./logger.ts";

const PHONE = "+919876543210";
const CODE = "482915";
const KEY = "n3Vx0_kZ8wq3vT1xLr6NpYb0JdFhSgUmCeAi27RoQt4";

const createWrittenLog = (level: LogLevel = "debug") => {
  const lines: string[] = [];
  const log = createLogger(level, { write: (line) => void lines.push(line) });
  const written = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? "{}");
  return { log, lines, written };
};

describe("a line of the log", () => {
  test("says when, how grave and what, and nothing of the machine", () => {
    const { log, written } = createWrittenLog();

    log.info({ procedure: "auth.requestCode", durationMs: 3 }, "Call answered");

    expect(written()).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      procedure: "auth.requestCode",
      durationMs: 3,
      msg: "Call answered",
    });
  });

  test("holds the fields that are allowed, and drops every other", () => {
    const { log, lines, written } = createWrittenLog();
    const fields = {
      reason: "otp/incorrect",
      phone: PHONE,
      input: { code: CODE },
      token: KEY,
      err: new Error(CODE),
    };

    log.warn(fields, "Call refused");

    expect(Object.keys(written()).sort()).toEqual(["level", "msg", "reason", "time"]);
    expect(lines.join()).not.toMatch(new RegExp([CODE, KEY, "9876543210"].join("|")));
  });

  test("is one line, whatever the text contains", () => {
    const { log, lines } = createWrittenLog();
    const forged = 'one\r\n{"level":"info","msg":"forged"}\u0000\u001b[31m\u2028"\\';

    log.error({ procedure: forged, reason: forged, url: forged, error: new Error(forged) }, forged);

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n\r]*\n$/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "error", procedure: forged, msg: forged });
  });

  test("is written from its level on", () => {
    const { log, lines } = createWrittenLog("warn");

    log.debug({}, "debug");
    log.info({}, "info");
    log.warn({}, "warn");
    log.error({}, "error");

    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["warn", "error"]);
  });

  test("is not written at all when the log is silent", () => {
    const { log, lines } = createWrittenLog("silent");

    log.error({ error: new Error("gone") }, "error");

    expect(lines).toEqual([]);
  });
});

describe("an error in the log", () => {
  test("is there whole: what, where and why", () => {
    const { log, written } = createWrittenLog();
    const cause = Object.assign(new TypeError("connection lost"), { code: "ECONNRESET" });

    log.error({ error: new Error("write failed", { cause }) }, "Call failed");

    expect(written()["error"]).toMatchObject({
      type: "Error",
      message: "write failed",
      stack: expect.stringContaining("log.test.ts"),
      cause: { type: "TypeError", message: "connection lost", code: "ECONNRESET", stack: expect.any(String) },
    });
  });

  test.each([
    ["a phone number", PHONE, /9876543210/],
    ["a phone number as people write it", "+91 (98765) 432-10", /98765|432-10/],
    ["a phone number without its plus", "919876543210", /9876543210/],
    ["a code", CODE, /482915/],
    ["a code of eight digits", "48291573", /48291573/],
    ["a code in two groups", "482 915", /482 915/],
    ["a key", KEY, /n3Vx0|RoQt4/],
    ["an authorization header", `authorization: Bearer ${KEY}`, /n3Vx0|RoQt4/],
    ["the text of a message", `${CODE} is your EdVoyage code.\n@edvoyage.app #${CODE}`, /482915/],
  ])("has %s taken out of its message, stack, code and causes", (_what, secret, trace) => {
    const { log, lines } = createWrittenLog();
    const innermost = Object.assign(new Error(`in: ${secret}`), { code: secret });
    const error = new Error(`out: ${secret}`, {
      cause: new Error(`between: ${secret}`, { cause: innermost }),
    });

    log.error({ error }, "Call failed");

    expect(error.stack).toMatch(trace);
    expect(lines.join()).not.toMatch(trace);
    expect(lines.join()).toMatch(/out: .*between: .*in: /);
  });

  test("has secrets taken out when it is no error at all", () => {
    const { log, lines, written } = createWrittenLog();

    log.error({ error: `no session for ${KEY}` }, "Call failed");
    log.error({ error: new Error("refused", { cause: `to ${PHONE}` }) }, "Call failed");

    expect(lines.join()).not.toMatch(/n3Vx0|9876543210/);
    expect(written()["error"]).toMatchObject({ cause: "to [number]" });
  });

  test("does not bring along what a library hung on it", () => {
    const { log, lines, written } = createWrittenLog();
    const error = Object.assign(new Error("duplicate key"), {
      detail: `Key (phone)=(${PHONE})`,
      parameters: [CODE, KEY],
    });

    log.error({ error }, "Call failed");

    expect(Object.keys(Object(written()["error"])).sort()).toEqual(["message", "stack", "type"]);
    expect(lines.join()).not.toMatch(/9876543210|482915|n3Vx0/);
  });

  test("may be its own cause", () => {
    const { log, lines } = createWrittenLog();
    const error = new Error("first");
    error.cause = new Error("second", { cause: error });

    log.error({ error }, "Call failed");

    expect(lines).toHaveLength(1);
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a symbol", Symbol("thrown")],
    ["an object without a prototype", Object.create(null)],
  ])("may be %s", (_what, error) => {
    const { log, lines } = createWrittenLog();

    log.error({ error }, "Call failed");

    expect(lines).toHaveLength(1);
  });
});
