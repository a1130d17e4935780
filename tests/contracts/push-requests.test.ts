import { createVerify } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { PushMessage } from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import type { PeerAnswer } from "../support/fakes/loopback-peer.ts";
import { startExpo, startFcm } from "../support/fakes/push-services.ts";

const BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest";

const message: PushMessage = {
  token: "device",
  provider: "fcm",
  platform: "android",
  title: "Ada",
  body: "A new message",
  data: { kind: "message", roomId: "1" },
  collapseId: "room-1",
};

const signal = new AbortController().signal;
// Each of the requests that run at the same time listens to it.
setMaxListeners(0, signal);

describe("a request to Expo", () => {
  test("carries the message, and a tag that replaces the notification on Android", async () => {
    const { provider, requests } = await startExpo(() => ({ json: { data: [{ status: "ok", id: "t" }] } }));

    await provider.send([message], signal);

    expect(provider).toMatchObject({ name: "expo", batchSize: 100, serves: ["expo"] });
    expect(requests.map(({ path }) => path)).toEqual(["/--/api/v2/push/send"]);
    expect(requests[0]?.headers).toMatchObject({
      accept: "application/json",
      "content-type": "application/json",
    });
    expect(requests[0]?.headers.authorization).toBeUndefined();
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual([
      {
        to: "device",
        title: "Ada",
        body: "A new message",
        data: { kind: "message", roomId: "1" },
        sound: "default",
        priority: "high",
        tag: "room-1",
      },
    ]);
  });

  test("carries a collapse id and a thread on iOS", async () => {
    const { provider, requests } = await startExpo(() => ({ json: { data: [{ status: "ok", id: "t" }] } }));

    await provider.send([{ ...message, platform: "ios" }], signal);

    const [sent] = JSON.parse(requests[0]?.body ?? "");
    expect(sent).toMatchObject({ collapseId: "room-1", threadId: "room-1" });
    expect(sent).not.toHaveProperty("tag");
  });

  test("carries the project's access token", async () => {
    const { provider, requests } = await startExpo(() => ({ json: { data: [] } }), { accessToken: "secret" });

    await provider.send([message], signal);

    expect(requests[0]?.headers.authorization).toBe("Bearer secret");
  });

  test("follows no redirect", async () => {
    const { provider, requests } = await startExpo(() => ({ status: 307, headers: { location: "/other" } }));

    await expect(provider.send([message], signal)).rejects.toBeInstanceOf(Error);

    expect(requests).toHaveLength(1);
  });

  test("for receipts names the tickets, and returns each one's outcome", async () => {
    const { provider, requests } = await startExpo(() => ({
      json: {
        data: {
          a: { status: "ok" },
          b: { status: "error", details: { error: "DeviceNotRegistered" } },
          c: { status: "error", details: { error: "MismatchSenderId" } },
          d: { status: "error", details: { error: "InvalidCredentials" } },
          e: { status: "error", details: { error: "MessageRateExceeded" } },
          f: { status: "error" },
        },
      },
    }));

    const receipts = await provider.receipts?.(["a", "b", "c", "d", "e", "f", "g"], signal);

    expect(requests[0]?.path).toBe("/--/api/v2/push/getReceipts");
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual({ ids: ["a", "b", "c", "d", "e", "f", "g"] });
    expect(Object.fromEntries(receipts ?? [])).toEqual({
      a: { state: "delivered" },
      b: { state: "gone" },
      c: { state: "refused", error: "MismatchSenderId" },
      d: { state: "refused", error: "InvalidCredentials" },
      e: { state: "failed", error: "MessageRateExceeded" },
      f: { state: "failed", error: "unknown" },
    });
  });

  test("refused messages are sent again in halves down to one message after a 400, and only then", async () => {
    const refused = await startExpo(() => ({ status: 400, json: {} }));
    const failed = await startExpo(() => ({ status: 401, json: {} }));

    const outcomes = await refused.provider.send([message, message, message], signal);

    expect(outcomes).toEqual(Array.from({ length: 3 }, () => ({ state: "refused", error: "http-400" })));
    expect(refused.requests.map(({ body }) => JSON.parse(body).length)).toEqual([3, 2, 1, 1, 1]);
    expect(await failed.provider.send([message, message], signal)).toEqual([
      { state: "failed", error: "http-401" },
      { state: "failed", error: "http-401" },
    ]);
    expect(failed.requests).toHaveLength(1);
  });
});

