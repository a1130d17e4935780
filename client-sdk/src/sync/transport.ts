import { createSubject, type Observable } from "../runtime/observable.ts";
import type { ExchangeOutcome } from "./document-exchange.ts";

/** The way in which documents and rooms reach the device. */
export type Transport =
  /** Everything arrives by itself. */
  | "socket"
  /** The network lets no WebSocket through: the device asks from time to time. */
  | "http";

/** Decides between sockets and HTTP. */
export interface TransportChoice {
  readonly transport: Observable<Transport>;
  /** Call it when a socket did not open. After three in a row, HTTP is tried. */
  upgradeFailed(): void;
  /** Call it when a socket has opened. */
  opened(): void;
  /** Exchanges the documents while HTTP is the transport. One exchange runs at a time. Never throws. */
  exchange(): Promise<void>;
}

/** How many sockets must fail in a row before HTTP is tried. */
const FAILURES_BEFORE_HTTP = 3;

/**
 * Creates the choice, for sockets at first. HTTP is chosen only if the server answers there: otherwise the whole network is gone,
 * and sockets are retried soon.
 */
export const createTransportChoice = (deps: {
  /** Exchanges every open document by HTTP. */
  readonly exchangeAll: () => Promise<readonly ExchangeOutcome[]>;
}): TransportChoice => {
  const transport = createSubject<Transport>("socket");
  let failures = 0;
  let running: Promise<void> | undefined;
  let isDue = false;

  const run = async (): Promise<void> => {
    do {
      isDue = false;
      const outcomes = await deps.exchangeAll();
      // A socket may have opened in the meantime.
      if (failures < FAILURES_BEFORE_HTTP) break;
      const isUnknown = outcomes.length === 0;
      if (!isUnknown) transport.set(outcomes.includes("failed") ? "socket" : "http");
    } while (isDue && transport.value === "http");
    running = undefined;
  };

  const start = (): Promise<void> => {
    isDue = true;
    running ??= run();
    return running;
  };

  return {
    transport,
    upgradeFailed: () => {
      failures += 1;
      if (failures >= FAILURES_BEFORE_HTTP && !running) void start();
    },
    opened: () => {
      failures = 0;
      transport.set("socket");
    },
    exchange: async () => {
      if (transport.value === "http") await start();
    },
  };
};
