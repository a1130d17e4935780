import { connect, type Socket } from "node:net";

/** The results of a run. */
export interface Measurement {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A keep-alive connection that sends one request at a time, with as little work as HTTP allows. */
export interface Connection {
  /**
   * Sends a request line such as `GET /path`, with one more header line if given. Resolves with the body; rejects unless
   * the status is 200.
   */
  request(line: string, body?: string, header?: string): Promise<string>;
  close(): void;
}

const HEADER_END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

export const openConnection = async (port: number): Promise<Connection> => {
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  let pending: { resolve(body: string): void; reject(error: Error): void } | undefined;
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = received.length > 0 ? Buffer.concat([received, chunk]) : chunk;
    const headerEnd = received.indexOf(HEADER_END);
    if (headerEnd < 0) return;
    const head = received.toString("latin1", 0, headerEnd);
    const start = headerEnd + HEADER_END.length;
    // tRPC's adapter answers in chunks. Nothing reads those bodies, so they are not decoded.
    const isChunked = /transfer-encoding: chunked/i.test(head);
    const length = isChunked
      ? received.length - start
      : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (
      received.length < start + length ||
      (isChunked && !received.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK))
    )
      return;
    const body = received.toString("utf8", start, start + length);
    received = received.subarray(start + length);
    const answered = pending;
    pending = undefined;
    if (head.startsWith("HTTP/1.1 200")) answered?.resolve(body);
    else answered?.reject(new Error(`${head.split("\r\n")[0]} ${body}`));
  });
  socket.on("error", (error) => pending?.reject(error));
  return {
    request: (line, body = "", header) =>
      new Promise((resolve, reject) => {
        pending = { resolve, reject };
        const headers = [
          "host: bench",
          ...(header ? [header] : []),
          ...(body ? ["content-type: application/json", `content-length: ${Buffer.byteLength(body)}`] : []),
        ];
        socket.write(`${line} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${body}`);
      }),
    close: () => socket.destroy(),
  };
};

/** Runs `act` on a number of connections for a time, after a warm-up, and measures each call. */
export const measure = async (
  port: number,
  {
    connections,
    seconds,
    warmUpSeconds,
    act,
  }: {
    readonly connections: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
    readonly act: (connection: Connection, turn: number) => Promise<void>;
  },
): Promise<Measurement> => {
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(port)));
  const startAt = performance.now() + warmUpSeconds * 1000;
  const endAt = startAt + seconds * 1000;
  const latencies: number[] = [];
  let turn = 0;
  const stopSpinning = spin();
  await Promise.all(
    opened.map(async (connection) => {
      for (let before = performance.now(); before < endAt;) {
        turn += 1;
        await act(connection, turn);
        const after = performance.now();
        if (before >= startAt) latencies.push(after - before);
        before = after;
      }
    }),
  );
  stopSpinning();
  for (const connection of opened) connection.close();
  latencies.sort((one, other) => one - other);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return { perSecond: latencies.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
};

/** How long this process spins between two polls of its sockets, in milliseconds. */
const POLL_EVERY_MS = 0.02;

/**
 * Keeps this process from sleeping between replies. Waking a sleeping process on another virtual core costs the process
 * that writes to it up to 100 µs, which would count as the server's time. It does not poll without pause either: every
 * poll takes the lock that the kernel needs to deliver a write, which doubled the cost of each write for the server.
 */
const spin = (): (() => void) => {
  let isSpinning = true;
  const again = (): void => {
    for (const until = performance.now() + POLL_EVERY_MS; performance.now() < until;);
    if (isSpinning) setImmediate(again);
  };
  again();
  return () => {
    isSpinning = false;
  };
};
