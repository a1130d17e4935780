import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { withTimeout } from "@edvoyage/protocol";
import { SmsRefusedError } from "@edvoyage/server/app";
import SqliteDriver from "better-sqlite3";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal, somePhone, type World } from "../../support/servers/world.ts";

const APP_ORIGIN = "https://app.example.org";
const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
/** Long enough that only a hanging server exceeds it, not a slow one. */
const WATCHDOG_MS = 20_000;

describe("every reply", () => {
  const replies: readonly [string, number, (url: string) => Promise<Response>][] = [
    ["an answer", 200, (url) => fetch(`${url}/trpc/universities.list`)],
    ["a refusal", 401, (url) => fetch(`${url}/trpc/sessions.list`)],
    ["invalid input", 400, (url) => post(url, "auth.requestCode", { body: "{}" })],
    ["a body that is not JSON", 400, (url) => post(url, "auth.requestCode", { body: "{" })],
    ["another content type", 415, (url) => post(url, "auth.requestCode", { contentType: "text/plain" })],
    [
      "a body that is too large",
      413,
      (url) => post(url, "auth.requestCode", { body: `"${"x".repeat(300_000)}"` }),
    ],
    ["the wrong method", 405, (url) => fetch(`${url}/trpc/auth.requestCode`)],
    ["an unknown procedure", 404, (url) => fetch(`${url}/trpc/universities.lst`)],
    ["an unknown address", 404, (url) => fetch(`${url}/admin/index.php`)],
    ["an address that cannot be decoded", 400, (url) => fetch(`${url}/trpc/%E0%A4%A`)],
    ["/healthz", 200, (url) => fetch(`${url}/healthz`)],
    ["/readyz", 200, (url) => fetch(`${url}/readyz`)],
    ["/metrics", 200, (url) => fetch(`${url}/metrics`)],
  ];

  test.each(replies)("has the security headers: %s (%i)", async (_what, status, ask) => {
    const { url } = await createWorld();

    const response = await ask(url);

    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject(SECURITY_HEADERS);
  });

  test("hides the server's internals when it reports an error", async () => {
    const { url } = await createWorld();

    const errorReplies = replies.filter(([, status]) => status >= 400);
    const texts = await Promise.all(errorReplies.map(async ([, , ask]) => (await ask(url)).text()));

    // No stack, no path of the server's machine, no name of a dependency.
    const internals =
      /stack|node_modules|\.[jt]s\b|\/(work|home|root|tmp|usr)\/|file:|fastify|FST_|zod|sqlite/i;
    expect(texts.filter((text) => internals.test(text))).toEqual([]);
  });
});

