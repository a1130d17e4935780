import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
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
  ])("with %s fits one message and ends with the code, bound to the domain", (_what, code, appHash) => {
    const text = codeToText(code, { domain: "edvoyage.app", appHash });

    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_SMS_BYTES);
    expect(MAX_SMS_BYTES).toBe(140);
    expect(text.split("\n")[0]).toContain(code);
    expect(text.split("\n").at(-1)).toBe(`@edvoyage.app #${code}`);
  });

  test("has the app's hash in a line of its own, before the last", () => {
    const lines = codeToText("482915", { domain: "edvoyage.app", appHash: "FA+9qCX9VSu" }).split("\n");

    expect(lines.slice(1)).toEqual(["FA+9qCX9VSu", "@edvoyage.app #482915"]);
  });
});

describe("the sender", () => {
  test.each<[SmsOutcome, Error | undefined]>([
    ["sent", undefined],
    ["refused", new SmsRefusedError("no such number")],
    ["unknown", new Error("timeout")],
  ])("answers %s, tells so once, and never throws", async (outcome, error) => {
    const outcomes: unknown[] = [];
    const send = createSmsSender({
      provider: { name: "webhook", send: async () => (error ? Promise.reject(error) : undefined) },
      domain: "edvoyage.app",
      onOutcome: (...told) => outcomes.push(told),
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

describe("the webhook", () => {
  test("gets the message as signed JSON", async () => {
    const { url, requests } = await startReceiver([200]);

    await webhookTo(url).send(MESSAGE);

    const [request] = requests;
    expect(requests).toHaveLength(1);
    expect(request).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
    expect(request?.headers["idempotency-key"]).toBe(MESSAGE.id);
    expect(JSON.parse(request?.body ?? "")).toEqual({ ...MESSAGE });
    expect(request).toMatchObject({ isSigned: true, signedAt: NOW });
  });

  test.each([200, 201, 202, 204])("takes a message with %i", async (status) => {
    const { url, requests } = await startReceiver([status]);

    await webhookTo(url).send(MESSAGE);

    expect(requests).toHaveLength(1);
  });

  test.each([400, 401, 403, 404, 422, 429])(
    "refuses a message for good with %i, and is not asked again",
    async (status) => {
      const { url, requests } = await startReceiver([status, 200]);

      await expect(webhookTo(url).send(MESSAGE)).rejects.toBeInstanceOf(SmsRefusedError);

      expect(requests).toHaveLength(1);
    },
  );

  test.each([408, 425, 500, 502, 503])(
    "is asked again after %i, under the same idempotency key, signed anew",
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

  test("that fails twice leaves the outcome unknown", async () => {
    const { url, requests } = await startReceiver([500, 500, 200]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(requests).toHaveLength(2);
  });

  test("that fails, then refuses, leaves the outcome unknown: the first may have gone through", async () => {
    const { url, requests } = await startReceiver([500, 400]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(requests).toHaveLength(2);
  });

  test("that does not answer in time leaves the outcome unknown, after two tries", async () => {
    const { url, requests } = await startReceiver(["nothing", "nothing"]);

    expect(await failureOf(webhookTo(url, { timeoutMs: 300 }).send(MESSAGE))).not.toBeInstanceOf(
      SmsRefusedError,
    );

    expect(requests.map(({ headers }) => headers["idempotency-key"])).toEqual([MESSAGE.id, MESSAGE.id]);
  });

  test("that hangs up without an answer leaves the outcome unknown", async () => {
    const { url } = await startReceiver(["hang up", "hang up"]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);
  });

  test.each(["127.0.0.1", "localhost"])(
    "that nobody serves at %s has surely not taken the message",
    async (host) => {
      const { url, stop } = await startReceiver([]);
      await stop();

      const sending = webhookTo(url.replace("127.0.0.1", host)).send(MESSAGE);

      await expect(sending).rejects.toBeInstanceOf(SmsRefusedError);
    },
  );

  test("is not followed to where it redirects", async () => {
    const other = await startReceiver([200, 200]);
    const { url } = await startReceiver([{ location: other.url }, { location: other.url }]);

    expect(await failureOf(webhookTo(url).send(MESSAGE))).not.toBeInstanceOf(SmsRefusedError);

    expect(other.requests).toEqual([]);
  });

  test("gets no phone number, code or secret into its errors", async () => {
    const failures = await Promise.all(
      ([[400], [500, 500], ["hang up", "hang up"]] as const).map(async (answers) => {
        const { url } = await startReceiver(answers);
        return failureOf(webhookTo(url).send(MESSAGE));
      }),
    );

    for (const error of failures) expect(wordsOf(error)).not.toMatch(/9876543210|482915|wJ4nHc6Rk0/);
  });
});

describe("the file", () => {
  test("has the message as a line of JSON when the sending is done, and nobody else may read it", async () => {
    const path = join(temporaryFolder(), "new", "sms.jsonl");

    await createFileSms(path).send(MESSAGE);

    const { to, text, code, at } = MESSAGE;
    expect(readFileSync(path, "utf8")).toBe(`${JSON.stringify({ to, text, code, at })}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  test("keeps what it has, and messages of one moment do not mix", async () => {
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

describe("the console", () => {
  test("shows a message in one whole line", async () => {
    const lines: string[] = [];

    await createConsoleSms((line) => lines.push(line)).send(MESSAGE);

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\+919876543210[^\n]*482915[^\n]*\n$/);
  });
});

const NOW = Date.UTC(2026, 8, 1, 8);

/** A webhook under the shared secret, whose clock moves on by a millisecond when it is read. */
const webhookTo = (url: string, options: { readonly timeoutMs?: number } = {}) => {
  let now = NOW;
  return createWebhookSms({
    url,
    secret: SECRET,
    clock: { now: () => now++, every: () => () => {} },
    ...options,
  });
};

/** What a receiver does with one request after the other: a status, a redirect, or worse. */
type Answer = number | { readonly location: string } | "nothing" | "hang up";

interface ReceivedRequest {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether its signature is the one that the shared secret makes. */
  readonly isSigned: boolean;
  readonly signedAt: number;
}

/** The other end: a server that checks what it is sent as the manual says. */
const startReceiver = async (answers: readonly Answer[]) => {
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const { method, headers } = request;
      const signed = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-edvoyage-signature"]));
      const [, at = "", signature] = signed ?? [];
      const isSigned = signature === createHmac("sha256", SECRET).update(`${at}.${body}`).digest("hex");
      requests.push({ method, headers, body, isSigned, signedAt: Number(at) });
      reply(response, answers[requests.length - 1]);
    });
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
  return { url: `http://127.0.0.1:${address.port}/send?account=7`, requests, stop };
};

const reply = (response: ServerResponse, answer: Answer | undefined): void => {
  if (answer === "nothing") return;
  if (answer === undefined || answer === "hang up") response.socket?.destroy();
  else if (typeof answer === "number") response.writeHead(answer).end();
  else response.writeHead(307, answer).end();
};

const failureOf = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail("the message was taken"),
    (error: unknown) => (error instanceof Error ? error : expect.fail("no error was thrown")),
  );

const wordsOf = (error: unknown): string =>
  error instanceof Error ? `${error.message} ${wordsOf(error.cause)}` : String(error);

const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-sms-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
