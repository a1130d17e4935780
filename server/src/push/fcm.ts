import { createSign, type KeyObject } from "node:crypto";
import { withTimeout } from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { PushMessage, PushOutcome, PushProvider } from "./provider.ts";
import { retryAfterOf } from "./retry-after.ts";

export interface FcmConfig {
  /** The origin of the service, without a path. `parseConfig` defaults to `https://fcm.googleapis.com`. */
  readonly url: string;
  readonly projectId: string;
  /** The service account's name. */
  readonly clientEmail: string;
  /** The service account's RSA key. */
  readonly privateKey: KeyObject;
  /** Endpoint for access tokens; also the audience of the assertion. */
  readonly tokenUrl: string;
}

export interface FcmOptions extends FcmConfig {
  readonly clock: Clock;
  /** Timeout of one request, including the wait for an access token, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_SECONDS = 3_600;
/** How long before its expiry an access token is renewed. */
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
 * Sends pushes with Firebase Cloud Messaging, HTTP v1
 * (https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send), with access tokens of a service
 * account (https://developers.google.com/identity/protocols/oauth2/service-account#httprest).
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
        throw new Error(`Google issued no access token: status ${response.status}`);
      }
      const { access_token: token, expires_in: seconds } = tokenAnswer.parse(await response.json());
      setExpiry(clock.now() + seconds * 1_000 - RENEW_BEFORE_MS);
      return token;
    });

  /** Returns an access token. All callers that wait share one request. */
  const accessToken = (): Promise<string> => {
    if (access && !access.isStale()) return access.token;
    let renewAt = Number.POSITIVE_INFINITY;
    const token = requestAccess((at) => (renewAt = at));
    const current = { token, isStale: () => clock.now() >= renewAt };
    access = current;
    token.catch(() => {
      if (access === current) access = undefined;
    });
    return token;
  };

  const post = (message: PushMessage, callerSignal: AbortSignal): Promise<Answer> =>
    withTimeout({ timeoutMs, signal: callerSignal }, async (signal) => {
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

  const sendOne = async (message: PushMessage, callerSignal: AbortSignal): Promise<PushOutcome> => {
    try {
      const { token, isUnauthorized, outcome } = await post(message, callerSignal);
      if (!isUnauthorized) return outcome;
      // The access token was revoked before its expiry. Another message may have renewed it already.
      if (access && (await access.token.catch(() => token)) === token) access = undefined;
      return (await post(message, callerSignal)).outcome;
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
        const chunk = messages.slice(start, start + CONCURRENCY);
        outcomes.push(...(await Promise.all(chunk.map((message) => sendOne(message, signal)))));
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
  // A 404 without this code means that the project does not exist, which is no reason to drop a token.
  if (error === "UNREGISTERED") return { state: "gone" };
  if (isTokenFault(details)) return { state: "gone" };
  // A fault of the message is permanent. A sender without permission may get it later, so other statuses are retried.
  if (response.status === 400) return { state: "refused", error };
  return { state: "failed", error, retryAfterMs: retryAfterOf(response) };
};

/** Checks whether the fault is the token itself: a field violation then names `message.token`. */
const isTokenFault = (details: readonly Readonly<Record<string, unknown>>[]): boolean =>
  details.some(({ fieldViolations }) =>
    Array.isArray(fieldViolations)
      ? fieldViolations.some(
          (violation: { readonly field?: unknown } | null) => violation?.field === "message.token",
        )
      : false,
  );

// No `collapse_key`: FCM stores only four of them for each device, and a student has more rooms. A tag replaces the
// notification that is shown.
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