describe("a request to FCM", () => {
  test("carries the message, and a tag, a collapse id and a thread that replace the notification", async () => {
    const { provider, sent } = await startFcm();

    const outcomes = await provider.send([message], signal);

    expect(outcomes).toEqual([{ state: "taken" }]);
    expect(provider).toMatchObject({ name: "fcm", batchSize: 100, serves: ["fcm"] });
    expect(sent().map(({ path }) => path)).toEqual(["/v1/projects/edvoyage/messages:send"]);
    expect(sent()[0]?.headers).toMatchObject({
      authorization: "Bearer access-1",
      "content-type": "application/json",
    });
    expect(JSON.parse(sent()[0]?.body ?? "")).toEqual({
      message: {
        token: "device",
        notification: { title: "Ada", body: "A new message" },
        data: { kind: "message", roomId: "1" },
        android: { priority: "HIGH", notification: { tag: "room-1" } },
        apns: {
          headers: { "apns-priority": "10", "apns-collapse-id": "room-1" },
          payload: { aps: { sound: "default", "thread-id": "room-1" } },
        },
      },
    });
  });

  test("for an access token carries an assertion that the service account has signed, valid for an hour", async () => {
    const { provider, clock, url, publicKey, tokenRequests } = await startFcm();

    await provider.send([message], signal);

    const form = new URLSearchParams(tokenRequests()[0]?.body);
    expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const decode = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(decode(header)).toEqual({ alg: "RS256", typ: "JWT" });
    const issuedAt = Math.floor(clock.now() / 1_000);
    expect(decode(claims)).toEqual({
      iss: "push@example.org",
      scope: "https://www.googleapis.com/auth/firebase.messaging",
      aud: `${url}/token`,
      iat: issuedAt,
      exp: issuedAt + 3_600,
    });
    const verify = createVerify("RSA-SHA256").update(`${header}.${claims}`);
    expect(verify.verify(publicKey, signature, "base64url")).toBe(true);
  });

  test("shares one access token with others until five minutes before its expiry", async () => {
    const { provider, clock, tokenRequests, sent } = await startFcm();

    await provider.send([message, message], signal);
    clock.advance({ minutes: 55, ms: -1 });
    await provider.send([message], signal);
    expect(tokenRequests()).toHaveLength(1);
    clock.advance({ ms: 1 });
    await provider.send([message], signal);

    expect(tokenRequests()).toHaveLength(2);
    expect(sent().at(-1)?.headers.authorization).toBe("Bearer access-2");
  });

  test("fails when Google issues no access token, and the next message requests one again", async () => {
    let isRefused = true;
    const { provider, requests } = await startFcm(() => ({ json: {} }), {
      tokenAnswer: () =>
        isRefused ? { status: 403, json: {} } : { json: { access_token: "late", expires_in: 60 } },
    });

    const [refused] = await provider.send([message], signal);
    isRefused = false;
    const [taken] = await provider.send([message], signal);

    expect(refused).toEqual({ state: "failed", error: "Error" });
    expect(taken).toEqual({ state: "taken" });
    expect(requests.map(({ path }) => path)).toEqual([
      "/token",
      "/token",
      "/v1/projects/edvoyage/messages:send",
    ]);
  });

  test("holds at most 100 messages, and the outcomes keep their order", async () => {
    const { provider, sent } = await startFcm(({ body }) =>
      JSON.parse(body).message.token === "60" ? { status: 400, json: {} } : { json: {} },
    );
    const messages = Array.from({ length: 100 }, (_, index) => ({ ...message, token: `${index}` }));

    const outcomes = await provider.send(messages, signal);

    expect(sent()).toHaveLength(100);
    expect(outcomes).toEqual(
      messages.map(({ token }) =>
        token === "60" ? { state: "refused", error: "http-400" } : { state: "taken" },
      ),
    );
  });

  test.each<readonly [string, PeerAnswer, unknown]>([
    [
      "drops a token that the request names as its fault",
      {
        status: 400,
        json: {
          error: {
            status: "INVALID_ARGUMENT",
            details: [{ "@type": BAD_REQUEST, fieldViolations: [null, { field: "message.token" }] }],
          },
        },
      },
      { state: "gone" },
    ],
    [
      "keeps a token when another field is at fault",
      {
        status: 400,
        json: {
          error: {
            status: "INVALID_ARGUMENT",
            details: [{ "@type": BAD_REQUEST, fieldViolations: [{ field: "message.data" }] }],
          },
        },
      },
      { state: "refused", error: "INVALID_ARGUMENT" },
    ],
    [
      "prefers the code of FCM to the status of Google",
      {
        status: 403,
        json: {
          error: {
            status: "PERMISSION_DENIED",
            details: [{ "@type": BAD_REQUEST }, { "@type": "fcm", errorCode: "SENDER_ID_MISMATCH" }],
          },
        },
      },
      { state: "failed", error: "SENDER_ID_MISMATCH" },
    ],
    [
      "keeps a token when the project does not exist",
      { status: 404, json: { error: { status: "NOT_FOUND" } } },
      { state: "failed", error: "NOT_FOUND" },
    ],
    [
      "names the status of a refusal that says nothing",
      { status: 500, json: "down" },
      { state: "failed", error: "http-500" },
    ],
  ])("%s", async (_name, answer, outcome) => {
    const { provider } = await startFcm(() => answer);

    expect(await provider.send([message], signal)).toEqual([outcome]);
  });

  test("follows no redirect", async () => {
    const { provider, sent } = await startFcm(() => ({ status: 307, headers: { location: "/other" } }));

    expect(await provider.send([message], signal)).toEqual([{ state: "failed", error: "TypeError" }]);
    expect(sent()).toHaveLength(1);
  });
});
