import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A line to a server that delivers the server's bytes slowly, all connections together. */
export interface Throttle {
  /** The address to use instead of the server's. */
  readonly url: string;
  /** The number of bytes that wait to be delivered. */
  readonly held: number;
  /** The number of bytes that were delivered. */
  readonly delivered: number;
  /** Changes the speed; 0 delivers nothing. */
  setSpeed(bytesPerSecond: number): void;
}

/** How often bytes are delivered. */
const TICK_MS = 5;

export const createThrottle = async (
  target: string,
  options: { readonly bytesPerSecond: number },
): Promise<Throttle> => {
  const { hostname, port } = new URL(target);
  const waiting = new Map<Socket, Buffer>();
  const sockets = new Set<Socket>();
  let { bytesPerSecond } = options;
  let delivered = 0;

  const timer = setInterval(() => {
    const share = Math.ceil((bytesPerSecond * TICK_MS) / 1_000 / Math.max(1, waiting.size));
    for (const [near, bytes] of waiting) {
      if (bytesPerSecond === 0) return;
      near.write(bytes.subarray(0, share));
      delivered += Math.min(share, bytes.length);
      if (bytes.length > share) waiting.set(near, bytes.subarray(share));
      else waiting.delete(near);
    }
  }, TICK_MS);
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        waiting.delete(near);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (bytes: Buffer) => {
      waiting.set(near, Buffer.concat([waiting.get(near) ?? Buffer.alloc(0), bytes]));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("The throttle has no port");

  return {
    url: `http://127.0.0.1:${address.port}`,
    get held() {
      return [...waiting.values()].reduce((sum, { length }) => sum + length, 0);
    },
    get delivered() {
      return delivered;
    },
    setSpeed: (next) => {
      bytesPerSecond = next;
    },
  };
};
