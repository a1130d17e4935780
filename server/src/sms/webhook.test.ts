import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { SmsRefusedError } from "./sms.ts";
import { createWebhookSms } from "./webhook.ts";
import { MESSAGE, SECRET, listen, failureOf, messagesOf } from "./message-receiver.test.shared.ts";

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

const NOW = Date.UTC(2026, 8, 1, 8);

/** Creates a webhook provider with the shared secret and a clock that advances by a millisecond at each read. */
const webhookTo = (url: string, options: { readonly timeoutMs?: number } = {}) => {
  let now = NOW;
  return createWebhookSms({
    url,
    secret: SECRET,
    clock: { now: () => now++, monotonicNow: () => now++, every: () => () => {} },
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

const reply = (response: ServerResponse, answer: Answer | undefined): void => {
  if (answer === "nothing") return;
  if (answer === undefined || answer === "hang up") response.socket?.destroy();
  else if (answer === "status alone") response.writeHead(200).flushHeaders();
  else if (typeof answer === "number") response.writeHead(answer).end();
  else response.writeHead(307, answer).end();
};
