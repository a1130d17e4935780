import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

/** The document that `npm run docs:api` writes. It has the same place relative to the source and to the built code. */
const FILE = new URL("../../openapi.json", import.meta.url);

/**
 * Serves the OpenAPI document at `/openapi.json`, for everybody. It is read at the first request and then kept: it cannot
 * change while the server runs. Its ETag lets a tool ask whether it has changed since.
 */
export const serveOpenApi = (app: FastifyInstance): void => {
  let kept: { readonly body: Buffer; readonly etag: string } | undefined;
  app.get("/openapi.json", async (request, reply) => {
    kept ??= read();
    reply.headers({ "cache-control": "no-cache", etag: kept.etag });
    if (namesTag(request.headers["if-none-match"], kept.etag)) return reply.code(304).send();
    return reply.type("application/json").send(kept.body);
  });
};

const read = (): { readonly body: Buffer; readonly etag: string } => {
  const body = readFileSync(FILE);
  return { body, etag: `"${createHash("sha256").update(body).digest("base64url")}"` };
};

/** Proxies that compress an answer weaken its tag, so the comparison is the weak one (RFC 9110, 13.1.2). */
const namesTag = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
