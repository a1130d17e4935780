import { isSessionKey, SESSION_HEADER, type SessionId } from "@edvoyage/protocol";
import { parseAnswer } from "./answer.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Network } from "../runtime/network.ts";
import { EdVoyageError, isEdVoyageError } from "../runtime/errors.ts";
import type { ServerApi } from "./server-api.ts";

export interface HttpCallerOptions {
  /** The base URL of the server, such as `https://api.example.org`. */
  readonly url: string;
  /** Returns the session's key; called before each request, so the key may change. */
  readonly token?: () => string | undefined;
  /** Returns the session that the caller expects: the server rejects a key of another session. */
  readonly sessionId?: () => SessionId;
  /** Default: the platform's `fetch`, looked up at each call. */
  readonly fetch?: typeof fetch | undefined;
  /** Explains why the server was not reached. */
  readonly network?: Pick<Network, "isOriginRefused">;
  readonly clock: Clock;
  /** Aborted when the client closes. Unanswered calls then fail. */
  readonly closed?: AbortSignal | undefined;
  /** Called for each answered call, before its caller. */
  readonly onAnswer?: () => void;
  /** Called for each failed call, before its caller, with the key of the request. */
  readonly onError?: (error: EdVoyageError, token: string | undefined) => void;
}

/** How long a call may take without any byte of an answer: a phone's network may drop it without an error. */
const SILENCE_TIMEOUT_MS = 30_000;
/** How long a query may take where its answer appears at once, when all of it is there. */
const UNSEEN_TIMEOUT_MS = 2 * 60_000;
/** How long a call may take in total. */
const REQUEST_TIMEOUT_MS = 5 * 60_000;
/** The slowest line that is waited for, while a request is being sent. */
const SLOWEST_BYTES_PER_MS = 4;

/**
 * Creates a caller of the server's procedures. It implements tRPC's wire format without tRPC's client, which alone takes half of
 * an app's size budget for this SDK. It has the types of tRPC's client (`@edvoyage/client-sdk/rpc`) and throws `EdVoyageError`.
 */
export const createHttpCaller = (given: HttpCallerOptions): ServerApi => {
  const options = { ...given, url: given.url.replace(/\/+$/, "") };
  const call = async (path: string, kind: string, input: unknown): Promise<unknown> => {
    const token = options.token?.();
    try {
      const data = await request({ path, kind, input, token }, options);
      options.onAnswer?.();
      return data;
    } catch (thrown) {
      const error = isEdVoyageError(thrown)
        ? toCallError(thrown, token)
        : toUnreachable(thrown, await options.network?.isOriginRefused?.(options.url));
      options.onError?.(error, token);
      throw error;
    }
  };
  return createPathProxy("", call) as ServerApi;
};

const toUnreachable = (cause: unknown, isOriginRefused = false): EdVoyageError =>
  isOriginRefused
    ? new EdVoyageError("origin-refused", "The server does not allow this page's origin.", { cause })
    : new EdVoyageError("offline", "The server was not reached.", { cause });

/** Converts the error of a call with this key to the error that its caller sees. */
const toCallError = (error: EdVoyageError, token: string | undefined): EdVoyageError =>
  // The server saw no key, so something on the way has removed or changed the header. That must not end the session.
  error.reason === "session/required" && token !== undefined && isSessionKey(token)
    ? new EdVoyageError("offline", "The session's key was lost on the way to the server.", { cause: error })
    : error;

/** Creates a proxy for calls such as `client.chat.rooms.list.query(…)`: the last name is the kind, the names before it are the path. */
const createPathProxy = (
  path: string,
  call: (path: string, kind: string, input: unknown) => Promise<unknown>,
): unknown =>
  new Proxy(() => {}, {
    // Hide `then`; otherwise `await` would treat this proxy as a promise.
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
  const procedure = `${url}/trpc/${path}`;
  const address = isQuery && json ? `${procedure}?input=${encodeURIComponent(json)}` : procedure;
  const aborted = new AbortController();
  let clearTimers = () => {};
  let heard = () => {};
  const answered = fetch(address, {
    method: isQuery ? "GET" : "POST",
    headers: {
      ...(isQuery ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(sessionId ? { [SESSION_HEADER]: sessionId() } : {}),
    },
    ...(isQuery ? {} : { body: json ?? "{}" }),
    // The server never redirects. A portal does, and would receive the key and what the student wrote.
    redirect: "error",
    signal: aborted.signal,
  }).then(async (response) => {
    heard();
    const text = await readText(response, () => heard());
    return parseAnswer(response, { text, address, now: clock.now() });
  });
  const timeout = new Promise<never>((_resolve, reject) => {
    const fail = (): void => {
      reject(new EdVoyageError("offline", "The server did not answer in time."));
      aborted.abort();
    };
    const sendingMs = isQuery ? 0 : (json ?? "").length / SLOWEST_BYTES_PER_MS;
    const silenceMs = isQuery && !("body" in Response.prototype) ? UNSEEN_TIMEOUT_MS : SILENCE_TIMEOUT_MS;
    const cancelTotal = clock.after(REQUEST_TIMEOUT_MS, fail);
    let cancelSilence = clock.after(silenceMs + sendingMs, fail);
    heard = () => {
      cancelSilence();
      cancelSilence = clock.after(SILENCE_TIMEOUT_MS, fail);
    };
    closed?.addEventListener("abort", fail);
    clearTimers = () => {
      heard = () => {};
      cancelTotal();
      cancelSilence();
      closed?.removeEventListener("abort", fail);
    };
    if (closed?.aborted) fail();
  });
  try {
    return await Promise.race([answered, timeout]);
  } finally {
    clearTimers();
  }
};

/** Reads a body and reports each part of it, on platforms that can. */
const readText = async (response: Response, onBytes: () => void): Promise<string> => {
  // React Native has no streams, and its `fetch` resolves when the whole answer is there.
  const body: ReadableStream<Uint8Array> | null | undefined = response.body;
  if (!body) return response.text();
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    onBytes();
    text += decoder.decode(value, { stream: true });
  }
};
