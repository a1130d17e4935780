import { randomUUID } from "node:crypto";
import SqliteDriver from "better-sqlite3";
import { describe, expect, test } from "vitest";
import {
  connectBare,
  exchangeRaw,
  parseHead,
  readUntil,
  type RawAnswer,
} from "../../support/network/raw-exchange.ts";
import { createWorld, somePhone } from "../../support/servers/world.ts";

const APP_ORIGIN = "https://app.example.org";

const get = (path: string, ...headers: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, "host: test", ...headers, "", ""].join("\r\n");

const post = (path: string, body: string, ...headers: readonly string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    "host: test",
    "content-type: application/json",
    `content-length: ${body.length}`,
    ...headers,
    "",
    body,
  ].join("\r\n");

const preflight = (origin: string, path = "/trpc/chat.send"): string =>
  get(path, `origin: ${origin}`, "access-control-request-method: POST").replace("GET", "OPTIONS");

const upgrade = (path: string, ...headers: readonly string[]): string =>
  get(
    path,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  );

const LIST = "/trpc/universities.list";
const ELEVEN_CALLS = Array.from({ length: 11 }, () => "universities.list").join();

/** Every kind of answer of the server, with its status and the request that causes it. */
const ANSWERS: readonly (readonly [string, number, string])[] = [
  ["a query", 200, get(LIST)],
  ["a query by HEAD", 204, get(LIST).replace("GET", "HEAD")],
  ["a batch", 200, get(`${LIST},courses.list?batch=1`)],
  ["a batch in which one call fails", 207, get(`${LIST},sessions.list?batch=1`)],
  ["a batch with too many calls", 409, get(`/trpc/${ELEVEN_CALLS}?batch=1`)],
  ["a streamed batch", 200, get(`${LIST}?batch=1`, "accept: application/jsonl")],
  ["a streamed batch of an unknown procedure", 200, get("/trpc/nope?batch=1", "accept: application/jsonl")],
  ["a call without a session", 401, get("/trpc/sessions.list")],
  ["a call with an unknown session key", 401, get("/trpc/sessions.list", "authorization: Bearer nobody")],
  ["a call for admins", 403, get("/trpc/admin.status")],
  ["invalid input", 400, post("/trpc/auth.requestCode", "{}")],
  ["a body that is not JSON", 400, post("/trpc/auth.requestCode", "{")],
  [
    "another content type",
    415,
    post("/trpc/auth.requestCode", "{}").replace("application/json", "text/plain"),
  ],
  ["a mutation by GET", 405, get("/trpc/auth.requestCode")],
  ["a query by POST", 405, post(LIST, "{}")],
  ["a query by DELETE", 415, get(LIST).replace("GET", "DELETE")],
  ["an unknown procedure", 404, get("/trpc/universities.lst")],
  ["an unknown address", 404, get("/admin/index.php")],
  ["an unknown method for an address", 404, post("/healthz", "{}")],
  ["an address that cannot be decoded", 400, get("/trpc/%E0%A4%A")],
  ["an address of another scheme", 404, get("ftp://elsewhere/trpc/")],
  ["a body over the limit", 413, post("/trpc/auth.requestCode", `"${"x".repeat(300_000)}"`)],
  [
    "a body over the limit in chunks",
    413,
    post("/trpc/auth.requestCode", `493E0\r\n${"x".repeat(300_000)}\r\n0\r\n\r\n`).replace(
      /content-length: \d+/,
      "transfer-encoding: chunked",
    ),
  ],
  ["a preflight of an allowed origin", 204, preflight(APP_ORIGIN)],
  ["a preflight of a foreign origin", 204, preflight("https://example.org")],
  ["a preflight for an unknown address", 204, preflight(APP_ORIGIN, "/nowhere")],
  ["OPTIONS that is not a preflight", 400, get(LIST).replace("GET", "OPTIONS")],
  ["/healthz", 200, get("/healthz")],
  ["/readyz", 200, get("/readyz")],
  ["/metrics", 200, get("/metrics")],
  ["a malformed request line", 400, "this is not HTTP\r\n\r\n"],
  ["a malformed header", 400, get(LIST, "no colon")],
  ["two lengths for one body", 400, post(LIST, "{}", "content-length: 3")],
  ["a request without a host", 400, `GET ${LIST} HTTP/1.1\r\n\r\n`],
  ["an expectation that the server cannot meet", 417, post(LIST, "{}", "expect: the-moon")],
  ["headers over the limit", 431, get(LIST, `x-large: ${"x".repeat(20_000)}`)],
  ["an address over the limit of headers", 431, get(`${LIST}?input=${"x".repeat(20_000)}`)],
  [
    "chunk extensions over the limit",
    413,
    post(LIST, `1;${"x".repeat(20_000)}\r\n{`).replace(/content-length: \d+/, "transfer-encoding: chunked"),
  ],
  ["an upgrade at another address", 404, upgrade("/trpc/universities.list", "sec-websocket-version: 13")],
  ["an upgrade to HTTP/2", 404, get(LIST, "connection: Upgrade, HTTP2-Settings", "upgrade: h2c")],
  ["an upgrade to another version of WebSocket", 400, upgrade("/sync/user", "sec-websocket-version: 7")],
  ["an upgrade by POST", 405, upgrade("/sync/user", "sec-websocket-version: 13").replace("GET", "POST")],
  ["an upgrade to a WebSocket", 101, upgrade("/sync/user", "sec-websocket-version: 13")],
  ["a document without an upgrade", 404, get("/sync/user")],
];

