import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
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
import { createTwilioSms } from "./twilio.ts";
import { createWebhookSms } from "./webhook.ts";

const SECRET = "wJ4nHc6Rk0";
const MESSAGE: SmsMessage = {
  to: "+919876543210",
  text: "482915 is your EdVoyage code.\n@edvoyage.app #482915",
  code: "482915",
  id: "01990000-0000-7000-8000-000000000001",
  at: Date.UTC(2026, 8, 1, 8),
};

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

describe("the SMS webhook", () => {
  test("receives the message as signed JSON", async () => {
    const { url, requests } = await startReceiver([200]);

    await webhookTo(url).send(MESSAGE);

    const [request] = requests;
    expect(requests).toHaveLength(1);
    expect(request).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
    expect(request?.headers["idempotency-key"]).toBe(MESSAGE.id);
    expect(JSON.parse(request?.body ?? "")).toEqual({ ...MESSAGE });
    expect(request).toMatchObject({ isSigned: true, signedAt: NOW });
  });

  test.each([200, 201, 202, 204])("accepts a message with status %i", async (status) => {
    const { url, requests } = await startReceiver([status]);

    await webhookTo(url).send(MESSAGE);

    expect(requests).toHaveLength(1);
  });

  test.each([400, 401, 403, 404, 422, 429])(
    "refuses a message definitely with status %i, without a retry",
    async (status) => {
      const { url, requests } = await startReceiver([status, 200]);

      await expect(webhookTo(url).send(MESSAGE)).rejects.toBeInstanceOf(SmsRefusedError);

      expect(requests).toHaveLength(1);
    },
  );

  test.each([408, 425, 500, 502, 503])(
    "gets a retry after status %i, with the same idempotency key and a new signature",
    async (status) => {
      const { url, requests } = await startReceiver([status, 200]);

      await webhookTo(url).send(MESSAGE);

      const [first, second] = requests;
      expect(requests).toHaveLength(2);
      expect(second?.headers["idempotency-key"]).toBe(first?.headers["idempotency-key"]);
      expect(second?.body).toBe(first?.body);
      expect(requests).toMatchObject([
        { isSigned: true, signedAt: NOW },
        { isSigned: true, signedAt: NOW + 1 },
      ]);
    },
  );

  test("leaves the outcome unknown when it fails twice", async () => {
    const { url, requests } = await startReceiver([500, 500, 200]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(requests).toHaveLength(2);
  });

  test("leaves the outcome unknown when it fails and then refuses, because the first attempt may have arrived", async () => {
    const { url, requests } = await startReceiver([500, 400]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(requests).toHaveLength(2);
  });

  test("leaves the outcome unknown when it times out on both attempts", async () => {
    const { url, requests } = await startReceiver(["nothing", "nothing"]);

    expect(await failureOf(webhookTo(url, { timeoutMs: 300 }).send(MESSAGE))).not.toBeInstanceOf(
      SmsRefusedError,
    );

    expect(requests.map(({ headers }) => headers["idempotency-key"])).toEqual([MESSAGE.id, MESSAGE.id]);
  });

  test("accepts a message when it sends a success status but never a body", async () => {
    const { url, requests } = await startReceiver(["status alone"]);

    await webhookTo(url, { timeoutMs: 2_000 }).send(MESSAGE);

    expect(requests).toHaveLength(1);
  });

  test("leaves the outcome unknown when it hangs up without an answer", async () => {
    const { url } = await startReceiver(["hang up", "hang up"]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);
  });

  test.each(["127.0.0.1", "localhost"])(
    "refuses a message definitely when nothing listens at %s",
    async (host) => {
      const { url, stop } = await startReceiver([]);
      await stop();

      const sending = webhookTo(url.replace("127.0.0.1", host)).send(MESSAGE);

      await expect(sending).rejects.toBeInstanceOf(SmsRefusedError);
    },
  );

  test("never receives the message at the target of a redirect", async () => {
    const other = await startReceiver([200, 200]);
    const { url } = await startReceiver([{ location: other.url }, { location: other.url }]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(other.requests).toEqual([]);
  });

  test("[SI11] leaks no phone number, code or secret into its errors", async () => {
    const failures = await Promise.all(
      ([[400], [500, 500], ["hang up", "hang up"]] as const).map(async (answers) => {
        const { url } = await startReceiver(answers);
        return failureOf(webhookTo(url).send(MESSAGE));
      }),
    );

    for (const error of failures) expect(messagesOf(error)).not.toMatch(/9876543210|482915|wJ4nHc6Rk0/);
  });
});

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

const NOW = Date.UTC(2026, 8, 1, 8);

/** Creates a webhook provider with the shared secret and a clock that advances by a millisecond at each read. */
const webhookTo = (url: string, options: { readonly timeoutMs?: number } = {}) => {
  let now = NOW;
  return createWebhookSms({
    url,
    secret: SECRET,
    clock: { now: () => now++, every: () => () => {} },
    ...options,
  });
};

/** The answer of a receiver to one request: a status, a redirect, or a failure. */
type Answer = number | { readonly location: string } | "nothing" | "status alone" | "hang up";

interface ReceivedRequest {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether its signature matches the shared secret. */
  readonly isSigned: boolean;
  readonly signedAt: number;
}

/** Starts a receiver that checks signatures as the README describes. */
const startReceiver = async (answers: readonly Answer[]) => {
  const requests: ReceivedRequest[] = [];
  const { url, stop } = await listen(({ method, headers }, body, response) => {
    const signed = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-edvoyage-signature"]));
    const [, at = "", signature] = signed ?? [];
    const isSigned = signature === createHmac("sha256", SECRET).update(`${at}.${body}`).digest("hex");
    requests.push({ method, headers, body, isSigned, signedAt: Number(at) });
    reply(response, answers[requests.length - 1]);
  });
  return { url: `${url}/send?account=7`, requests, stop };
};

/** Starts a server on a free port, which calls `onRequest` with complete requests. Stops when the test finishes. */
const listen = async (
  onRequest: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => onRequest(request, body, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  onTestFinished(stop);
  const address = server.address();
  if (typeof address !== "object" || !address) return expect.fail("the receiver has no port");
  return { url: `http://127.0.0.1:${address.port}`, stop };
};

const reply = (response: ServerResponse, answer: Answer | undefined): void => {
  if (answer === "nothing") return;
  if (answer === undefined || answer === "hang up") response.socket?.destroy();
  else if (answer === "status alone") response.writeHead(200).flushHeaders();
  else if (typeof answer === "number") response.writeHead(answer).end();
  else response.writeHead(307, answer).end();
};

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

const failureOf = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail("the message was taken"),
    (error: unknown) => (error instanceof Error ? error : expect.fail("no error was thrown")),
  );

const messagesOf = (error: unknown): string =>
  error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : String(error);

const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-sms-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
