import { createHmac } from "node:crypto";
import { withTimeout } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import { isNotConnected } from "./not-connected.ts";
import { SmsRefusedError, type SmsProvider } from "./sms.ts";

export interface WebhookSmsOptions {
  readonly url: string;
  /** Shared with the receiver, which checks the signature with it. */
  readonly secret: string;
  readonly clock: Clock;
  /** Timeout of each of the two attempts, in milliseconds. Default: 4,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 4_000;
const MAX_ATTEMPTS = 2;

/**
 * Posts messages to an HTTP endpoint as JSON `{id, to, text, code, at}`. Headers: `idempotency-key` (the
 * message's id, so that a retry does not send it twice) and `x-edvoyage-signature: t=<epoch ms>,v1=<hex>`,
 * the HMAC-SHA256 of `<t>.<body>` with the shared secret. A 2xx is accepted. A 4xx is a definite refusal,
 * except 408 and 425. Anything else is retried once; after that the outcome is unknown.
 */
export const createWebhookSms = ({
  url,
  secret,
  clock,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: WebhookSmsOptions): SmsProvider => {
  const deliver = async (id: string, body: string): Promise<void> => {
    const at = clock.now();
    const signature = createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
    const { ok: isTaken, status } = await withTimeout({ timeoutMs }, async (signal) => {
      const response = await fetch(url, {
        method: "POST",
        redirect: "error",
        signal,
        headers: {
          "content-type": "application/json",
          "idempotency-key": id,
          "x-edvoyage-signature": `t=${at},v1=${signature}`,
        },
        body,
      });
      await response.body?.cancel();
      return response;
    });
    if (isTaken) return;
    const message = `The SMS webhook answered ${status}`;
    if (isDefinite(status)) throw new SmsRefusedError(message);
    throw new Error(message);
  };

  return {
    name: "webhook",
    send: async ({ id, to, text, code, at }) => {
      const body = JSON.stringify({ id, to, text, code, at });
      for (let attempt = 1, hasArrived = false; ; attempt += 1) {
        try {
          return await deliver(id, body);
        } catch (error) {
          // A refusal of the retry does not undo a first attempt that may have arrived.
          if (error instanceof SmsRefusedError && !hasArrived) throw error;
          hasArrived ||= !isNotConnected(error);
          if (attempt < MAX_ATTEMPTS) continue;
          if (!hasArrived) throw new SmsRefusedError("The SMS webhook cannot be reached", { cause: error });
          throw new Error("It is unknown whether the SMS webhook accepted the message", { cause: error });
        }
      }
    },
  };
};

const isDefinite = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 425;