describe("a page of another origin", () => {
  const allowedOrigin = async (url: string, origin: string): Promise<string | null> =>
    (await fetch(`${url}/trpc/universities.list`, { headers: { origin } })).headers.get(
      "access-control-allow-origin",
    );

  test.each(["http://localhost:5173", "http://localhost", "https://127.0.0.1:8443", "http://[::1]:3000"])(
    "has access in development from the same machine: %s",
    async (origin) => {
      const { url } = await createWorld();

      expect(await allowedOrigin(url, origin)).toBe(origin);
    },
  );

  test.each([
    APP_ORIGIN,
    "http://localhost.example.org",
    "http://example.org:80",
    "http://localhost:5173.example.org",
    "http://notlocalhost:5173",
    "null",
  ])("has no access in development from %s", async (origin) => {
    const { url } = await createWorld();

    expect(await allowedOrigin(url, origin)).toBeNull();
  });

  test("has access when its origin is configured, and no other origin has", async () => {
    const { url } = await createWorld({ environment: { EDVOYAGE_ALLOWED_ORIGINS: APP_ORIGIN } });

    expect(await allowedOrigin(url, APP_ORIGIN)).toBe(APP_ORIGIN);
    for (const foreign of [
      "http://localhost:5173",
      "https://app.example.org.evil.org",
      "https://example.org",
      "null",
    ])
      expect(await allowedOrigin(url, foreign)).toBeNull();
  });

  test("has no access in production when no origin is configured", async () => {
    const { url } = await createWorld({ environment: PRODUCTION });

    for (const origin of [APP_ORIGIN, "http://localhost:5173", "null"])
      expect(await allowedOrigin(url, origin)).toBeNull();
  });

  test("may read the reason of a refusal and the time to retry", async () => {
    const { url } = await createWorld({ environment: { EDVOYAGE_ALLOWED_ORIGINS: APP_ORIGIN } });

    const { headers } = await fetch(`${url}/trpc/sessions.list`, { headers: { origin: APP_ORIGIN } });

    expect(headers.get("access-control-allow-origin")).toBe(APP_ORIGIN);
    expect(headers.get("access-control-expose-headers")).toContain("retry-after");
  });

  test("may send a session key, the expected session and JSON", async () => {
    const { url } = await createWorld({ environment: { EDVOYAGE_ALLOWED_ORIGINS: APP_ORIGIN } });

    const response = await preflight(url, APP_ORIGIN);

    expect(response.ok).toBe(true);
    expect(response.headers.get("access-control-allow-origin")).toBe(APP_ORIGIN);
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(listOf(response, "access-control-allow-methods")).toEqual(expect.arrayContaining(["get", "post"]));
    expect(listOf(response, "access-control-allow-headers")).toEqual(
      expect.arrayContaining(["authorization", "content-type", "x-edvoyage-session"]),
    );
  });

  test("may not send anything when its origin is foreign", async () => {
    const { url } = await createWorld({ environment: { EDVOYAGE_ALLOWED_ORIGINS: APP_ORIGIN } });

    expect(
      (await preflight(url, "https://example.org")).headers.get("access-control-allow-origin"),
    ).toBeNull();
  });

  const preflight = (url: string, origin: string): Promise<Response> =>
    fetch(`${url}/trpc/auth.requestCode`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-edvoyage-session",
      },
    });

  const listOf = ({ headers }: Response, name: string): string[] =>
    (headers.get(name) ?? "").split(",").map((entry) => entry.trim().toLowerCase());
});

