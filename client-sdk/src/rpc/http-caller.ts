import { SESSION_HEADER, type SessionId } from "@edvoyage/protocol";
import { parseAnswer } from "./answer.ts";
import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError, isEdVoyageError } from "../runtime/errors.ts";
import type { ServerApi } from "./server-api.ts";

export interface HttpCallerOptions {
  /** Of the server, such as `https://api.example.org`. */
  readonly url: string;
  /** The session's key; asked before each call, so that it may change. */
  readonly token?: () => string | undefined;
  /** The session that the caller believes in: a key of another is refused. */
  readonly sessionId?: () => SessionId;
  /** The platform's, looked up at each call, unless told. */
  readonly fetch?: typeof fetch | undefined;
  readonly clock: Clock;
  /** Aborted when nobody waits for an answer any more: a call that has none then is given up. */
  readonly closed?: AbortSignal | undefined;
  /** Called for each call that was answered, before its caller. */
  readonly onAnswer?: () => void;
  /** Called for each call that failed, before its caller, with the key that it was made with. */
  readonly onError?: (error: EdVoyageError, token: string | undefined) => void;
}

/** A call that has no answer after so long is given up: a phone's network may swallow it without a word. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Calls the server's procedures: tRPC's wire format without its client, which alone is as large as half of an app's budget for
 * all of this SDK. It has the types of tRPC's client (`@edvoyage/client-sdk/rpc`), and throws `EdVoyageError`.
 */
export const createHttpCaller = (options: HttpCallerOptions): ServerApi => {
  const call = async (path: string, kind: string, input: unknown): Promise<unknown> => {
    const token = options.token?.();
    try {
      const data = await request({ path, kind, input, token }, options);
      options.onAnswer?.();
      return data;
    } catch (thrown) {
      const error = isEdVoyageError(thrown)
        ? thrown
        : new EdVoyageError("offline", "The server was not reached.", { cause: thrown });
      options.onError?.(error, token);
      throw error;
    }
  };
  return createPathProxy("", call) as ServerApi;
};

/** What is called last in `client.chat.rooms.list.query(…)` is the kind, all before it the path. */
const createPathProxy = (
  path: string,
  call: (path: string, kind: string, input: unknown) => Promise<unknown>,
): unknown =>
  new Proxy(() => {}, {
    // A promise would be taken for by its `then`.
    get: (_target, name) =>
      typeof name === "string" && name !== "then"
        ? createPathProxy(path === "" ? name : `${path}.${name}`, call)
        : undefined,
    apply: (_target, _this, [input]: readonly unknown[]) => {
      const end = path.lastIndexOf(".");
      return call(path.slice(0, end), path.slice(end + 1), input);
    },
  });

interface Call {
  readonly path: string;
  readonly kind: string;
  readonly input: unknown;
  readonly token: string | undefined;
}

const request = async (
  { path, kind, input, token }: Call,
  { url, sessionId, clock, closed, fetch = globalThis.fetch }: HttpCallerOptions,
): Promise<unknown> => {
  const json = JSON.stringify(input);
  const isQuery = kind === "query";
  const address = `${url.replace(/\/+$/, "")}/trpc/${path}`;
  const aborted = new AbortController();
  let clearTimers = () => {};
  const answered = fetch(isQuery && json ? `${address}?input=${encodeURIComponent(json)}` : address, {
    method: isQuery ? "GET" : "POST",
    headers: {
      ...(isQuery ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(sessionId ? { [SESSION_HEADER]: sessionId() } : {}),
    },
    ...(isQuery ? {} : { body: json ?? "{}" }),
    // The server never redirects; a portal does, and would get what the student wrote.
    redirect: "error",
    signal: aborted.signal,
  }).then(async (response) => parseAnswer(response, await response.text()));
  const patience = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => {
      reject(new EdVoyageError("offline", "There was no answer in time."));
      aborted.abort();
    };
    const cancel = clock.after(REQUEST_TIMEOUT_MS, giveUp);
    closed?.addEventListener("abort", giveUp);
    clearTimers = () => {
      cancel();
      closed?.removeEventListener("abort", giveUp);
    };
    if (closed?.aborted) giveUp();
  });
  try {
    return await Promise.race([answered, patience]);
  } finally {
    clearTimers();
  }
};
