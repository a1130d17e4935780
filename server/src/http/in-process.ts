import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { ANSWER_HEADER } from "./answer-header.ts";

/** Ways to reach an HTTP server without its port. */
export interface InProcessHttp {
  /** Answers a request without a socket. */
  readonly fetch: typeof fetch;
  /** Serves one HTTP or WebSocket connection on any duplex stream. */
  accept(connection: Duplex): Promise<void>;
}

export const createInProcessHttp = (http: FastifyInstance): InProcessHttp => ({
  fetch: async (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const response = await http.inject({
      method: request.method === "POST" ? "POST" : "GET",
      url: pathname + search,
      headers: Object.fromEntries(request.headers),
      ...(request.body ? { payload: await request.text() } : {}),
    });
    // Responses on a socket carry this header from the start; an injected request has no socket, so add it here.
    return new Response(response.body, { status: response.statusCode, headers: ANSWER_HEADER });
  },
  accept: async (connection) => {
    await http.ready();
    http.server.emit("connection", connection);
  },
});
