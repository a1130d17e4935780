import type { ForeignAnswer } from "./proxy.ts";

/** The headers of a JSON body. */
export const JSON_TYPE = { "content-type": "application/json" };
/** The header with which the server marks its answers. A proxy may pass it on with another status or body. */
export const MARKED = { ...JSON_TYPE, "x-edvoyage": "1" };

/** Returns the body of a refusal, as the server writes it. */
export const refusal = (reason: unknown, details: unknown = {}): string =>
  JSON.stringify({ error: { message: "No.", code: -32_000, data: { reason, details } } });

/** Answers that do not come from the server, each with a description. */
export const FOREIGN: readonly (readonly [string, ForeignAnswer])[] = [
  [
    "a maintenance page in JSON",
    { status: 503, headers: JSON_TYPE, body: '{"result":{"status":"maintenance"}}' },
  ],
  ["a health check's answer", { status: 200, headers: JSON_TYPE, body: '{"result":"ok"}' }],
  ["a portal that wants a login", { status: 401, headers: JSON_TYPE, body: '{"result":"login required"}' }],
  ["a success without the header", { status: 200, headers: JSON_TYPE, body: '{"result":{"data":{}}}' }],
  ["a refusal without the header", { status: 403, headers: JSON_TYPE, body: refusal("forbidden") }],
  ["the end of the session without the header", { status: 401, body: refusal("session/revoked") }],
  ["a bare 500 without the header", { status: 500, body: refusal(undefined) }],
  ["a web page", { status: 200, headers: { "content-type": "text/html" }, body: "<!doctype html><p>Hello" }],
  ["nothing, with 204", { status: 204 }],
  ["an empty body, with 200", { status: 200 }],
  ["null", { status: 200, headers: JSON_TYPE, body: '{"result":null}' }],
  ["an array", { status: 200, headers: JSON_TYPE, body: '[{"result":{"data":{}}}]' }],
  [
    "the header of another protocol",
    { status: 200, headers: { "x-edvoyage": "0" }, body: '{"result":{"data":{}}}' },
  ],
  [
    "a marked refusal with another reason's status",
    { status: 200, headers: MARKED, body: refusal("forbidden") },
  ],
  ["a marked 404 that says conflict", { status: 404, headers: MARKED, body: refusal("conflict") }],
  [
    "a marked end of the session with 403",
    { status: 403, headers: MARKED, body: refusal("session/expired") },
  ],
  ["a marked success with 503", { status: 503, headers: MARKED, body: '{"result":{"data":{}}}' }],
  ["a marked success without data", { status: 200, headers: MARKED, body: '{"result":{}}' }],
  ["a marked success whose result is text", { status: 200, headers: MARKED, body: '{"result":"ok"}' }],
  ["a marked success whose result is an array", { status: 200, headers: MARKED, body: '{"result":[]}' }],
  ["a marked failure without a reason, with 502", { status: 502, headers: MARKED, body: refusal(undefined) }],
  ["a marked refusal without details", { status: 403, headers: MARKED, body: refusal("forbidden", null) }],
  ["a marked refusal whose error is text", { status: 403, headers: MARKED, body: '{"error":"Forbidden"}' }],
  ["a marked web page", { status: 200, headers: MARKED, body: "<!doctype html><p>Hello" }],
  ["a marked 204", { status: 204, headers: { "x-edvoyage": "1" } }],
  ["a marked empty body", { status: 200, headers: MARKED }],
  ["a marked null", { status: 200, headers: MARKED, body: "null" }],
  [
    "a marked answer whose end is missing",
    {
      status: 200,
      headers: { ...MARKED, "content-length": 1_000 },
      body: '{"result":{"data":{}}}',
      isCut: true,
    },
  ],
  [
    "a marked answer that was cut and sent as a whole",
    { status: 200, headers: MARKED, body: '{"result":{"data":{"messageId"' },
  ],
];
