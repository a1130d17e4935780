import { ServerResponse, STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { SERVER_HEADER, SERVER_HEADER_VALUE } from "@edvoyage/protocol";

/** The header by which clients know an answer of this server from one of a proxy. */
export const ANSWER_HEADER = { [SERVER_HEADER]: SERVER_HEADER_VALUE } as const;

const HEADERS = { ...ANSWER_HEADER, "cache-control": "no-store" } as const;

/**
 * A response that carries the header from the start. Node answers some requests before any hook of Fastify runs (a missing host,
 * an expectation), and Fastify others (a preflight, a shutdown).
 */
export class MarkedResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
  constructor(...options: ConstructorParameters<typeof ServerResponse<Request>>) {
    super(...options);
    for (const [name, value] of Object.entries(HEADERS)) this.setHeader(name, value);
  }
}

/** Answers on a bare connection, for requests that no response was made for, and closes it. */
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
 * Answers bytes that are no HTTP request. The answer has no reason: what arrived is not what a client sent, and a client tries
 * again what has no reason.
 */
export const answerClientError = (error: Error & { readonly code?: string }, socket: Duplex): void => {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  answerOnSocket(socket, statusByCode[error.code ?? ""] ?? 400);
};