describe("a request body", () => {
  const limitReached = { error: { data: { reason: "limit/reached", details: { limit: "httpBodyBytes" } } } };

  test("may have 256 KiB, but not one byte more", async () => {
    const { url } = await createWorld();
    const bodyOf = (sizeBytes: number): string => {
      const rest = JSON.stringify({ ...codeRequest(), deviceName: "" }).length;
      return JSON.stringify({ ...codeRequest(), deviceName: "x".repeat(sizeBytes - rest) });
    };

    const accepted = await post(url, "auth.requestCode", { body: bodyOf(256 * 1024) });
    const refused = await post(url, "auth.requestCode", { body: bodyOf(256 * 1024 + 1) });

    // The device name is too long, so the answer shows that the body was read.
    expect(await accepted.json()).toMatchObject({ error: { data: { reason: "input/invalid" } } });
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject(limitReached);
  });

  test("exceeds the limit too when it declares no length", async () => {
    const { url } = await createWorld();
    const chunk = new TextEncoder().encode("x".repeat(64 * 1024));
    const body = new ReadableStream({
      start: (stream) => {
        for (let i = 0; i < 5; i += 1) stream.enqueue(chunk);
        stream.close();
      },
    });

    const response = await post(url, "auth.requestCode", { body });

    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject(limitReached);
  });

  test("may have the size that is configured as the limit", async () => {
    const { url } = await createWorld({ limits: { httpBodyBytes: 100 } });

    expect((await post(url, "auth.requestCode", { body: `"${"x".repeat(99)}"` })).status).toBe(413);
    expect((await post(url, "auth.requestCode", { body: `"${"x".repeat(98)}"` })).status).toBe(400);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/jsonp",
    "text/json",
    "application/octet-stream",
  ])("fails with the type %s and has no effect", async (contentType) => {
    const { url, sms } = await createWorld();

    const response = await post(url, "auth.requestCode", {
      contentType,
      body: JSON.stringify(codeRequest()),
    });

    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({
      error: { data: { reason: "input/invalid", httpStatus: 415 } },
    });
    expect(sms).toEqual([]);
  });

  test.each(["application/json", "Application/JSON; charset=utf-8"])(
    "passes with the type %s",
    async (contentType) => {
      const { url } = await createWorld();

      const response = await post(url, "auth.requestCode", {
        contentType,
        body: JSON.stringify(codeRequest()),
      });

      expect(response.status).toBe(200);
    },
  );

  test.each([
    ["truncated JSON", '{"phone": "+919876543210", "deviceId": "tell-nobody-0123456789"'],
    ["form fields", "phone=%2B919876543210&deviceId=tell-nobody-0123456789"],
    ["JSON with an unquoted key", '{phone: "+919876543210", deviceId: "tell-nobody-0123456789"}'],
    ["two documents", '{"phone": "+919876543210"}{"deviceId": "tell-nobody-0123456789"}'],
  ])("fails when it contains %s, and neither the reply nor a log line repeats it", async (_what, body) => {
    const { url, logged } = await createWorld();

    const response = await post(url, "auth.requestCode", { body });

    const text = await response.text();
    expect(response.status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { data: { reason: "input/invalid" } } });
    expect(text).not.toMatch(/9876543210|tell-nobody/);
    expect(logged()).not.toMatch(/9876543210|tell-nobody/);
  });

  test("fails when it is JSON of another shape, and neither the reply nor a log line repeats its values", async () => {
    const { url, logged } = await createWorld();
    const body = JSON.stringify({ phone: 919_876_543_210, deviceId: "tell-nobody", platform: "tell-nobody" });

    const response = await post(url, "auth.requestCode", { body });

    const text = await response.text();
    expect(response.status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { data: { reason: "input/invalid" } } });
    expect(text + logged()).not.toMatch(/9876543210|tell-nobody/);
  });

  test.each([
    ["arrays", "[".repeat(50_000) + "]".repeat(50_000)],
    ["objects", '{"a":'.repeat(40_000) + "1" + "}".repeat(40_000)],
    ["unclosed arrays", "[".repeat(50_000)],
  ])("fails with deeply nested %s, and the server keeps running", async (_what, body) => {
    const { url, device } = await createWorld();

    const { status, json } = await withTimeout({ timeoutMs: WATCHDOG_MS }, async (signal) => {
      const response = await post(url, "auth.requestCode", { body, signal });
      return { status: response.status, json: await response.json() };
    });

    expect([400, 413]).toContain(status);
    expect(json).toMatchObject({ error: { data: { reason: "input/invalid" } } });
    expect(await device().signIn()).toMatchObject({ isNewUser: true });
  });

  test.each([
    ["the whole input", (input: string) => input],
    ["an entry", (input: string) => `{"importId": "${randomUUID()}", "offset": 0, "entries": [${input}]}`],
  ])("changes no prototype with __proto__ and constructor in %s", async (_where, wrap) => {
    const { url, adminToken } = await createWorld();
    const before = Reflect.ownKeys(Object.prototype);
    const poison =
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "name": {"__proto__": {"polluted": 1}}}';
    const input = wrap(poison);

    for (const path of [
      "auth.requestCode",
      "admin.catalogue.import",
      "profile.get",
      "__proto__",
      "constructor",
    ]) {
      await post(url, path, { body: input, token: adminToken });
      await post(url, `${path}?batch=1`, {
        body: `{"0": ${input}, "__proto__": ${input}}`,
        token: adminToken,
      });
      const query = `input=${encodeURIComponent(input)}&__proto__[polluted]=1&constructor[prototype][polluted]=1`;
      await fetch(`${url}/trpc/${path}?${query}`);
    }

    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect("polluted" in {}).toBe(false);
    expect("polluted" in Object).toBe(false);
  });
});

