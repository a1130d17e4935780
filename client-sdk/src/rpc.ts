import type { AppRouter } from "@edvoyage/server";
import { createTRPCClient, httpBatchLink, TRPCClientError, type TRPCClient } from "@trpc/client";
import {
  SERVER_HEADER,
  SERVER_HEADER_VALUE,
  SESSION_HEADER,
  type Reason,
  type ReasonDetails,
  type SessionId,
} from "@edvoyage/protocol";
import { isAnswer, isOwn } from "./rpc/answer.ts";

/** Every procedure of the server, typed. */
export type RpcClient = TRPCClient<AppRouter>;

/** How to reach the server, and as whom. */
export interface RpcClientOptions {
  /** The base URL of the server, such as `https://api.example.org`. */
  readonly url: string;
  /** The session's key or the admin token; read before each request, so it may change. */
  readonly token?: () => string | undefined;
  /** The session that the caller expects: the server rejects a key of another session. */
  readonly sessionId?: () => SessionId | undefined;
  /** Sends the requests. Default: the platform's. */
  readonly fetch?: typeof fetch;
}

/** The maximum number of calls per request that the server accepts. */
const MAX_BATCH_CALLS = 10;
/** Proxies reject longer URLs; beyond this length tRPC starts another request. */
const MAX_URL_CHARACTERS = 4_000;

/** Creates the typed client. It sends nothing before the first call. */
export const createRpcClient = ({
  url,
  token,
  sessionId,
  fetch = globalThis.fetch,
}: RpcClientOptions): RpcClient =>
  createTRPCClient<AppRouter>({
    links: [
      httpBatchLink({
        url: `${url.replace(/\/+$/, "")}/trpc`,
        maxItems: MAX_BATCH_CALLS,
        maxURLLength: MAX_URL_CHARACTERS,
        headers: () => {
          const key = token?.();
          const expectedSession = sessionId?.();
          return {
            ...(key ? { authorization: `Bearer ${key}` } : {}),
            ...(expectedSession ? { [SESSION_HEADER]: expectedSession } : {}),
          };
        },
        fetch: async (input, init) => {
          // The server never redirects. What does would receive the key and the input.
          const request = { ...(init as RequestInit), redirect: "error" } as const;
          const response = await fetch(input as RequestInfo, request);
          const text = await response.text();
          if (isOwn(response, url) && isAnswer(JSON.parse(text), response))
            return new Response(text, response);
          throw new Error("The response did not come from an EdVoyage server.");
        },
      }),
    ],
  });

/** Returns whether the EdVoyage server gave this response, not a proxy or another program. */
export const isMarked = ({ headers }: Response): boolean =>
  headers.get(SERVER_HEADER) === SERVER_HEADER_VALUE;

/** An error response of the server: the reason, the details of that reason, and a sentence for developers. */
export type Refusal = {
  readonly [R in Reason]: {
    readonly reason: R;
    readonly details: R extends keyof ReasonDetails ? ReasonDetails[R] : Readonly<Record<string, never>>;
    readonly message: string;
  };
}[Reason];

/** Returns the server's reason for a failed call; `undefined` when the server was not reached or failed because of a bug. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (!(error instanceof TRPCClientError)) return undefined;
  const data: unknown = error.data;
  if (typeof data !== "object" || data === null || !("reason" in data)) return undefined;
  const { reason, details } = data as Pick<Refusal, "reason" | "details">;
  return { reason, details, message: error.message } as Refusal;
};

/** Returns whether a call failed before the server answered it. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof TRPCClientError && error.data === undefined && error.cause !== undefined;
