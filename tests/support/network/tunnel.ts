import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A network between a device and a server that can fail as real networks do. */
export interface Tunnel {
  /** The address to use instead of the server's. */
  readonly url: string;
  /** How many connections were made, including those that failed. */
  readonly attempts: number;
  /** Ends all connections. */
  cut(): void;
  /** Swallows everything sent on the open connections, without closing them. New connections work. */
  freeze(): void;
  /** When closed, refuses new connections and ends the open ones. */
  setOpen(isOpen: boolean): void;
  /** From now on, accepts connections and never answers, until it is opened again. */
  swallow(): void;
  /** On each new connection, holds back what the server sends after its first bytes. */
  holdAnswers(): void;
  /** Lets through what was held back. */
  release(): void;
}

export const createTunnel = async (target: string): Promise<Tunnel> => {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();
  let attempts = 0;
  let state: "open" | "closed" | "swallowing" = "open";
  let isHolding = false;

  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };

  const server = createServer((near) => {
    attempts += 1;
    if (state === "closed") return void near.destroy();
    if (state === "swallowing") {
      sockets.add(near.on("error", () => {}));
      return;
    }
    const far = connect({ host: hostname, port: Number(port) });
    const mayHold = isHolding;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (bytes: Buffer) => {
      near.write(bytes);
      if (!mayHold || !isHolding || held.has(far)) return;
      held.add(far);
      far.pause();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    cut();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("The tunnel has no port");

  return {
    url: `http://127.0.0.1:${address.port}`,
    get attempts() {
      return attempts;
    },
    cut,
    freeze: () => {
      for (const socket of sockets) {
        socket.unpipe();
        socket.removeAllListeners("data");
        socket.pause();
      }
    },
    setOpen: (next) => {
      state = next ? "open" : "closed";
      if (!next) cut();
    },
    swallow: () => {
      state = "swallowing";
    },
    holdAnswers: () => {
      isHolding = true;
    },
    release: () => {
      isHolding = false;
      for (const socket of held) socket.resume();
      held.clear();
    },
  };
};
