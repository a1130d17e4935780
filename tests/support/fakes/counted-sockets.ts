import { createSockets, systemRandomBytes, type Sockets } from "@edvoyage/client-sdk/testing";
import type { Clock } from "@edvoyage/client-sdk";
import { WebSocket } from "ws";

/** A student's sockets. The network can be taken away, and opened documents are counted. */
export interface CountedSockets extends Sockets {
  setOnline(isOnline: boolean): void;
  /** Names of the opened documents, in order. */
  readonly opened: string[];
  /** Returns how many are open now. */
  count(): number;
}

export const createCountedSockets = ({
  url,
  token,
  clock,
  isOnline,
}: {
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly isOnline: boolean;
}): CountedSockets => {
  const connections = new Set<WebSocket>();
  const opened: string[] = [];
  let count = 0;
  let hasNetwork = isOnline;
  const sockets = createSockets({
    url,
    WebSocket: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address, protocols);
        connections.add(this);
        this.on("close", () => connections.delete(this));
      }
      // Its type is the browser's; Node's has the same methods.
    } as unknown as typeof globalThis.WebSocket,
    token: () => token,
    canConnect: () => hasNetwork,
    onNoSession: () => {},
    clock,
    randomBytes: systemRandomBytes,
    report: ({ message }) => {
      throw new Error(message);
    },
  });
  return {
    ...sockets,
    opened,
    count: () => count,
    open: (name, doc, listener) => {
      opened.push(name);
      count += 1;
      const socket = sockets.open(name, doc, listener);
      let isClosed = false;
      return {
        name,
        awareness: socket.awareness,
        barrier: () => socket.barrier(),
        ask: (options) => socket.ask(options),
        get isSynced() {
          return socket.isSynced;
        },
        close: () => {
          if (!isClosed) count -= 1;
          isClosed = true;
          socket.close();
        },
      };
    },
    setOnline: (next) => {
      hasNetwork = next;
      if (next) sockets.wake();
      else for (const connection of connections) connection.terminate();
    },
  };
};
