import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createExpoPush, createFcmPush, type PushProvider } from "@edvoyage/server/app";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { startLoopbackPeer, type PeerAnswer, type PeerRequest } from "./loopback-peer.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });

/** Generous: a request that hangs exceeds it, a slow machine does not. */
const WATCHDOG_MS = 20_000;

/** A service on loopback, and the provider that sends to it. */
export interface FakePushService {
  readonly provider: PushProvider;
  readonly url: string;
  /** All requests so far. */
  readonly requests: readonly PeerRequest[];
}

interface ExpoOptions {
  readonly accessToken?: string;
  /** Default: 20,000. */
  readonly timeoutMs?: number;
}

/** Starts a fake Expo. */
export const startExpo = async (
  answerTo: (request: PeerRequest) => PeerAnswer,
  { accessToken, timeoutMs = WATCHDOG_MS }: ExpoOptions = {},
): Promise<FakePushService> => {
  const { url, requests } = await startLoopbackPeer(answerTo);
  return { url, requests, provider: createExpoPush({ url, accessToken, timeoutMs }) };
};

/** A fake Firebase, whose requests are of two kinds. */
export interface FakeFcm extends FakePushService {
  readonly clock: FakeClock;
  /** The key that verifies the assertions of the service account. */
  readonly publicKey: KeyObject;
  /** Returns the requests for access tokens so far. */
  tokenRequests(): readonly PeerRequest[];
  /** Returns the messages so far. */
  sent(): readonly PeerRequest[];
}

interface FcmOptions {
  /** Answers the nth request for an access token. Default: `access-n`, valid for an hour. */
  readonly tokenAnswer?: (count: number) => PeerAnswer;
  /** Default: 20,000. */
  readonly timeoutMs?: number;
}

/** Starts a fake Firebase. It answers messages with `answerTo`. Default: it takes each of them. */
export const startFcm = async (
  answerTo: (request: PeerRequest) => PeerAnswer = () => ({ json: {} }),
  {
    tokenAnswer = (count) => ({ json: { access_token: `access-${count}`, expires_in: 3_600 } }),
    timeoutMs = WATCHDOG_MS,
  }: FcmOptions = {},
): Promise<FakeFcm> => {
  const clock = createFakeClock();
  let tokens = 0;
  const { url, requests } = await startLoopbackPeer((request) =>
    request.path === "/token" ? tokenAnswer(++tokens) : answerTo(request),
  );
  const provider = createFcmPush({
    url,
    projectId: "edvoyage",
    clientEmail: "push@example.org",
    privateKey,
    tokenUrl: `${url}/token`,
    clock,
    timeoutMs,
  });
  return {
    provider,
    url,
    requests,
    clock,
    publicKey,
    tokenRequests: () => requests.filter(({ path }) => path === "/token"),
    sent: () => requests.filter(({ path }) => path !== "/token"),
  };
};
