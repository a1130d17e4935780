import { describe, expect, test } from "vitest";
import type { LogLevel } from "./config.ts";
import { createLogger } from "./logger.ts";

const PHONE = "+919876543210";
const CODE = "482915";
const KEY = "n3Vx0_kZ8wq3vT1xLr6NpYb0JdFhSgUmCeAi27RoQt4";

const createCapturedLogger = (level: LogLevel = "debug") => {
  const lines: string[] = [];
  const logger = createLogger(level, { write: (line) => void lines.push(line) });
  const lastLine = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? "{}");
  return { logger, lines, lastLine };
};

describe("a logged line", () => {
  test("holds the time, the level and the message, and nothing about the machine", () => {
    const { logger, lastLine } = createCapturedLogger();

    logger.info({ procedure: "auth.requestCode", durationMs: 3 }, "Call answered");

    expect(lastLine()).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      procedure: "auth.requestCode",
      durationMs: 3,
      msg: "Call answered",
    });
  });

  test("holds only the allowed fields", () => {
    const { logger, lines, lastLine } = createCapturedLogger();
    const fields = {
      reason: "otp/incorrect",
      phone: PHONE,
      input: { code: CODE },
      token: KEY,
      err: new Error(CODE),
    };

    logger.warn(fields, "Call refused");

    expect(Object.keys(lastLine()).sort()).toEqual(["level", "msg", "reason", "time"]);
    expect(lines.join()).not.toMatch(new RegExp([CODE, KEY, "9876543210"].join("|")));
  });

  test("stays one line whatever the text contains", () => {
    const { logger, lines } = createCapturedLogger();
    const forged = 'one\r\n{"level":"info","msg":"forged"}\u0000\u001b[31m\u2028"\\';

    logger.error({ procedure: forged, reason: forged, url: forged, error: new Error(forged) }, forged);

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n\r]*\n$/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "error", procedure: forged, msg: forged });
  });

  test("appears only at the configured level or above", () => {
    const { logger, lines } = createCapturedLogger("warn");

    logger.debug({}, "debug");
    logger.info({}, "info");
    logger.warn({}, "warn");
    logger.error({}, "error");

    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["warn", "error"]);
  });

  test("never appears at the level `silent`", () => {
    const { logger, lines } = createCapturedLogger("silent");

    logger.error({ error: new Error("gone") }, "error");

    expect(lines).toEqual([]);
  });
});

describe("a logged error", () => {
  test("keeps its type, message, stack and causes", () => {
    const { logger, lastLine } = createCapturedLogger();
    const cause = Object.assign(new TypeError("connection lost"), { code: "ECONNRESET" });

    logger.error({ error: new Error("write failed", { cause }) }, "Call failed");

    expect(lastLine()["error"]).toMatchObject({
      type: "Error",
      message: "write failed",
      stack: expect.stringContaining("logger.test.ts"),
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
  ])("contains no trace of %s in its message, stack, code and causes", (_what, secret, trace) => {
    const { logger, lines } = createCapturedLogger();
    const innermost = Object.assign(new Error(`in: ${secret}`), { code: secret });
    const error = new Error(`out: ${secret}`, {
      cause: new Error(`between: ${secret}`, { cause: innermost }),
    });

    logger.error({ error }, "Call failed");

    expect(error.stack).toMatch(trace);
    expect(lines.join()).not.toMatch(trace);
    expect(lines.join()).toMatch(/out: .*between: .*in: /);
  });

  test("contains no secrets when something other than an Error is thrown", () => {
    const { logger, lines, lastLine } = createCapturedLogger();

    logger.error({ error: `no session for ${KEY}` }, "Call failed");
    logger.error({ error: new Error("refused", { cause: `to ${PHONE}` }) }, "Call failed");

    expect(lines.join()).not.toMatch(/n3Vx0|9876543210/);
    expect(lastLine()["error"]).toMatchObject({ cause: "to [number]" });
  });

  test("drops properties that a library added", () => {
    const { logger, lines, lastLine } = createCapturedLogger();
    const error = Object.assign(new Error("duplicate key"), {
      detail: `Key (phone)=(${PHONE})`,
      parameters: [CODE, KEY],
    });

    logger.error({ error }, "Call failed");

    expect(Object.keys(Object(lastLine()["error"])).sort()).toEqual(["message", "stack", "type"]);
    expect(lines.join()).not.toMatch(/9876543210|482915|n3Vx0/);
  });

  test("takes one line when it is its own cause", () => {
    const { logger, lines } = createCapturedLogger();
    const error = new Error("first");
    error.cause = new Error("second", { cause: error });

    logger.error({ error }, "Call failed");

    expect(lines).toHaveLength(1);
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a symbol", Symbol("thrown")],
    ["an object without a prototype", Object.create(null)],
  ])("takes one line when it is %s", (_what, error) => {
    const { logger, lines } = createCapturedLogger();

    logger.error({ error }, "Call failed");

    expect(lines).toHaveLength(1);
  });
});