describe("a call", () => {
  test.each([
    "universities.lst",
    "universities",
    "",
    "__proto__",
    "constructor",
    "toString",
    "universities.list.x",
  ])("gets not-found for the unknown procedure %j", async (path) => {
    const { url } = await createWorld();

    const response = await fetch(`${url}/trpc/${path}`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { data: { reason: "not-found", httpStatus: 404 } },
    });
  });

  test("gets 405 for a mutation by GET and has no effect", async () => {
    const { url, sms } = await createWorld();

    const input = encodeURIComponent(JSON.stringify(codeRequest()));
    const response = await fetch(`${url}/trpc/auth.requestCode?input=${input}`);

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await response.json()).toMatchObject({ error: { data: { httpStatus: 405 } } });
    expect(sms).toEqual([]);
  });

  test("gets 405 for a query by POST", async () => {
    const { url } = await createWorld();

    const response = await post(url, "universities.list", { body: "{}" });

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
    expect(await response.json()).toMatchObject({ error: { data: { httpStatus: 405 } } });
  });

  test.each(["PUT", "PATCH", "DELETE"])("has no effect by %s", async (method) => {
    const { url, sms } = await createWorld();

    const response = await post(url, "auth.requestCode", { method, body: JSON.stringify(codeRequest()) });

    expect(response.status).toBe(405);
    expect(sms).toEqual([]);
  });

  test("may share a batch with nine others; a batch of eleven is refused and has no effect", async () => {
    const { url, sms } = await createWorld();
    const batchOf = (calls: number): Promise<Response> => {
      const inputs = Object.fromEntries(Array.from({ length: calls }, (_, index) => [index, codeRequest()]));
      const path = Array<string>(calls).fill("auth.requestCode").join();
      return post(url, `${path}?batch=1`, { body: JSON.stringify(inputs) });
    };

    const refused = await batchOf(11);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({
      error: { data: { reason: "limit/reached", details: { limit: "batchCalls" } } },
    });
    expect(sms).toEqual([]);

    const accepted = await batchOf(10);
    expect(accepted.status).toBe(200);
    expect(sms).toHaveLength(10);
  });

  test("counts against the batch limit in a streamed batch too", async () => {
    const { url, sms } = await createWorld();
    const inputs = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [index, codeRequest()]));
    const path = Array<string>(11).fill("auth.requestCode").join();

    const response = await post(url, `${path}?batch=1`, {
      body: JSON.stringify(inputs),
      accept: "application/jsonl",
    });

    expect(await response.text()).toContain("limit/reached");
    expect(sms).toEqual([]);
  });

  test("can fail without affecting the other calls of its batch", async () => {
    const { url } = await createWorld();

    const path = "universities.list,sessions.list,universities.lst,universities.get";
    const response = await fetch(
      `${url}/trpc/${path}?batch=1&input=${encodeURIComponent('{"3":{"id":"x"}}')}`,
    );

    expect(response.status).toBe(207);
    expect(await response.json()).toMatchObject([
      { result: { data: { items: [] } } },
      { error: { data: { reason: "session/required" } } },
      { error: { data: { reason: "not-found" } } },
      { error: { data: { reason: "not-found" } } },
    ]);
  });

  test.each([
    ["a null character", "\u0000"],
    ["half a surrogate pair", "\ud800"],
  ])("causes no bug with %s as an id", async (_what, id) => {
    for (const dialect of DIALECTS) {
      const { url, admin, rpc, device, logged } = await createWorld({ dialect });
      const phone = device();
      const signedIn = await phone.signIn();
      const anonymous = rpc();

      await Promise.allSettled([
        anonymous.universities.get.query({ id }),
        anonymous.courses.get.query({ id }),
        anonymous.courses.list.query({ universityId: id }),
        anonymous.courses.list.query({ query: id }),
        anonymous.universities.list.query({
          cursor: Buffer.from(JSON.stringify([id, id])).toString("base64url"),
        }),
        anonymous.auth.verifyCode.mutate({ challengeId: id, code: "123456", deviceId: phone.deviceId }),
        signedIn.rpc.sessions.revoke.mutate({ sessionId: id }),
        admin.admin.sessions.revoke.mutate({ sessionId: id }),
        admin.admin.sessions.list.query({ userId: id }),
        admin.admin.numbers.unblock.mutate({ phone: phone.phone, device: id }),
      ]);

      expect(proceduresWithBugs(logged()), `on ${dialect}`).toEqual([]);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    }
  });
});

describe("a bug", () => {
  test.each(DIALECTS)(
    "sends the caller a bare 500 and writes the details to a log line, on %s",
    async (dialect) => {
      const { url, databaseUrl, logged } = await createWorld({ dialect });
      await administer(databaseUrl, "alter table courses rename column search_words to moved_away");

      const response = await fetch(`${url}/trpc/courses.list?input=${encodeURIComponent('{"query":"law"}')}`);

      expect(response.status).toBe(500);
      expect(Object.fromEntries(response.headers)).toMatchObject(SECURITY_HEADERS);
      expect(await response.json()).toEqual({
        error: {
          message: expect.stringMatching(/^[\w ]+\.$/),
          code: -32_603,
          data: { code: "INTERNAL_SERVER_ERROR", httpStatus: 500, path: "courses.list", details: {} },
        },
      });
      expect(proceduresWithBugs(logged())).toEqual(["courses.list"]);
      expect(logged()).toContain("search_words");
    },
  );
});

