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
  /** Without a path; Twilio's own unless told, which is for tests. */
  readonly baseUrl?: string;
  /** For a message, in milliseconds; 8,000 unless told. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 8_000;
/** A shorter text that begins so is somebody's name. */
const SERVICE_SID = /^MG[0-9a-fA-F]{32}$/;

/** A message that Twilio has taken (https://www.twilio.com/docs/messaging/api/message-resource). */
const resource = z.object({ sid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/i) });
/** Why it has not (https://www.twilio.com/docs/api/errors). Its words are not read: they repeat the number. */
const problem = z.object({ code: z.int().min(10_000).max(999_999) });

/**
 * Hands messages to Twilio, each once: it knows no idempotency key, so that what may have arrived is not sent again. A 2xx
 * with the message's SID is taken; a 429, and any other 4xx with a code of Twilio's, is a definite refusal (408 aside, which
 * is a timeout); all else is unknown. Errors say the status and Twilio's numeric code, and nothing of its words.
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
      // The status counts without its body: a 429 is a definite refusal.
      if (status !== undefined) return { status, json: undefined };
      if (isNotConnected(error)) throw new SmsRefusedError("Twilio cannot be reached", { cause: error });
      throw new Error("Twilio did not answer for sure", { cause: error });
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
          // What waits for longer would bring a code that is over.
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
  /** `undefined` when the body did not arrive whole or is no JSON. */
  readonly json: unknown;
}

const isDefinite = (status: number, hasCode: boolean): boolean =>
  status === 429 || (hasCode && status >= 400 && status < 500 && status !== 408);

/** `undefined` for what is cut off or is no JSON. Why is not said: a parser's words quote what it has read. */
const readJson = (response: Response): Promise<unknown> => response.json().catch(() => undefined);
