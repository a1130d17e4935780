import { describe, expect, test } from "vitest";
import { createWorld } from "../../support/servers/world.ts";
import { post, SECURITY_HEADERS } from "../../support/network/plain-request.ts";

const APP_ORIGIN = "https://app.example.org";

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

const PRODUCTION = {
  EDVOYAGE_ENV: "production",
  EDVOYAGE_SECRET: "kZ8wq3vT1xLr6NpYb0JdFhSgUmCeAi27RoQt",
  EDVOYAGE_ADMIN_TOKEN: "P5dLw9cXa2VuGz7HsKn4EjBy1MfTqRi8OoWb",
  EDVOYAGE_SMS: "webhook",
  EDVOYAGE_SMS_WEBHOOK_URL: "https://sms.example.org/send",
  EDVOYAGE_SMS_WEBHOOK_SECRET: "wJ4nHc6Rk0",
};
