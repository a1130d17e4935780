import { expect, test } from "vitest";
import { isEdVoyageError } from "../runtime/errors.ts";
import { isOwn, parseAnswer } from "./answer.ts";

const ADDRESS = "https://api.example.org/trpc/chat.send";
const MARKED = { "x-edvoyage": "1" };

const refusal = (reason: string, details: object = {}): string =>
  JSON.stringify({ error: { message: "No.", code: -32_000, data: { reason, details } } });

/** Parses an answer, and returns the reason and the details of its error. */
const errorOf = (status: number, headers: Record<string, string>, body: string) => {
  try {
    parseAnswer(new Response(body, { status, headers }), { text: body, address: ADDRESS, now: 0 });
  } catch (error) {
    if (isEdVoyageError(error)) return [error.reason, error.details];
    throw error;
  }
  return expect.fail("is a success");
};

test("the wait of an answer's header counts when its details name none", () => {
  const headers = { ...MARKED, "retry-after": "30" };

  expect(errorOf(503, headers, refusal("server/unavailable"))).toEqual([
    "server/unavailable",
    { retryAfterSeconds: 30 },
  ]);
  expect(errorOf(429, headers, refusal("rate/limited", { retryAfterSeconds: 2 }))).toEqual([
    "rate/limited",
    { retryAfterSeconds: 2 },
  ]);
  expect(errorOf(503, { ...headers, "retry-after": "999999" }, refusal("server/unavailable"))).toEqual([
    "server/unavailable",
    { retryAfterSeconds: 86_400 },
  ]);
});

test("the wait of a proxy counts with 429 and 503, for at most five minutes", () => {
  const answered = (status: number, retryAfter: string) =>
    errorOf(status, { "retry-after": retryAfter }, "<h1>Busy</h1>");

  expect(answered(503, "30")).toEqual(["offline", { status: 503, retryAfterSeconds: 30 }]);
  expect(answered(429, "86400")).toEqual(["offline", { status: 429, retryAfterSeconds: 300 }]);
  expect(answered(503, "Thu, 01 Jan 1970 00:00:20 GMT")).toEqual([
    "offline",
    { status: 503, retryAfterSeconds: 20 },
  ]);
  expect(answered(403, "30")).toEqual(["offline", { status: 403 }]);
  expect(answered(503, "soon")).toEqual(["offline", { status: 503 }]);
});

/** Returns whether a marked response with this URL is the server's. */
const isOwnAt = (url: string, address = ADDRESS): boolean =>
  isOwn(Object.defineProperty(new Response("{}", { headers: MARKED }), "url", { value: url }), address);

test("a response whose platform does not tell its URL is the server's", () => {
  expect(isOwnAt("")).toBe(true);
});

test.each([
  "https://api.example.org/trpc/chat.send",
  "https://api.example.org:443/trpc/chat.send",
  "HTTPS://API.example.org/trpc/chat.send",
])("a response from %s is the server's", (url) => {
  expect(isOwnAt(url)).toBe(true);
});

test.each([
  "https://login.example.org/trpc/chat.send",
  "http://api.example.org/trpc/chat.send",
  "https://api.example.org:8443/trpc/chat.send",
  "https://api.example.org@evil.example/trpc/chat.send",
  "about:blank",
])("a response from %s is not the server's, although nothing reports the redirect", (url) => {
  expect(isOwnAt(url)).toBe(false);
});

test("a response is the server's if the platform writes the host's letters in another way", () => {
  expect(isOwnAt("https://xn--bcher-kva.example/trpc/a", "https://bücher.example/trpc/a")).toBe(true);
});
