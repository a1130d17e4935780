import { StorageError, type ClientOptions, type StorageAdapter } from "@edvoyage/client-sdk";
import { SERVER_HEADER, SERVER_HEADER_VALUE } from "@edvoyage/protocol";
import type { Sabotage } from "./device.ts";

/** Faults planted around the correct SDK. The simulation must find each of them. */
export const PLANTED: Readonly<Record<string, Sabotage>> = {
  "an outbox that is kept only in memory": (options) => withoutWrites(options, "outbox/"),
  "a device that keeps only its session": (options) => withoutWrites(options, ""),
  "one store for all students": (options) => ({
    ...options,
    storage: {
      ...options.storage,
      open: (name) => options.storage.open(name.replace(/^student-.*/, "student-all")),
    },
  }),
  "a command that is reported as done without being sent": (options) =>
    withFetch(options, (send, request) =>
      request.url.endsWith("contacts.remove")
        ? Promise.resolve(
            new Response('{"result":{"data":{"userId":"somebody"}}}', {
              headers: { [SERVER_HEADER]: SERVER_HEADER_VALUE },
            }),
          )
        : send(),
    ),
  "a new command id for each retry": (options) => {
    let tries = 0;
    return withFetch(options, (send, { body }) => {
      tries += 1;
      const digits = String(tries % 1_000).padStart(3, "0");
      return send(body?.replace(/("commandId":".{33})...(")/, `$1${digits}$2`));
    });
  },
  "a session key that is lost when the app ends": (options) => withoutRecord(options, "session-key"),
  "a device that forgets who was signed in": (options) => withoutRecord(options, "current"),
  "answers of a firewall that pass for the server's": (options) =>
    withFetch(options, async (send, request) => {
      const response = await send();
      const isOwn = response.headers.get(SERVER_HEADER) === SERVER_HEADER_VALUE;
      if (isOwn || !request.url.includes("/trpc/chat.")) return response;
      return new Response('{"result":{"data":{}}}', { headers: { [SERVER_HEADER]: SERVER_HEADER_VALUE } });
    }),
  "a lost key that passes for the end of the session": (options) =>
    withFetch(options, async (send) => {
      const response = await send();
      const text = await response.clone().text();
      if (!text.includes("session/required")) return response;
      const { status, headers } = response;
      return new Response(text.replaceAll("session/required", "session/revoked"), { status, headers });
    }),
  "a broken disk whose writes look as if they were made": (options) => {
    const { storage } = options;
    const open: StorageAdapter["open"] = async (name) => {
      const store = await storage.open(name);
      return { ...store, write: (changes) => store.write(changes).catch(() => {}) };
    };
    return { ...options, storage: { ...storage, open } };
  },
  "an app that does not notice that its data was deleted": (options) => {
    const { storage } = options;
    const open: StorageAdapter["open"] = async (name) => {
      const store = await storage.open(name);
      const rethrow = (error: unknown): never => {
        throw error instanceof StorageError && error.kind === "closed"
          ? new StorageError("failed", error.message)
          : error;
      };
      return {
        ...store,
        get: (key) => store.get(key).catch(rethrow),
        list: (prefix) => store.list(prefix).catch(rethrow),
        keys: (prefix) => store.keys(prefix).catch(rethrow),
        write: (changes) => store.write(changes).catch(rethrow),
      };
    };
    return { ...options, storage: { ...storage, open, watchDeletions: () => () => {} } };
  },
  "sockets that never open": (options) => ({
    ...options,
    WebSocket: class {
      readonly readyState = 0;
      send(): void {}
      close(): void {}
    },
  }),
};

const withoutWrites = (options: ClientOptions, prefix: string): ClientOptions => {
  const { storage } = options;
  const open: StorageAdapter["open"] = async (name) => {
    const store = await storage.open(name);
    if (!name.startsWith("student-")) return store;
    const isKept = (key: string): boolean =>
      key.startsWith("session") || (prefix !== "" && !key.startsWith(prefix));
    return { ...store, write: (changes) => store.write(changes.filter(({ key }) => isKept(key))) };
  };
  return { ...options, storage: { ...storage, open } };
};

const withoutRecord = (options: ClientOptions, forgotten: string): ClientOptions => {
  const { storage } = options;
  const open: StorageAdapter["open"] = async (name) => {
    const store = await storage.open(name);
    return { ...store, get: async (key) => (key === forgotten ? undefined : store.get(key)) };
  };
  return { ...options, storage: { ...storage, open } };
};

/** Wraps the `fetch` of a client. `change` sees each request, and sends it, also with another body. */
export const withFetch = (
  options: ClientOptions,
  change: (
    send: (body?: string) => Promise<Response>,
    request: { readonly url: string; readonly body: string | undefined },
  ) => Promise<Response>,
): ClientOptions => {
  const { fetch = globalThis.fetch } = options;
  return {
    ...options,
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : input.toString();
      const body = typeof init?.body === "string" ? init.body : undefined;
      const send = (other = body) => fetch(input, other === undefined ? init : { ...init, body: other });
      return change(send, { url, body });
    },
  };
};
