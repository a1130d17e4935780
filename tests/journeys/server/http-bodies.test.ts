import { randomUUID } from "node:crypto";
import { withTimeout } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { createWorld } from "../../support/servers/world.ts";
import { post, codeRequest } from "../../support/network/plain-request.ts";

/** Long enough that only a hanging server exceeds it, not a slow one. */
const WATCHDOG_MS = 20_000;

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
