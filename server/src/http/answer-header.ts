import { ServerResponse, STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { SERVER_HEADER, SERVER_HEADER_VALUE } from "@edvoyage/protocol";

/** The header by which clients tell an answer of this server from an answer of a proxy. */
export const ANSWER_HEADER = { [SERVER_HEADER]: SERVER_HEADER_VALUE } as const;

const HEADERS = { ...ANSWER_HEADER, "cache-control": "no-store" } as const;

/**
 * A response that carries the header from the start, because hooks do not see every answer. Node answers some requests before
 * any hook of Fastify runs (a missing host, an `expect` header), and Fastify answers others itself (a preflight, a shutdown).
 */
export class MarkedResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
  constructor(...options: ConstructorParameters<typeof ServerResponse<Request>>) {
    super(...options);
    for (const [name, value] of Object.entries(HEADERS)) this.setHeader(name, value);
  }
}

/** Answers a request for which Node made no response, directly on its connection, and closes the connection. */
export const answerOnSocket = (socket: Duplex, status: number, headers: OutgoingHttpHeaders = {}): void => {
  const lines = Object.entries({ ...HEADERS, connection: "close", "content-length": 0, ...headers }).map(
    ([name, value]) => `${name}: ${String(value)}\r\n`,
  );
  const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`;
  socket.end(answer, () => socket.destroy());
};

const statusByCode: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/**
 * Answers bytes that are no valid HTTP request. The answer carries no error reason, so clients retry: the bytes were probably
 * damaged on the way.
 */
export const answerClientError = (error: Error & { readonly code?: string }, socket: Duplex): void => {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  answerOnSocket(socket, statusByCode[error.code ?? ""] ?? 400);
};
