import { createRpcClient, isMarked, type RpcClient } from "@edvoyage/client-sdk/rpc";
import { withTimeout } from "@edvoyage/protocol";
import { unreachable } from "./failure.ts";
import type { Settings } from "./settings.ts";

/** A way to call the server. */
export interface Connection {
  readonly client: RpcClient;
  /** Requests a path that is not a procedure, such as `/healthz`. Throws `server/unavailable`. */
  request(path: string): Promise<Response>;
  /** A note about the connection for people. */
  readonly note: string | undefined;
  close(): Promise<void>;
}

/** A placeholder URL for the database in this process. */
const IN_PROCESS_URL = "http://in-process";
/** The default timeout for an answer. Long enough for a busy server: a part of an import takes a second. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Returns where a command's calls go, for people. */
export const targetToUrl = ({ target }: Settings): string =>
  target.state === "server" ? target.url : IN_PROCESS_URL;

/** Options for commands whose calls differ from the others. */
export interface ConnectOptions {
  /** The timeout for an answer, including its body. Default: 30 s. Node itself aborts after five minutes. */
  readonly answerTimeoutMs?: number;
}

/** Prepares calls to the server, or opens the database. `interrupted` aborts running calls. */
export const openConnection = async (
  settings: Settings,
  interrupted: AbortSignal,
  { answerTimeoutMs = ANSWER_TIMEOUT_MS }: ConnectOptions = {},
): Promise<Connection> => {
  const url = targetToUrl(settings);
  const { fetch, adminToken, note, close } = await openTarget(settings);
  const fetchWithTimeout: typeof fetch = (input, init) =>
    withTimeout({ timeoutMs: answerTimeoutMs, signal: interrupted }, async (signal) => {
      const response = await fetch(input, { ...init, signal });
      // Read the body here, not in the caller; otherwise a body that never ends would have no timeout.
      const body = await response.arrayBuffer();
      return new Response(body.byteLength === 0 ? null : body, response);
    });
  return {
    client: createRpcClient({ url, token: () => adminToken, fetch: fetchWithTimeout }),
    request: async (path) => {
      const response = await fetchWithTimeout(url + path).catch((cause: unknown) => {
        throw unreachable(cause, url);
      });
      if (isMarked(response)) return response;
      throw unreachable(undefined, url);
    },
    note,
    close,
  };
};

const openTarget = async ({
  target,
  dataDir,
  adminToken,
}: Settings): Promise<{
  readonly fetch: typeof globalThis.fetch;
  readonly adminToken: string | undefined;
  readonly note: string | undefined;
  close(): Promise<void>;
}> => {
  if (target.state === "server") {
    return { fetch: globalThis.fetch, adminToken, note: undefined, close: async () => {} };
  }
  // Loaded on demand, because it is the whole server.
  const { openInProcess } = await import("./in-process.ts");
  return openInProcess({ dataDir, databaseUrl: target.url });
};
