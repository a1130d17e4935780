import { getEventListeners, once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SERVER_HEADER, SERVER_HEADER_VALUE } from "@edvoyage/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { openConnection } from "./connection.ts";

const TIMEOUT_MS = 200;
/** Generous: a hanging call exceeds it, a slow machine does not. */
const WATCHDOG_MS = 20_000;

const SILENCES: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ["does not answer", () => {}],
  ["sends headers and no body", (response) => response.writeHead(200).flushHeaders()],
  ["stops in the middle of its body", (response) => void response.writeHead(200).write('[{"result":')],
];

/** Starts a server on a loopback port that gives the same marked answer to every request. It is closed after the test. */
const startServer = async (answer: (response: ServerResponse) => void): Promise<string> => {
  const server = createServer((_request, response) => {
    response.setHeader(SERVER_HEADER, SERVER_HEADER_VALUE);
    answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (typeof address !== "object" || !address) return expect.fail("the server has no port");
  return `http://127.0.0.1:${address.port}`;
};

const connectTo = (url: string, interrupted: AbortSignal, answerTimeoutMs = WATCHDOG_MS) => {
  const target = { state: "server", url } as const;
  const settings = { dataDir: "/nonexistent", target, adminToken: "t", tokenAdvice: "" };
  return openConnection(settings, interrupted, { answerTimeoutMs });
};

/** Keeps collecting garbage until the test ends, so that anything that is only weakly referenced is lost. */
const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") return expect.fail("garbage cannot be collected on demand");
  const timer = setInterval(() => collect(), 10);
  onTestFinished(() => clearInterval(timer));
};

describe.each(SILENCES)("a server that %s", (_what, silence) => {
  test(
    "times out even while garbage is collected",
    async () => {
      const { signal } = new AbortController();
      const { client, request } = await connectTo(await startServer(silence), signal, TIMEOUT_MS);
      collectGarbage();

      const calling = client.admin.status.query();
      const requesting = request("/healthz");

      await Promise.all([
        expect(calling).rejects.toMatchObject({ cause: { name: "TimeoutError" } }),
        expect(requesting).rejects.toMatchObject({
          reason: "server/unavailable",
          message: expect.stringContaining("did not answer in time"),
        }),
      ]);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    },
    WATCHDOG_MS,
  );

  test(
    "lets Ctrl-C abort a call even while garbage is collected",
    async () => {
      const interruption = new AbortController();
      const url = await startServer((response) => {
        silence(response);
        setImmediate(() => interruption.abort());
      });
      const { client } = await connectTo(url, interruption.signal, 2 * WATCHDOG_MS);
      collectGarbage();

      await expect(client.admin.status.query()).rejects.toMatchObject({ cause: { name: "AbortError" } });
    },
    WATCHDOG_MS,
  );
});

describe("an answer", () => {
  test("arrives with its status, headers and body", async () => {
    const url = await startServer((response) => {
      response.writeHead(503).end('{"status":"full"}');
    });
    const { request } = await connectTo(url, new AbortController().signal);

    const response = await request("/readyz");

    expect(response).toMatchObject({ status: 503, ok: false });
    expect(response.headers.get("x-edvoyage")).toBe("1");
    expect(await response.json()).toEqual({ status: "full" });
  });

  test.each([204, 304])("arrives with status %i, which allows no body", async (status) => {
    const url = await startServer((response) => void response.writeHead(status).end());
    const { request } = await connectTo(url, new AbortController().signal);

    expect(await request("/healthz")).toMatchObject({ status });
  });

  test("leaves no listener on the signal of Ctrl-C", async () => {
    const url = await startServer((response) => void response.end("{}"));
    const { signal } = new AbortController();
    const { request } = await connectTo(url, signal);

    for (let count = 0; count < 20; count += 1) await request("/healthz");

    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
