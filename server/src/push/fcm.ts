import { createSign, type KeyObject } from "node:crypto";
import { withTimeout } from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { PushMessage, PushOutcome, PushProvider } from "./provider.ts";
import { retryAfterOf } from "./retry-after.ts";

export interface FcmConfig {
  /** Without a path; `https://fcm.googleapis.com` unless told. */
  readonly url: string;
  readonly projectId: string;
  /** The service account's name. */
  readonly clientEmail: string;
  /** The service account's RSA key. */
  readonly privateKey: KeyObject;
  /** Where access tokens are had; the audience of the assertion, too. */
  readonly tokenUrl: string;
}

export interface FcmOptions extends FcmConfig {
  readonly clock: Clock;
  /** For one request, with the access token that it may have to wait for, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_SECONDS = 3_600;
/** A token is renewed this long before it expires. */
const RENEW_BEFORE_MS = 5 * 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;
const CONCURRENCY = 25;

const tokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() });
const failure = z.object({
  error: z.object({
    status: z.string().optional(),
    details: z.array(z.looseObject({ "@type": z.string(), errorCode: z.string().optional() })).optional(),
  }),
});

/**
 * Firebase Cloud Messaging, HTTP v1 (https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send), with
 * access tokens of a service account (https://developers.google.com/identity/protocols/oauth2/service-account#httprest).
 */
export const createFcmPush = ({
  clock,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  ...config
}: FcmOptions): PushProvider => {
  let access: { readonly token: Promise<string>; readonly isStale: () => boolean } | undefined;

  const requestAccess = (setExpiry: (at: number) => void): Promise<string> =>
    withTimeout({ timeoutMs }, async (signal) => {
      const response = await fetch(config.tokenUrl, {
        method: "POST",
        redirect: "error",
        signal,
        body: new URLSearchParams({ grant_type: GRANT, assertion: signAssertion(config, clock.now()) }),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new Error(`Google gave no access token: ${response.status}`);
      }
      const { access_token: token, expires_in: seconds } = tokenAnswer.parse(await response.json());
      setExpiry(clock.now() + seconds * 1_000 - RENEW_BEFORE_MS);
      return token;
    });

  /** One request for all that wait for it. */
  const accessToken = (): Promise<string> => {
    if (access && !access.isStale()) return access.token;
    let renewAt = Number.POSITIVE_INFINITY;
    const token = requestAccess((at) => (renewAt = at));
    const own = { token, isStale: () => clock.now() >= renewAt };
    access = own;
    token.catch(() => {
      if (access === own) access = undefined;
    });
    return token;
  };

  const post = (message: PushMessage, over: AbortSignal): Promise<Answer> =>
    withTimeout({ timeoutMs, signal: over }, async (signal) => {
      const token = await accessToken();
      const response = await fetch(`${config.url}/v1/projects/${config.projectId}/messages:send`, {
        method: "POST",
        redirect: "error",
        signal,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ message: toFcm(message) }),
      });
      const isUnauthorized = response.status === 401;
      if (!response.ok) return { token, isUnauthorized, outcome: await refusalToOutcome(response) };
      await response.body?.cancel();
      return { token, isUnauthorized, outcome: { state: "taken" } };
    });

  const sendOne = async (message: PushMessage, over: AbortSignal): Promise<PushOutcome> => {
    try {
      const { token, isUnauthorized, outcome } = await post(message, over);
      if (!isUnauthorized) return outcome;
      // Withdrawn before its time. Another message may have renewed it already.
      if (access && (await access.token.catch(() => token)) === token) access = undefined;
      return (await post(message, over)).outcome;
    } catch (error) {
      return { state: "failed", error: error instanceof Error ? error.name : "unknown" };
    }
  };

  return {
    name: "fcm",
    batchSize: 100,
    serves: ["fcm"],
    send: async (messages, signal) => {
      const outcomes: PushOutcome[] = [];
      for (let start = 0; start < messages.length; start += CONCURRENCY) {
        const some = messages.slice(start, start + CONCURRENCY);
        outcomes.push(...(await Promise.all(some.map((message) => sendOne(message, signal)))));
      }
      return outcomes;
    },
  };
};

interface Answer {
  /** The access token that the message was sent with. */
  readonly token: string;
  readonly isUnauthorized: boolean;
  readonly outcome: PushOutcome;
}

const refusalToOutcome = async (response: Response): Promise<PushOutcome> => {
  const parsed = failure.safeParse(await response.json().catch(() => undefined));
  const { status, details = [] } = parsed.data?.error ?? {};
  const error = details.find(({ errorCode }) => errorCode)?.errorCode ?? status ?? `http-${response.status}`;
  // A 404 without it is of a project that is not there: no reason to drop a token.
  if (error === "UNREGISTERED") return { state: "gone" };
  if (isOfToken(details)) return { state: "gone" };
  // Whatever is wrong with the message stays so; a sender without rights may be given them.
  if (response.status === 400) return { state: "refused", error };
  return { state: "failed", error, retryAfterMs: retryAfterOf(response) };
};

/** Whether what is wrong is the token itself: `fieldViolations` name `message.token`. */
const isOfToken = (details: readonly Readonly<Record<string, unknown>>[]): boolean =>
  details.some(({ fieldViolations }) =>
    Array.isArray(fieldViolations)
      ? fieldViolations.some((one: { readonly field?: unknown } | null) => one?.field === "message.token")
      : false,
  );

// No `collapse_key`: FCM keeps four of them a device, and a student has more rooms. A tag replaces what is shown.
const toFcm = ({ token, title, body, data, collapseId }: PushMessage) => ({
  token,
  notification: { title, body },
  data,
  android: { priority: "HIGH", notification: { tag: collapseId } },
  apns: {
    headers: { "apns-priority": "10", "apns-collapse-id": collapseId },
    payload: { aps: { sound: "default", "thread-id": collapseId } },
  },
});

const signAssertion = ({ clientEmail, privateKey, tokenUrl }: FcmConfig, now: number): string => {
  const issuedAt = Math.floor(now / 1_000);
  const claims = {
    iss: clientEmail,
    scope: SCOPE,
    aud: tokenUrl,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_SECONDS,
  };
  const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const content = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  return `${content}.${createSign("RSA-SHA256").update(content).sign(privateKey, "base64url")}`;
};
