import { CODE_TTL_MS, withTimeout } from "@edvoyage/protocol";
import { z } from "zod";
import { isNotConnected } from "./not-connected.ts";
import { SmsRefusedError, type SmsProvider } from "./sms.ts";

export interface TwilioConfig {
  /** `AC` and 32 hexadecimal digits. */
  readonly accountSid: string;
  readonly authToken: string;
  /** A number in E.164, an alphanumeric sender, or the SID of a messaging service (`MG…`). */
  readonly from: string;
}

export interface TwilioOptions extends TwilioConfig {
  /** The origin of the API, without a path; tests set it. Default: Twilio's own. */
  readonly baseUrl?: string;
  /** Timeout of a message, in milliseconds. Default: 8,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 8_000;
/** The SID of a messaging service. A shorter text with the same beginning is an alphanumeric sender. */
const SERVICE_SID = /^MG[0-9a-fA-F]{32}$/;

/** The answer for a message that Twilio has accepted (https://www.twilio.com/docs/messaging/api/message-resource). */
const resource = z.object({ sid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/i) });
/**
 * The answer for a message that Twilio has refused (https://www.twilio.com/docs/api/errors). Its texts repeat the
 * number, so they are not read.
 */
const problem = z.object({ code: z.int().min(10_000).max(999_999) });

/**
 * Sends messages with Twilio. Never retries: Twilio has no idempotency key, so a retry could send a message twice. A
 * 2xx with the message's SID is accepted. A 429, and any other 4xx with a Twilio error code except 408 (a timeout), is
 * a definite refusal. Any other outcome is unknown. Errors contain the status and Twilio's numeric code, but none of
 * its texts.
 */
export const createTwilioSms = ({
  accountSid,
  authToken,
  from,
  baseUrl = "https://api.twilio.com",
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: TwilioOptions): SmsProvider => {
  const url = `${baseUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`;
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString("base64")}`;
  const sender = SERVICE_SID.test(from) ? "MessagingServiceSid" : "From";

  const post = async (form: URLSearchParams): Promise<Answer> => {
    let status: number | undefined;
    try {
      return await withTimeout({ timeoutMs }, async (signal) => {
        const response = await fetch(url, {
          method: "POST",
          redirect: "error",
          signal,
          headers: { accept: "application/json", authorization },
          body: form,
        });
        status = response.status;
        return { status, json: await readJson(response) };
      });
    } catch (error) {
      // The status counts even without its body: a 429 is a definite refusal.
      if (status !== undefined) return { status, json: undefined };
      if (isNotConnected(error)) throw new SmsRefusedError("Twilio cannot be reached", { cause: error });
      throw new Error("It is unknown whether Twilio accepted the message", { cause: error });
    }
  };

  return {
    name: "twilio",
    send: async ({ to, text }) => {
      const { status, json } = await post(
        new URLSearchParams({
          To: to,
          [sender]: from,
          Body: text,
          // Twilio drops a message that waits for longer: its code would have expired.
          ValidityPeriod: String(CODE_TTL_MS / 1_000),
        }),
      );
      if (status >= 200 && status < 300) {
        if (resource.safeParse(json).success) return;
        throw new Error(`Twilio answered ${status} without a message's SID`);
      }
      const refusal = problem.safeParse(json);
      const message = `Twilio answered ${status} ${refusal.success ? `with code ${refusal.data.code}` : "without a code"}`;
      if (isDefinite(status, refusal.success)) throw new SmsRefusedError(message);
      throw new Error(message);
    },
  };
};

interface Answer {
  readonly status: number;
  /** `undefined` when the body is incomplete or not JSON. */
  readonly json: unknown;
}

const isDefinite = (status: number, hasCode: boolean): boolean =>
  status === 429 || (hasCode && status >= 400 && status < 500 && status !== 408);

/**
 * Reads a JSON body; `undefined` when it is incomplete or not JSON. The parser's error is dropped because it quotes the
 * body.
 */
const readJson = (response: Response): Promise<unknown> => response.json().catch(() => undefined);