describe("a refusal with a time to retry", () => {
  const replyTo = async (url: string, body: object) => {
    const response = await post(url, "auth.requestCode", { body: JSON.stringify(body) });
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      json: await response.json(),
    };
  };

  test("[SI30] sends Retry-After to a blocked device", async () => {
    const { url, device, clock } = await createWorld();
    const phone = device();
    await phone.requestCode();
    for (let i = 0; i < 3; i += 1) await phone.verify({ code: phone.wrongCode() }).catch(() => {});
    clock.advance({ seconds: 18, ms: 1 });

    expect(await replyTo(url, phone)).toMatchObject({
      status: 429,
      retryAfter: "282",
      json: { error: { data: { reason: "otp/blocked", details: { retryAfterSeconds: 282 } } } },
    });
  });

  test("[SI30] sends Retry-After to a number that has used up its messages", async () => {
    const { url, device, clock } = await createWorld({ limits: { sendsPerHourPerDevice: 1 } });
    const phone = device();
    await phone.requestCode();
    clock.advance({ minutes: 10 });

    expect(await replyTo(url, phone)).toMatchObject({
      status: 429,
      retryAfter: "3000",
      json: { error: { data: { reason: "otp/throttled", details: { retryAfterSeconds: 3_000 } } } },
    });
  });

  test.each([
    ["refused a message", new SmsRefusedError("no"), 5],
    ["did not answer", new Error("timeout"), 30],
  ])("[SI30] sends Retry-After when the SMS provider %s", async (_what, failure, retryAfterSeconds) => {
    const smsProvider = { name: "webhook", send: () => Promise.reject(failure) } as const;
    const { url } = await createWorld({ smsProvider });

    expect(await replyTo(url, codeRequest())).toMatchObject({
      status: 503,
      retryAfter: String(retryAfterSeconds),
      json: { error: { data: { reason: "sms/failed", details: { retryAfterSeconds } } } },
    });
  });

  test("sends Retry-After to an address that calls too often", async () => {
    const { url, clock } = await createWorld({ limits: { callsPerMinutePerIp: 1 } });
    await fetch(`${url}/trpc/universities.list`);
    clock.advance({ seconds: 45 });

    expect(await replyTo(url, codeRequest())).toMatchObject({
      status: 429,
      retryAfter: "15",
      json: { error: { data: { reason: "rate/limited", details: { retryAfterSeconds: 15 } } } },
    });
  });

  test("sends the longest time of a batch", async () => {
    const { url, device } = await createWorld({ limits: { blockSeconds: 60 } });
    const [blocked, other] = [device(), device()];
    await blocked.requestCode();
    for (let i = 0; i < 3; i += 1) await blocked.verify({ code: blocked.wrongCode() }).catch(() => {});

    const response = await post(url, "auth.requestCode,auth.requestCode?batch=1", {
      body: JSON.stringify({ 0: blocked, 1: other }),
    });

    expect(response.headers.get("retry-after")).toBe("60");
  });

  test("differs from other answers, which have no Retry-After", async () => {
    const { url } = await createWorld();

    expect((await fetch(`${url}/trpc/universities.list`)).headers.get("retry-after")).toBeNull();
    expect((await fetch(`${url}/trpc/sessions.list`)).headers.get("retry-after")).toBeNull();
  });
});

