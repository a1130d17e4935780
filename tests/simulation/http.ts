import type { Duplex } from "node:stream";
import type { Fault } from "./faults.ts";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface FetchOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** Opens a connection and returns the device's end. */
  readonly connect: () => Duplex;
  /** The share of changing requests that arrive twice, from 0 to 1. */
  readonly repeats: () => number;
  readonly strike: (fault: Fault) => void;
  readonly onRequest: (request: SimulatedRequest) => void;
}

/** A request as it leaves the device. */
export interface SimulatedRequest {
  readonly method: string;
  readonly path: string;
  /** The body of a request that changes something, otherwise empty. */
  readonly body: string;
}

/** The longest delay of a repeated request, in milliseconds. */
const LATEST_REPEAT_MS = 20_000;

/**
 * Creates a `fetch` over simulated connections, one for each request. Node's own client would take three times as long.
 */
export const createFetch =
  ({ time, random, connect, repeats, strike, onRequest }: FetchOptions): typeof fetch =>
  async (input, init = {}) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    const { method = "GET" } = init;
    const body = typeof init.body === "string" ? init.body : "";
    const path = pathname + search;
    const bytes = requestToBytes({ method, path, body, headers: new Headers(init.headers) });
    onRequest({ method, path: pathname, body });
    if (method === "POST" && random.chance(repeats())) {
      strike("repeated");
      time.after(random.between(1, LATEST_REPEAT_MS), () => {
        onRequest({ method, path: pathname, body });
        exchange(connect(), bytes).catch(() => {});
      });
    }
    const end = connect();
    const { signal } = init;
    signal?.addEventListener("abort", () => void end.destroy());
    return exchange(end, bytes);
  };

const requestToBytes = ({
  method,
  path,
  body,
  headers,
}: SimulatedRequest & { readonly headers: Headers }): Buffer => {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: simulation",
    "connection: close",
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
    ...(method === "GET" ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
};

const HEAD_END = "\r\n\r\n";

/** Sends a request and reads the reply up to its content length. */
const exchange = (end: Duplex, request: Buffer): Promise<Response> =>
  new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    let isFinished = false;
    const finish = (response: Response | undefined): void => {
      if (isFinished) return;
      isFinished = true;
      end.destroy();
      if (response) resolve(response);
      else reject(new TypeError("fetch failed"));
    };
    end.on("data", (bytes: Buffer) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
      const response = parseResponse(received);
      if (response) finish(response);
    });
    end.on("end", () => finish(undefined));
    end.on("close", () => finish(undefined));
    end.write(request);
  });

/** Returns the reply once it has arrived completely. */
const parseResponse = (received: Buffer): Response | undefined => {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = received.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(statusLine.slice(9, 12));
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const [name = "", ...value] = line.split(": ");
      return [name, value.join(": ")];
    }),
  );
  const length = Number(headers.get("content-length"));
  const start = headEnd + HEAD_END.length;
  return received.length - start < length
    ? undefined
    : new Response(received.toString("utf8", start), { status, headers });
};
