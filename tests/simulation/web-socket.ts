import type { Duplex } from "node:stream";
import type { WebSocketConstructor } from "@edvoyage/client-sdk";
import { WebSocket } from "ws";

/** Creates a WebSocket class that opens its connections with `connect`. */
export const createWebSocketClass = ({
  connect,
  onConnect,
}: {
  readonly connect: () => Duplex;
  readonly onConnect: (path: string) => void;
}): WebSocketConstructor =>
  class extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols, { createConnection: connect, perMessageDeflate: false });
      onConnect(new URL(url).pathname);
    }
  };
