import { createRpcClient, isMarked, type RpcClient } from "@edvoyage/client-sdk/rpc";
import { withTimeout } from "@edvoyage/protocol";
import { unreachable } from "./failure.ts";
import type { Settings } from "./settings.ts";

/** A way to call the server. */
export interface Connection {
  readonly client: RpcClient;
  /** For what is no procedure: a path such as `/healthz`. Throws `server/unavailable`. */
  request(path: string): Promise<Response>;
  /** What people should know of it. */
  readonly note: string | undefined;
  close(): Promise<void>;
}

/** The URL that stands for the database in this process. */
const IN_PROCESS_URL = "http://in-process";
/** A server that hangs is told apart from one that works hard: a part of an import takes a second. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Where a command's calls go, for people. */
export const targetToUrl = ({ target }: Settings): string =>
  target.state === "server" ? target.url : IN_PROCESS_URL;

/** For commands whose calls are not like others. */
export interface ConnectOptions {
  /** How long an answer may take, its body included. Default: 30 s. Node itself ends what takes more than five minutes. */
  readonly answerTimeoutMs?: number;
}

/** Prepares calls to the server, or opens the database; `interrupted` ends calls under way. */
export const openConnection = async (
  settings: Settings,
  interrupted: AbortSignal,
  { answerTimeoutMs = ANSWER_TIMEOUT_MS }: ConnectOptions = {},
): Promise<Connection> => {
  const url = targetToUrl(settings);
  const { fetch, adminToken, note, close } = await openTarget(settings);
  const patientFetch: typeof fetch = (input, init) =>
    withTimeout({ timeoutMs: answerTimeoutMs, signal: interrupted }, async (signal) => {
      const response = await fetch(input, { ...init, signal });
      // Read here, not by the caller: otherwise a body that never ends would have no timeout.
      const body = await response.arrayBuffer();
      return new Response(body.byteLength === 0 ? null : body, response);
    });
  return {
    client: createRpcClient({ url, token: () => adminToken, fetch: patientFetch }),
    request: async (path) => {
      const response = await patientFetch(url + path).catch((cause: unknown) => {
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
  // The whole server: loaded for those who need it.
  const { openInProcess } = await import("./in-process.ts");
  return openInProcess({ dataDir, databaseUrl: target.url });
};