describe("anonymous calls", () => {
  const CAMPUS = "203.0.113.9";

  test("have a limit per minute and address, which does not affect students, admins and other addresses", async () => {
    const { rpc, device, adminToken } = await createWorld({ limits: { callsPerMinutePerIp: 4 } });
    const student = await device({ ip: CAMPUS }).signIn();
    const stranger = rpc({ ip: CAMPUS });
    await stranger.universities.list.query();
    await stranger.universities.list.query();

    await expectRefusal(stranger.universities.list.query(), "rate/limited", { retryAfterSeconds: 60 });

    await expectRefusal(rpc({ ip: CAMPUS, token: "n".repeat(43) }).universities.list.query(), "rate/limited");
    expect(await student.rpc.sessions.validate.query()).toMatchObject({
      user: { id: student.user.id },
    });
    expect(await rpc({ ip: CAMPUS, token: adminToken }).admin.status.query()).toMatchObject({ sessions: 1 });
    expect(await rpc({ ip: "203.0.113.10" }).universities.list.query()).toMatchObject({ items: [] });
  });

  test("have a new allowance in the next minute", async () => {
    const { rpc, clock } = await createWorld({ limits: { callsPerMinutePerIp: 1 } });
    const stranger = rpc({ ip: CAMPUS });
    await stranger.universities.list.query();

    clock.advance({ seconds: 59 });
    await expectRefusal(stranger.universities.list.query(), "rate/limited", { retryAfterSeconds: 1 });
    clock.advance({ seconds: 1 });

    expect(await stranger.universities.list.query()).toMatchObject({ items: [] });
  });

  test("count one by one in a batch", async () => {
    const { url } = await createWorld({ limits: { callsPerMinutePerIp: 4 } });
    const batch = () => fetch(`${url}/trpc/universities.list,universities.list,universities.list?batch=1`);

    expect((await batch()).status).toBe(200);
    expect((await batch()).status).toBe(429);
  });

  test("count in a streamed batch too", async () => {
    const { url } = await createWorld({ limits: { callsPerMinutePerIp: 1 } });
    const stream = async () =>
      (
        await fetch(`${url}/trpc/universities.list?batch=1`, { headers: { accept: "application/jsonl" } })
      ).text();

    expect(await stream()).not.toContain("rate/limited");
    expect(await stream()).toContain("rate/limited");
  });
});

describe("x-forwarded-for", () => {
  /** Returns how many of five messages to one number, each for a new device, are sent under this header. */
  const sentOfFive = async (
    { url, sms }: World,
    forwardedFor: (index: number) => string,
  ): Promise<number> => {
    const phone = somePhone();
    for (let index = 0; index < 5; index += 1) {
      const body = JSON.stringify({ ...codeRequest(), phone });
      await post(url, "auth.requestCode", { body, forwardedFor: forwardedFor(index) });
    }
    return sms.length;
  };

  test("has no effect unless a proxy is trusted", async () => {
    const world = await createWorld({ environment: { EDVOYAGE_TRUSTED_PROXIES: "" } });

    expect(await sentOfFive(world, (index) => `203.0.113.${index}`)).toBe(3);
  });

  test("has no effect from an address that is not a trusted proxy", async () => {
    const world = await createWorld({ environment: { EDVOYAGE_TRUSTED_PROXIES: "192.0.2.1,10.0.0.0/8" } });

    expect(await sentOfFive(world, (index) => `203.0.113.${index}`)).toBe(3);
  });

  test("has effect from a trusted proxy", async () => {
    const world = await createWorld({ environment: { EDVOYAGE_TRUSTED_PROXIES: "127.0.0.0/8" } });

    expect(await sentOfFive(world, (index) => `203.0.113.${index}`)).toBe(5);
  });

  test("counts only in the part that the proxy added, not in the part that the client sent", async () => {
    const world = await createWorld();

    expect(await sentOfFive(world, (index) => `198.51.100.${index}, 203.0.113.9`)).toBe(3);
  });

  test("counts an IPv6 subscriber as one address, whichever address it uses", async () => {
    const world = await createWorld();

    expect(await sentOfFive(world, (index) => `2001:db8:1:2::${index}`)).toBe(3);
  });

  test("counts as one address when it is malformed", async () => {
    const world = await createWorld();

    expect(await sentOfFive(world, (index) => `nonsense-${index}`)).toBe(3);
  });
});

