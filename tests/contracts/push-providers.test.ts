import { getEventListeners } from "node:events";
import type { PushMessage } from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import { collectGarbage } from "../support/garbage.ts";
import type { PeerAnswer, Silence } from "../support/fakes/loopback-peer.ts";
import { startExpo, startFcm } from "../support/fakes/push-services.ts";

const SILENCES: readonly Silence[] = ["says nothing", "sends headers and no body"];
/** The timeout for silent peers. It includes fetching an access token, for which a message waits. */
const TIMEOUT_MS = 2_000;
/** Generous: a request that hangs exceeds it, a slow machine does not. */
const WATCHDOG_MS = 20_000;
const FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError";

const messageTo = (token: string): PushMessage => ({
  token,
  provider: "fcm",
  platform: "android",
  title: "Ada",
  body: "A new message",
  data: { roomId: "1" },
  collapseId: "room",
});

/** A signal that lives as long as the server does. */
const longLived = (): AbortSignal => new AbortController().signal;

describe("Expo", () => {
  test.each(SILENCES)(
    "times out when it %s, for a message and for receipts, while garbage is collected",
    async (silence) => {
      const { provider } = await startExpo(() => ({ silence }), { timeoutMs: TIMEOUT_MS });
      const signal = longLived();
      collectGarbage();

      const sending = provider.send([messageTo("a")], signal);
      const asking = provider.receipts?.(["ticket"], signal);

      await Promise.all([
        expect(sending).rejects.toMatchObject({ name: "TimeoutError" }),
        expect(asking).rejects.toMatchObject({ name: "TimeoutError" }),
      ]);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    },
    WATCHDOG_MS,
  );

  test("returns each message's own outcome", async () => {
    const { provider } = await startExpo(() => ({
      json: {
        data: [
          { status: "ok", id: "ticket-1" },
          { status: "error", details: { error: "DeviceNotRegistered" } },
          { status: "error", details: { error: "MessageTooBig" } },
        ],
      },
    }));

    const outcomes = await provider.send(["a", "b", "c", "d"].map(messageTo), longLived());

    expect(outcomes).toEqual([
      { state: "taken", ticket: "ticket-1" },
      { state: "gone" },
      { state: "refused", error: "MessageTooBig" },
      { state: "failed", error: "no-ticket" },
    ]);
  });

  test("gets each half of a request that it has refused as a whole", async () => {
    const { provider, requests } = await startExpo(({ body }) =>
      body.includes('"bad"')
        ? { status: 400, json: {} }
        : { json: { data: JSON.parse(body).map(() => ({ status: "ok", id: "t" })) } },
    );

    const outcomes = await provider.send(["a", "b", "bad", "c"].map(messageTo), longLived());

    const taken = { state: "taken", ticket: "t" };
    expect(outcomes).toEqual([taken, taken, { state: "refused", error: "http-400" }, taken]);
    expect(requests).toHaveLength(5);
  });

  test("gets the pause that it asks for, even when its answer never ends", async () => {
    const answer: PeerAnswer = {
      status: 503,
      headers: { "retry-after": "7" },
      silence: "sends headers and no body",
    };
    const { provider } = await startExpo(() => answer);

    const outcomes = await provider.send(["a", "b"].map(messageTo), longLived());

    const failed = { state: "failed", error: "http-503", retryAfterMs: 7_000 };
    expect(outcomes).toEqual([failed, failed]);
    await expect(provider.receipts?.(["ticket"], longLived())).rejects.toThrow("503");
  });
});

describe("FCM", () => {
  test.each(SILENCES)(
    "times out when it %s, for a message and for an access token, while garbage is collected",
    async (silence) => {
      const silentOnMessages = await startFcm(() => ({ status: 503, silence }), {
        timeoutMs: TIMEOUT_MS,
      });
      const silentOnTokens = await startFcm(() => ({ json: {} }), {
        tokenAnswer: () => ({ silence }),
        timeoutMs: TIMEOUT_MS,
      });
      const signal = longLived();
      collectGarbage();

      const outcomes = await Promise.all([
        silentOnMessages.provider.send([messageTo("a")], signal),
        silentOnTokens.provider.send([messageTo("a")], signal),
      ]);

      const failed = { state: "failed", error: "TimeoutError" };
      expect(outcomes).toEqual([[failed], [failed]]);
      expect(silentOnMessages.sent()).toHaveLength(1);
      expect(silentOnTokens.sent()).toEqual([]);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    },
    WATCHDOG_MS,
  );

  test("gets one request for another access token after it has withdrawn one", async () => {
    const { provider, sent } = await startFcm(({ headers }) =>
      headers.authorization === "Bearer access-2" ? { json: {} } : { status: 401, json: {} },
    );

    expect(await provider.send([messageTo("a")], longLived())).toEqual([{ state: "taken" }]);
    expect(sent().map(({ headers }) => headers.authorization)).toEqual([
      "Bearer access-1",
      "Bearer access-2",
    ]);
  });

  test("fails after two tries when it accepts no access token", async () => {
    const { provider, sent } = await startFcm(() => ({ status: 401, json: {} }));

    expect(await provider.send([messageTo("a")], longLived())).toMatchObject([
      { state: "failed", error: "http-401" },
    ]);
    expect(sent()).toHaveLength(2);
  });

  test("returns each message's own outcome", async () => {
    const answers: Readonly<Record<string, PeerAnswer>> = {
      taken: { json: {} },
      endless: { silence: "sends headers and no body" },
      gone: {
        status: 404,
        json: { error: { details: [{ "@type": FCM_ERROR, errorCode: "UNREGISTERED" }] } },
      },
      refused: { status: 400, json: { error: { status: "INVALID_ARGUMENT" } } },
      later: { status: 503, headers: { "retry-after": "7" }, json: { error: { status: "UNAVAILABLE" } } },
    };
    const { provider } = await startFcm(({ body }) => answers[JSON.parse(body).message.token] ?? {});

    const outcomes = await provider.send(Object.keys(answers).map(messageTo), longLived());

    expect(outcomes).toEqual([
      { state: "taken" },
      { state: "taken" },
      { state: "gone" },
      { state: "refused", error: "INVALID_ARGUMENT" },
      { state: "failed", error: "UNAVAILABLE", retryAfterMs: 7_000 },
    ]);
  });
});