const valuesOf = ({ headers }: RawAnswer, wanted: string): string[] =>
  headers.filter(([name]) => name === wanted).map(([, value]) => value);

const expectMarked = (answer: RawAnswer): void => {
  expect(valuesOf(answer, "x-edvoyage")).toEqual(["1"]);
  if (answer.status !== 101) expect(valuesOf(answer, "cache-control")).toEqual(["no-store"]);
};

describe("every answer of the server", () => {
  test.each(ANSWERS)("carries the header once and is not cached: %s (%i)", async (_what, status, request) => {
    const { url } = await createWorld({ environment: { EDVOYAGE_ALLOWED_ORIGINS: APP_ORIGIN } });

    const answer = await exchangeRaw(url, request);

    expect(answer.status).toBe(status);
    expectMarked(answer);
  });

  test("carries the header after a bug (500) and while the database takes no writes (503)", async () => {
    const { url, databaseUrl } = await createWorld();
    const database = new SqliteDriver(databaseUrl.slice("sqlite:".length));
    database.exec("alter table courses rename column search_words to moved_away");
    database.exec("alter table heartbeat rename to gone").close();
    const input = encodeURIComponent('{"query":"law"}');

    const [bug, unready] = await Promise.all([
      exchangeRaw(url, get(`/trpc/courses.list?input=${input}`)),
      exchangeRaw(url, get("/readyz")),
    ]);

    expect([bug.status, unready.status]).toEqual([500, 503]);
    expectMarked(bug);
    expectMarked(unready);
  });

  test("carries the header when a request arrives on a used connection during the shutdown (503)", async () => {
    const gate = createGate();
    const smsRequested = createGate();
    const world = await createWorld({
      smsProvider: {
        name: "webhook",
        send: async () => {
          smsRequested.open();
          await gate.passed;
        },
      },
    });
    const socket = await connectBare(world.url);
    const answers = readUntil(socket, "HTTP/1.1 ", 2);
    socket.write(
      post("/trpc/auth.requestCode", JSON.stringify({ phone: somePhone(), deviceId: randomUUID() })),
    );
    await smsRequested.passed;

    const closed = world.stop();
    await expect(fetch(`${world.url}/healthz`)).rejects.toThrow(TypeError);
    socket.write(get("/healthz"));
    gate.open();

    const [, first = "", second = ""] = (await answers).split("HTTP/1.1 ");
    const [one, other] = [first, second].map((text) => parseHead(`HTTP/1.1 ${text.split("\r\n\r\n")[0]}`));
    expect([one?.status, other?.status]).toEqual([200, 503]);
    for (const answer of [one, other]) expectMarked(answer ?? expect.fail("no answer"));
    await closed;
  });

  test("carries the header when a request comes without a socket", async () => {
    const { server } = await createWorld();

    const response = await server.fetch("http://in-process/trpc/sessions.list");

    expect(response.status).toBe(401);
    expect(response.headers.get("x-edvoyage")).toBe("1");
  });
});

describe("a page of another origin", () => {
  test.each([
    ["a query", 200, get(LIST, `origin: ${APP_ORIGIN}`)],
    ["a refusal", 401, get("/trpc/sessions.list", `origin: ${APP_ORIGIN}`)],
    ["an unknown procedure", 404, get("/trpc/nope", `origin: ${APP_ORIGIN}`)],
    ["an unknown address", 404, get("/nowhere", `origin: ${APP_ORIGIN}`)],
    ["a body over the limit", 413, post("/trpc/x", `"${"x".repeat(300_000)}"`, `origin: ${APP_ORIGIN}`)],
  ])("reads the header on the answer to %s (%i)", async (_what, status, request) => {
    const { url } = await createWorld({ environment: { EDVOYAGE_ALLOWED_ORIGINS: APP_ORIGIN } });

    const answer = await exchangeRaw(url, request);

    expect(answer.status).toBe(status);
    expect(valuesOf(answer, "access-control-allow-origin")).toEqual([APP_ORIGIN]);
    expect(valuesOf(answer, "access-control-expose-headers").join().split(/, */)).toContain("x-edvoyage");
  });
});

const createGate = () => {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
};