describe("a monitor of the server", () => {
  test.each(DIALECTS)("finds it healthy and ready, on %s", async (dialect) => {
    const { url } = await createWorld({ dialect });

    const [healthz, readyz] = await Promise.all([fetch(`${url}/healthz`), fetch(`${url}/readyz`)]);

    expect(healthz.status).toBe(200);
    expect(readyz.status).toBe(200);
    expect(await readyz.json()).toEqual({ status: "ready" });
  });

  test.each(DIALECTS)("finds it healthy but not ready while it cannot write, on %s", async (dialect) => {
    const { url, databaseUrl, clock } = await createWorld({ dialect });
    await administer(databaseUrl, "alter table heartbeat rename to moved_away");
    const { status, headers } = await fetch(`${url}/readyz`);
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);

    await administer(databaseUrl, "alter table moved_away rename to heartbeat");
    clock.advance({ seconds: 1 });

    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test("reads counts from /metrics, but nothing about persons", async () => {
    const world = await createWorld();
    const [student, guesser] = [world.device(), world.device()];
    const { token, user } = await student.signIn();
    await guesser.requestCode();
    for (let i = 0; i < 3; i += 1) await guesser.verify({ code: guesser.wrongCode() }).catch(() => {});
    await expectRefusal(guesser.requestCode(), "otp/blocked");
    await fetch(`${world.url}/trpc/of.my.own.making`);

    const { samples, text } = await metricsOf(world);

    expect(samples).toMatchObject({
      'edvoyage_codes_judged_total{outcome="right"}': 1,
      'edvoyage_codes_judged_total{outcome="wrong"}': 3,
      'edvoyage_sms_sent_total{outcome="sent"}': 2,
      'edvoyage_sms_sent_total{outcome="refused"}': 0,
      'edvoyage_sms_sent_total{outcome="unknown"}': 0,
      edvoyage_device_blocks_total: 1,
      edvoyage_sessions_active: 1,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.requestCode",reason="ok"}': 2,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.requestCode",reason="otp/blocked"}': 1,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.verifyCode",reason="ok"}': 1,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.verifyCode",reason="otp/incorrect"}': 2,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.verifyCode",reason="otp/blocked"}': 1,
      'edvoyage_procedure_duration_seconds_count{procedure="(unknown)",reason="not-found"}': 1,
    });
    for (const secret of [
      student.phone,
      student.code(),
      student.deviceId,
      token,
      user.id,
      "of.my.own.making",
    ])
      expect(text).not.toContain(secret.replace("+", ""));
  });

  test("reads the provider's results from /metrics", async () => {
    const answers = [new SmsRefusedError("no"), new Error("timeout")];
    const send = async (): Promise<void> => {
      const answer = answers.shift();
      if (answer) throw answer;
    };
    const world = await createWorld({ smsProvider: { name: "webhook", send } });
    for (let i = 0; i < 3; i += 1)
      await world
        .device()
        .requestCode()
        .catch(() => {});

    expect((await metricsOf(world)).samples).toMatchObject({
      'edvoyage_sms_sent_total{outcome="sent"}': 1,
      'edvoyage_sms_sent_total{outcome="refused"}': 1,
      'edvoyage_sms_sent_total{outcome="unknown"}': 1,
    });
  });

  test.each(DIALECTS)("reads from /metrics that a session ended or expired, on %s", async (dialect) => {
    const world = await createWorld({ dialect });
    const [first] = await Promise.all([
      world.device().signIn(),
      world.device().signIn(),
      world.device().signIn(),
    ]);
    expect((await metricsOf(world)).samples).toMatchObject({ edvoyage_sessions_active: 3 });

    await first.rpc.sessions.logout.mutate();
    // Sessions are counted at most once a second.
    world.clock.advance({ seconds: 1 });
    expect((await metricsOf(world)).samples).toMatchObject({ edvoyage_sessions_active: 2 });
    world.clock.advance({ hours: 24 });
    expect((await metricsOf(world)).samples).toMatchObject({ edvoyage_sessions_active: 0 });
  });

  const metricsOf = async ({ url }: World) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
    const samples = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.lastIndexOf(" ")),
        Number(line.slice(line.lastIndexOf(" ") + 1)),
      ]),
    );
    return { text, samples };
  };
});

