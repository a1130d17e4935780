import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { onTestFinished } from "vitest";

/** A request that arrived completely. */
export interface PeerRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a peer that hangs treats a request. */
export type Silence = "says nothing" | "sends headers and no body";

export interface PeerAnswer {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. With `silence` it is not sent; `status` is then used only by the answer that sends headers. */
  readonly json?: unknown;
  readonly silence?: Silence;
}

/** Starts a server on a loopback port that answers as `answerTo` says. It is stopped when the test ends. */
export const startLoopbackPeer = async (
  answerTo: (request: PeerRequest) => PeerAnswer,
): Promise<{ readonly url: string; readonly requests: readonly PeerRequest[] }> => {
  const requests: PeerRequest[] = [];
  const server = createServer((incoming, response) => {
    let body = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (chunk) => (body += String(chunk)));
    incoming.on("end", () => {
      const request = { path: incoming.url ?? "", headers: incoming.headers, body };
      requests.push(request);
      const { status = 200, headers = {}, json, silence } = answerTo(request);
      if (silence === "says nothing") return;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      if (silence === undefined) response.end(JSON.stringify(json));
      else response.flushHeaders();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("The peer has no port");
  return { url: `http://127.0.0.1:${address.port}`, requests };
};
