import type { AppRouter, Reason, ReasonDetails } from "@edvoyage/server";
import { createTRPCClient, httpBatchLink, TRPCClientError, type TRPCClient } from "@trpc/client";
import { SERVER_HEADER, SERVER_HEADER_VALUE, SESSION_HEADER, type SessionId } from "@edvoyage/protocol";

/** Every procedure of the server, typed. */
export type RpcClient = TRPCClient<AppRouter>;

export interface RpcClientOptions {
  /** Of the server, such as `https://api.example.org`. */
  readonly url: string;
  /** The session's key or the admin token; asked before each request, so that it may change. */
  readonly token?: () => string | undefined;
  /** The session that the caller believes in: a key of another is refused. */
  readonly sessionId?: () => SessionId | undefined;
  readonly fetch?: typeof fetch;
}

/** Calls in one request: what the server takes. */
const MAX_BATCH_CALLS = 10;
/** Longer URLs are refused by proxies; tRPC starts another request. */
const MAX_URL_CHARACTERS = 4_000;

/** Makes the typed client; touches nothing until the first call. */
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
          const believed = sessionId?.();
          return {
            ...(key ? { authorization: `Bearer ${key}` } : {}),
            ...(believed ? { [SESSION_HEADER]: believed } : {}),
          };
        },
        fetch: async (input, init) => {
          const response = await fetch(input as RequestInfo, init as RequestInit);
          if (isMarked(response)) return response;
          throw new Error("Something other than an EdVoyage server answered.");
        },
      }),
    ],
  });

/** Whether the server gave this answer, and not a proxy or another program in its place. */
export const isMarked = ({ headers }: Response): boolean =>
  headers.get(SERVER_HEADER) === SERVER_HEADER_VALUE;

/** A refusal of the server: its reason, the facts of that reason, and a sentence for a developer. */
export type Refusal = {
  readonly [R in Reason]: {
    readonly reason: R;
    readonly details: R extends keyof ReasonDetails ? ReasonDetails[R] : Readonly<Record<string, never>>;
    readonly message: string;
  };
}[Reason];

/** What the server said of a failed call; `undefined` when it was not reached, or failed by a bug of its own. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (!(error instanceof TRPCClientError)) return undefined;
  const data: unknown = error.data;
  if (typeof data !== "object" || data === null || !("reason" in data)) return undefined;
  const { reason, details } = data as Pick<Refusal, "reason" | "details">;
  return { reason, details, message: error.message } as Refusal;
};

/** Whether a call failed before the server answered it. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof TRPCClientError && error.data === undefined && error.cause !== undefined;