describe.each(DIALECTS)("a closing server, on %s", (dialect) => {
  test("answers the request in progress, accepts no other, and closes afterwards", async () => {
    const provider = createHeldProvider();
    const world = await createWorld({ dialect, smsProvider: provider });
    const answer = post(world.url, "auth.requestCode", requestAndClose());
    await provider.isAsked;

    let isClosed = false;
    const next = world.restart().finally(() => (isClosed = true));
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    expect(isClosed).toBe(false);
    provider.release();

    expect(await (await answer).json()).toMatchObject({ result: { data: { codeLength: 6 } } });
    expect((await fetch(`${(await next).url}/readyz`)).status).toBe(200);
  });

  test("still stores the outcome of the request in progress", async () => {
    const provider = createHeldProvider(new SmsRefusedError("no"));
    const world = await createWorld({ dialect, smsProvider: provider });
    const answer = post(world.url, "auth.requestCode", requestAndClose());
    await provider.isAsked;

    const next = world.restart();
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    provider.release();

    expect(await (await answer).json()).toMatchObject({ error: { data: { reason: "sms/failed" } } });
    await next;
    expect(proceduresWithBugs(world.logged())).toEqual([]);
  });

  /** A request whose client closes the connection after the answer. */
  const requestAndClose = (): PostOptions => ({ body: JSON.stringify(codeRequest()), connection: "close" });
});

describe("a closing server", () => {
  test("waits for no client that keeps its connection open after the answer", async () => {
    const provider = createHeldProvider();
    const world = await createWorld({ smsProvider: provider });
    const answer = world.device().requestCode();
    await provider.isAsked;

    const next = world.restart();
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    provider.release();

    expect(await answer).toMatchObject({ codeLength: 6 });
    await next;
  }, 20_000);

  test("waits for no connection without a request", async () => {
    const world = await createWorld();
    const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
    await once(socket, "connect");
    // This answer came after the connection was accepted, so the server has both.
    expect((await fetch(`${world.url}/healthz`)).status).toBe(200);

    await Promise.all([world.stop(), once(socket, "close")]);
  }, 20_000);
});

/** Runs a statement on a world's database, past its server. */
const administer = async (databaseUrl: string, statement: string): Promise<void> => {
  if (databaseUrl.startsWith("sqlite:")) {
    new SqliteDriver(databaseUrl.slice("sqlite:".length)).exec(statement).close();
    return;
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(statement);
  await client.end();
};

/** A provider that reports when it is called, and answers when it is released. */
const createHeldProvider = (failure?: Error) => {
  const [called, released] = [createGate(), createGate()];
  return {
    name: "webhook" as const,
    isAsked: called.passed,
    release: released.open,
    send: async (): Promise<void> => {
      called.open();
      await released.passed;
      if (failure) throw failure;
    },
  };
};

const createGate = () => {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
};

const PRODUCTION = {
  EDVOYAGE_ENV: "production",
  EDVOYAGE_SECRET: "kZ8wq3vT1xLr6NpYb0JdFhSgUmCeAi27RoQt",
  EDVOYAGE_ADMIN_TOKEN: "P5dLw9cXa2VuGz7HsKn4EjBy1MfTqRi8OoWb",
  EDVOYAGE_SMS: "webhook",
  EDVOYAGE_SMS_WEBHOOK_URL: "https://sms.example.org/send",
  EDVOYAGE_SMS_WEBHOOK_SECRET: "wJ4nHc6Rk0",
};

/** Returns a code request with a new number and a new device. */
const codeRequest = () => ({ phone: somePhone(), deviceId: randomUUID() });

interface PostOptions {
  readonly body?: NonNullable<RequestInit["body"]>;
  readonly method?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly connection?: "close";
  readonly token?: string;
  readonly forwardedFor?: string;
  readonly signal?: AbortSignal;
}

/** Sends a request as a program without the SDK would. */
const post = (url: string, path: string, options: PostOptions): Promise<Response> => {
  const {
    body = "{}",
    method = "POST",
    contentType = "application/json",
    accept,
    connection,
    token,
    forwardedFor,
    signal,
  } = options;
  return fetch(`${url}/trpc/${path}`, {
    method,
    headers: {
      "content-type": contentType,
      ...(accept ? { accept } : {}),
      ...(connection ? { connection } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(forwardedFor ? { "x-forwarded-for": forwardedFor } : {}),
    },
    body,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
    ...(signal ? { signal } : {}),
  });
};

/** Returns the procedures that failed because of a bug, according to the server's log lines. */
const proceduresWithBugs = (logged: string): unknown[] =>
  logged
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter(({ reason, level }) => reason === "bug" || (level === "error" && reason === undefined))
    .map(({ procedure }) => procedure);
