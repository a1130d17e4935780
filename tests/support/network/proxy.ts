import {
  createServer,
  request as requestUpstream,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** An answer that did not come from the server, or that was changed on its way. */
export interface ForeignAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** Ends the connection after the body, whatever content length the headers announce. */
  readonly isCut?: boolean;
}

/** An HTTP proxy between a device and a server that can answer instead of the server. */
export interface Proxy {
  /** The address to use instead of the server's. */
  readonly url: string;
  /** The procedures that the proxy answered itself, in order. */
  readonly intercepted: readonly string[];
  /** From now on, answers every request itself, refuses upgrades, and ends the open sockets. */
  answerWith(answer: ForeignAnswer): void;
  /**
   * From now on, answers the calls of one procedure itself, as a firewall does, and passes the rest on. With `isAfter`, the server
   * gets the call first, and its answer is replaced.
   */
  refuseProcedure(procedure: string, answer: ForeignAnswer, options?: { readonly isAfter?: boolean }): void;
  /** From now on, passes everything on, but removes the session's key from these. */
  stripKeys(from: readonly ("requests" | "upgrades")[]): void;
  /** From now on, passes requests on, and ends the connection instead of passing on the answer. */
  loseAnswers(): void;
  /** From now on, answers upgrades with 403 or never, and passes the rest on. Ends the open sockets. */
  blockUpgrades(how: "refuse" | "swallow"): void;
  /** From now on, passes everything on to the server. */
  pass(): void;
}

export const createProxy = async (target: string): Promise<Proxy> => {
  const { hostname, port } = new URL(target);
  const upgraded = new Set<Socket>();
  const intercepted: string[] = [];
  let foreign: ForeignAnswer | undefined;
  let isAnswerLost = false;
  let refusal:
    | { readonly procedure: string; readonly answer: ForeignAnswer; readonly isAfter: boolean }
    | undefined;
  let withoutKey: readonly ("requests" | "upgrades")[] = [];
  let blocking: "refuse" | "swallow" | undefined;

  const server = createServer((request, response) => {
    const procedure = request.url?.replace(/^\/trpc\/|\?.*$/g, "") ?? "";
    const refused = refusal?.procedure === procedure ? refusal : undefined;
    if (refused) {
      intercepted.push(procedure);
      if (!refused.isAfter) return answer(response, refused.answer);
      return passOn(request, response, { target, isAnswerLost, replacement: refused.answer });
    }
    if (!foreign) {
      if (withoutKey.includes("requests")) delete request.headers.authorization;
      return passOn(request, response, { target, isAnswerLost });
    }
    intercepted.push(procedure);
    answer(response, foreign);
  });
  server.on("upgrade", (request: IncomingMessage, near: Socket, head: Buffer) => {
    near.on("error", () => {});
    if (foreign) return void near.destroy();
    if (blocking === "refuse") return void near.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    if (blocking === "swallow") return void upgraded.add(near);
    const far = connect({ host: hostname, port: Number(port) });
    far.on("error", () => {});
    far.on("close", () => near.destroy());
    upgraded.add(near);
    near.on("close", () => {
      upgraded.delete(near);
      far.destroy();
    });
    const { rawHeaders } = request;
    const lines = rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [`${name}: ${toForwarded(rawHeaders[index + 1] ?? "")}`] : [],
    );
    far.write(`GET ${request.url ?? "/"} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
  });
  const toForwarded = (value: string): string =>
    withoutKey.includes("upgrades") ? value.replace(/,?\s*bearer\.[\w-]+/, "") : value;
  const endSockets = (): void => {
    for (const socket of upgraded) socket.destroy();
  };
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    endSockets();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("The proxy has no port");

  return {
    url: `http://127.0.0.1:${address.port}`,
    intercepted,
    answerWith: (next) => {
      foreign = next;
      endSockets();
    },
    refuseProcedure: (procedure, refusedWith, { isAfter = false } = {}) => {
      refusal = { procedure, answer: refusedWith, isAfter };
    },
    stripKeys: (from) => {
      foreign = undefined;
      withoutKey = from;
      endSockets();
    },
    loseAnswers: () => {
      foreign = undefined;
      isAnswerLost = true;
    },
    blockUpgrades: (how) => {
      blocking = how;
      for (const socket of upgraded) socket.destroy();
    },
    pass: () => {
      isAnswerLost = false;
      foreign = undefined;
      refusal = undefined;
      withoutKey = [];
      blocking = undefined;
    },
  };
};

const answer = (
  response: ServerResponse,
  { status, headers = {}, body = "", isCut = false }: ForeignAnswer,
): void => {
  response.writeHead(status, headers);
  if (isCut) response.write(body, () => response.destroy());
  else response.end(body);
};

const passOn = (
  request: IncomingMessage,
  response: ServerResponse,
  {
    target,
    isAnswerLost,
    replacement,
  }: { readonly target: string; readonly isAnswerLost: boolean; readonly replacement?: ForeignAnswer },
): void => {
  const { method = "GET", headers, url = "/" } = request;
  const upstream = requestUpstream(target + url, { method, headers }, (answered) => {
    if (isAnswerLost) return void response.destroy();
    if (replacement) {
      answered.resume();
      return answer(response, replacement);
    }
    response.writeHead(answered.statusCode ?? 502, answered.rawHeaders);
    answered.pipe(response);
  });
  upstream.on("error", () => response.destroy());
  request.pipe(upstream);
};
