import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import cors from "@fastify/cors";
import type { Limits } from "@edvoyage/protocol";
import { isSessionKey, SERVER_HEADER, SESSION_HEADER } from "@edvoyage/protocol";
import { TRPCError } from "@trpc/server";
import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { answerClientError, MarkedResponse } from "./answer-header.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import { sha256 } from "../platform/crypto.ts";
import { AppError, errorToFacts } from "../platform/errors.ts";
import { addressToLimitKey, createAddressLimiter } from "./client-address.ts";
import type { Logger } from "../platform/logger.ts";
import type { Metrics } from "../platform/metrics.ts";
import { allowedOriginsOf } from "./allowed-origins.ts";
import type { AppRouter } from "../router.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { serveOpenApi } from "./openapi-route.ts";
import { sendTrpcError, serveTrpc } from "./trpc-adapter.ts";
import type { Caller, Context } from "./trpc.ts";

export interface HttpDeps {
  readonly config: Pick<Config, "allowedOrigins" | "trustedProxies">;
  readonly router: AppRouter;
  readonly sessions: Pick<Sessions, "authenticate">;
  readonly adminToken: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Checks that the database accepts writes; throws if it does not. */
  readonly ping: () => Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the 60 s for which load balancers keep a connection, so that they close it first and not this server. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const PREFLIGHT_SECONDS = 86_400;
/** How long an answer of `/readyz` is cached: each check writes to the disk, and anyone may call it. */
const READY_CACHE_MS = 1_000;

/** OWASP's headers for an API that serves no pages (REST Security Cheat Sheet). */
const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** Creates the HTTP server: procedures under `/trpc/`, and `/healthz`, `/readyz`, `/metrics`, `/openapi.json`. */
export const createHttpServer = async (deps: HttpDeps): Promise<FastifyInstance> => {
  const { config, router, clock, limits, log, metrics } = deps;
  const app = fastify({
    bodyLimit: limits.httpBodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: "idle",
    http: { ServerResponse: MarkedResponse },
    clientErrorHandler: answerClientError,
    // Fastify refuses a URL that cannot be decoded before any hook runs, so the headers are set here.
    frameworkErrors: (error, _request, reply) => {
      reply.headers(SECURITY_HEADERS);
      sendTrpcError(reply, router, transportErrorToTrpc(error));
    },
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
  });
  await app.register(cors, {
    origin: allowedOriginsOf(config),
    methods: ["GET", "POST"],
    allowedHeaders: ["authorization", "content-type", "trpc-accept", SESSION_HEADER],
    exposedHeaders: ["retry-after", SERVER_HEADER],
    maxAge: PREFLIGHT_SECONDS,
  });
  closeConnectionsAtShutdown(app);
  app.addHook("onRequest", (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const translated = transportErrorToTrpc(error);
    if (translated.code === "INTERNAL_SERVER_ERROR")
      log.error({ error }, "A request failed outside any procedure");
    return sendTrpcError(reply, router, translated);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendTrpcError(reply, router, new TRPCError({ code: "NOT_FOUND" })),
  );

  serveTrpc(app, {
    router,
    maxBatchCalls: limits.batchCalls,
    createContext: createContextMaker(deps),
    onCallEnded: ({ procedure, error, durationMs }) => {
      const facts = error && errorToFacts(error);
      const reason = facts ? (facts.reason ?? "bug") : "ok";
      metrics.procedureCalled(procedure, reason, durationMs / 1000);
      if (!facts) return log.debug({ procedure, durationMs }, "Call answered");
      const fields = { procedure, reason, httpStatus: facts.httpStatus, durationMs };
      if (facts.httpStatus >= 500) log.error({ ...fields, error: error.cause ?? error }, "Call failed");
      else log.info(fields, "Call refused");
    },
  });
  serveOpenApi(app);
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", createReadiness(deps.ping, clock));
  app.get("/metrics", async (_request, reply) => {
    const { contentType, body } = await metrics.text();
    return reply.type(contentType).send(body);
  });
  return app;
};

/**
 * Lets `close` finish with the last answer. Otherwise a kept-alive connection delays it for the whole keep-alive timeout. A
 * connection without any request, as browsers and proxies open ahead of time, delays it for a minute, because Node does not
 * count it as idle.
 */
const closeConnectionsAtShutdown = (app: FastifyInstance): void => {
  const { server } = app;
  const unusedSockets = new Set<Socket>();
  let isClosing = false;
  server.on("connection", (socket: Socket) => {
    if (isClosing) return void socket.destroy();
    unusedSockets.add(socket);
    socket.once("close", () => unusedSockets.delete(socket));
  });
  for (const event of ["request", "upgrade"])
    server.on(event, ({ socket }: IncomingMessage) => unusedSockets.delete(socket));
  app.addHook("preClose", (done) => {
    isClosing = true;
    server.keepAliveTimeout = 1;
    for (const socket of unusedSockets) socket.destroy();
    done();
  });
};

/** Builds the context of a request: finds the caller by the session key or admin token. Throws `rate/limited`. */
const createContextMaker = ({ sessions, adminToken, clock, limits }: HttpDeps) => {
  const limiter = createAddressLimiter(clock, limits.callsPerMinutePerIp);
  const adminTokenHash = sha256(adminToken);

  const callerOf = async (request: FastifyRequest): Promise<Caller> => {
    const key = bearerOf(request);
    if (key === undefined) return NOBODY;
    // Compares hashes: the time that this takes reveals nothing about the token.
    const keyHash = sha256(key);
    if (keyHash === adminTokenHash) return ADMIN;
    // A header that was changed on the way says nothing about the caller's session.
    if (!isSessionKey(key)) return NOBODY;
    try {
      const signedIn = await sessions.authenticate(keyHash);
      const expectedSessionId = request.headers[SESSION_HEADER];
      if (expectedSessionId === undefined || expectedSessionId === signedIn.session.id)
        return { state: "signed-in", ...signedIn };
      return {
        state: "refused",
        error: new AppError("forbidden", "The key does not belong to the named session."),
      };
    } catch (error) {
      if (error instanceof AppError) return { state: "refused", error };
      throw error;
    }
  };

  return async (request: FastifyRequest, calls: number): Promise<Context> => {
    const caller = await callerOf(request);
    if (caller.state === "nobody" || caller.state === "refused") {
      const retryAfterSeconds = limiter.take(request.ip, calls);
      if (retryAfterSeconds > 0) {
        throw new AppError("rate/limited", "Too many calls from this address.", { retryAfterSeconds });
      }
    }
    return new RequestContext(caller, request);
  };
};

const NOBODY: Caller = { state: "nobody" };
const ADMIN: Caller = { state: "admin" };

/** Computes the address only when it is read: few procedures need it. */
class RequestContext implements Context {
  readonly caller: Caller;
  readonly #request: FastifyRequest;

  constructor(caller: Caller, request: FastifyRequest) {
    this.caller = caller;
    this.#request = request;
  }

  get ip(): string {
    return addressToLimitKey(this.#request.ip);
  }
}

const bearerOf = ({ headers }: FastifyRequest): string | undefined => {
  const { authorization } = headers;
  // The scheme is case-insensitive (RFC 9110, 11.1).
  return authorization?.slice(0, 7).toLowerCase() === "bearer " ? authorization.slice(7).trim() : undefined;
};

const transportCodes = {
  400: "BAD_REQUEST",
  404: "NOT_FOUND",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
} as const;

/** Translates Fastify's own refusals by their status. Any other error is a bug. */
const transportErrorToTrpc = (cause: FastifyError): TRPCError => {
  const status = cause.statusCode ?? 500;
  if (status >= 500) return new TRPCError({ code: "INTERNAL_SERVER_ERROR", cause });
  const code =
    status in transportCodes ? transportCodes[status as keyof typeof transportCodes] : "BAD_REQUEST";
  return new TRPCError({ code, message: "The request was refused" });
};

/** Builds the handler of `/readyz`. It answers 503 with `retry-after` while the database does not accept writes. */
const createReadiness = (ping: () => Promise<void>, clock: Clock) => {
  let last: { readonly at: number; readonly isReady: Promise<boolean> } | undefined;
  return async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const now = clock.monotonicNow();
    if (!last || now - last.at >= READY_CACHE_MS) {
      last = {
        at: now,
        isReady: ping().then(
          () => true,
          () => false,
        ),
      };
    }
    const isReady = await last.isReady;
    if (!isReady) reply.header("retry-after", READY_CACHE_MS / 1000);
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? "ready" : "database not writable" });
  };
};
