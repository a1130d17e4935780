import type { IncomingHttpHeaders } from "node:http";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { SmsRefusedError } from "./sms.ts";
import { createTwilioSms } from "./twilio.ts";
import { MESSAGE, listen, failureOf, messagesOf } from "./message-receiver.test.shared.ts";

describe("Twilio", () => {
  test.each([
    ["a number", "From", "+15005550006"],
    ["a name", "From", "EdVoyage"],
    ["a name that begins like a service's SID", "From", "MG Mobile"],
    ["a messaging service", "MessagingServiceSid", TWILIO_SERVICE],
  ])("receives the message once, as a form, from %s", async (_what, field, from) => {
    const twilio = await startTwilio(["takes"]);

    await twilioAt(twilio.url, { from }).send(MESSAGE);

    expect(twilio.requests).toHaveLength(1);
    expect(twilio.requests[0]).toMatchObject({
      method: "POST",
      path: `/2010-04-01/Accounts/${TWILIO_ACCOUNT}/Messages.json`,
      credentials: `${TWILIO_ACCOUNT}:${TWILIO_TOKEN}`,
      form: { To: MESSAGE.to, Body: MESSAGE.text, ValidityPeriod: "300", [field]: from },
    });
    expect(twilio.requests[0]?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded(;|$)/);
    expect(Object.keys(twilio.requests[0]?.form ?? {})).toHaveLength(4);
  });

  test.each<[string, TwilioAnswer]>([
    ["a number that is not a mobile number (21614)", { status: 400, code: 21_614 }],
    ["a text that is not a number (21211)", { status: 400, code: 21_211 }],
    ["a country without permission (21408)", { status: 403, code: 21_408 }],
    ["a wrong key", { status: 401, code: 20_003 }],
    ["an unknown account", { status: 404, code: 20_404 }],
    ["too many requests", { status: 429, code: 20_429 }],
    ["too many requests, without a Twilio error", { status: 429, body: "slow down" }],
  ])("refuses a message definitely: %s", async (_what, answer) => {
    const { url, requests } = await startTwilio([answer, "takes"]);

    const failure = await failureOf(twilioAt(url).send(MESSAGE));

    expect(failure).toBeInstanceOf(SmsRefusedError);
    expect(failure.message).toContain(String(answer.status));
    if (answer.code) expect(failure.message).toContain(`code ${answer.code}`);
    expect(requests).toHaveLength(1);
  });

  test.each<[string, TwilioAnswer | "nothing" | "hangs up" | "half an answer" | "headers alone"]>([
    ["fails with 500", { status: 500, code: 20_500 }],
    ["is unavailable", { status: 503, body: "<html>Service Unavailable</html>" }],
    ["timed out on the request", { status: 408, code: 20_408 }],
    ["accepts the message with a body that is not JSON", { status: 201, body: "Thanks!" }],
    ["accepts the message without a SID", { status: 201, body: '{"status":"queued"}' }],
    ["accepts the message with an empty body", { status: 200, body: "" }],
    ["is behind a proxy that answers 403 itself", { status: 403, body: "<html>Blocked</html>" }],
    ["refuses without a code", { status: 400, body: '{"message":"No","status":400}' }],
    ["refuses with an invalid code", { status: 400, body: '{"code":"21211","status":400}' }],
    ["does not answer", "nothing"],
    ["hangs up", "hangs up"],
    ["hangs up in the middle of its answer", "half an answer"],
    ["sends headers and never a body", "headers alone"],
    ["sends a 400 and never a body", { status: 400, isEndless: true }],
  ])("leaves the outcome unknown, without a retry, when it %s", async (_what, answer) => {
    const { url, requests } = await startTwilio([answer, "takes"]);

    const failure = await failureOf(twilioAt(url, { timeoutMs: 300 }).send(MESSAGE));

    expect(failure).not.toBeInstanceOf(SmsRefusedError);
    expect(requests).toHaveLength(1);
  });

  test("refuses a message definitely when it sends a 429 but never a body", async () => {
    const { url } = await startTwilio([{ status: 429, isEndless: true }]);

    expect(await failureOf(twilioAt(url, { timeoutMs: 300 }).send(MESSAGE))).toBeInstanceOf(SmsRefusedError);
  });

  test("never receives the key at the target of a redirect", async () => {
    const other = await startTwilio(["takes"]);
    const { url } = await startTwilio([{ status: 307, body: "", location: other.url }]);

    expect(await failureOf(twilioAt(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(other.requests).toEqual([]);
  });

  test("refuses a message definitely when nothing listens", async () => {
    const { url, stop } = await startTwilio([]);
    await stop();

    await expect(twilioAt(url).send(MESSAGE)).rejects.toBeInstanceOf(SmsRefusedError);
  });

  test("[SI11] leaks no phone number, code or key into its errors, whatever its answers contain", async () => {
    const leaky = `The 'To' number ${MESSAGE.to} with ${MESSAGE.text} for ${TWILIO_ACCOUNT}:${TWILIO_TOKEN}`;
    const answers: readonly (TwilioAnswer | "nothing" | "hangs up")[] = [
      { status: 400, body: JSON.stringify({ code: 21_211, message: leaky, more_info: leaky, status: 400 }) },
      { status: 400, body: JSON.stringify({ code: 919_876_543_210, message: leaky, status: 400 }) },
      { status: 400, body: leaky },
      { status: 201, body: leaky },
      { status: 201, body: JSON.stringify({ sid: leaky }) },
      { status: 500, body: leaky },
      "nothing",
      "hangs up",
    ];

    const failures = await Promise.all(
      answers.map(async (answer) => {
        const { url } = await startTwilio([answer]);
        return failureOf(twilioAt(url, { timeoutMs: 300 }).send(MESSAGE));
      }),
    );

    for (const error of failures)
      expect(`${messagesOf(error)} ${inspect(error)}`).not.toMatch(
        new RegExp(`9876543210|482915|${TWILIO_TOKEN}|${TWILIO_ACCOUNT}`),
      );
  });
});

const TWILIO_ACCOUNT = `AC${"0a1b2c3d".repeat(4)}`;

const TWILIO_TOKEN = "f6e5d4c3".repeat(4);

const TWILIO_SERVICE = `MG${"9f8e7d6c".repeat(4)}`;

const twilioAt = (
  baseUrl: string,
  { from = "+15005550006", timeoutMs }: { readonly from?: string; readonly timeoutMs?: number } = {},
) =>
  createTwilioSms({
    accountSid: TWILIO_ACCOUNT,
    authToken: TWILIO_TOKEN,
    from,
    baseUrl,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });

/** An answer of Twilio: with `code` in Twilio's error format, otherwise with `body`. */
interface TwilioAnswer {
  readonly status: number;
  readonly code?: number;
  readonly body?: string;
  readonly location?: string;
  /** Sends its headers and never a body. */
  readonly isEndless?: boolean;
}

interface TwilioRequest {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** `user:password`. */
  readonly credentials: string;
  readonly form: Readonly<Record<string, string>>;
}

/** Starts a server that answers like Twilio, or like a broken network in front of it. */
const startTwilio = async (
  answers: readonly (TwilioAnswer | "takes" | "nothing" | "hangs up" | "half an answer" | "headers alone")[],
) => {
  const requests: TwilioRequest[] = [];
  const { url, stop } = await listen((request, body, response) => {
    const { method, url: path, headers } = request;
    const [, encoded = ""] = /^Basic (.+)$/.exec(String(headers.authorization)) ?? [];
    const credentials = Buffer.from(encoded, "base64").toString();
    requests.push({
      method,
      path,
      headers,
      credentials,
      form: Object.fromEntries(new URLSearchParams(body)),
    });
    const answer = answers[requests.length - 1];
    if (answer === "nothing") return;
    if (answer === undefined || answer === "hangs up") return void response.socket?.resetAndDestroy();
    const asJson = { "content-type": "application/json" };
    if (answer === "half an answer") {
      response.writeHead(201, { ...asJson, "content-length": 1_000 }).write(`{"sid": "SM${"0".repeat(32)}",`);
      return void response.socket?.end();
    }
    if (answer === "headers alone") return response.writeHead(201, asJson).flushHeaders();
    if (answer === "takes") {
      const resource = { sid: `SM${"5e6f7a8b".repeat(4)}`, status: "queued", error_code: null };
      return void response.writeHead(201, asJson).end(JSON.stringify(resource));
    }
    const { status, code, location, isEndless = false } = answer;
    if (isEndless) return response.writeHead(status, asJson).flushHeaders();
    const problem = { code, message: `Not for ${MESSAGE.to}`, more_info: "https://www.twilio.com", status };
    response
      .writeHead(status, { ...asJson, ...(location ? { location } : {}) })
      .end(answer.body ?? JSON.stringify(problem));
  });
  return { url, requests, stop };
};
