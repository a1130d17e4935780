import { BEARER_SUBPROTOCOL_PREFIX, EVENTS_ROOT, SYNC_SUBPROTOCOL } from "@edvoyage/protocol";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { spanToMs, type Span } from "../fakes/fake-clock.ts";

/** Where to connect, and with which key. */
export interface SyncTarget {
  /** The server's address, as `http://…`. */
  readonly url: string;
  readonly token?: string | undefined;
}

/** The unmodified client of y-websocket, which any app may use. */
export interface StockClient {
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
  /** Returns the events of a segment, as any reader of its array sees them. */
  events(): readonly (readonly unknown[])[];
  /** Returns the texts of the message events. */
  texts(): readonly unknown[];
  /** Resolves once it is synced with the server. */
  synced(): Promise<void>;
  /** Resolves with the close code if the server closed it for good. */
  closed(): Promise<number>;
}

const protocolsOf = (token: string | undefined): string[] => [
  SYNC_SUBPROTOCOL,
  ...(token === undefined ? [] : [`${BEARER_SUBPROTOCOL_PREFIX}${token}`]),
];

const syncUrlOf = (url: string): string => `${url.replace(/^http/, "ws")}/sync`;

/** Connects the y-websocket client to a document. It is destroyed when the test ends. */
export const connectStock = (
  { url, token }: SyncTarget,
  name: string,
  { doc = new Y.Doc() }: { readonly doc?: Y.Doc } = {},
): StockClient => {
  const provider = new WebsocketProvider(syncUrlOf(url), name, doc, {
    // Its type is the browser's; Node's has the same methods.
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    protocols: protocolsOf(token),
    disableBc: true,
  });
  onTestFinished(() => provider.destroy());
  const closed = new Promise<number>((resolve) => {
    provider.on("connection-close", (event) => {
      if (event && event.code >= 4400 && event.code < 4500) resolve(event.code);
    });
  });
  const events = () => doc.getArray<readonly unknown[]>(EVENTS_ROOT).toArray();
  return {
    doc,
    provider,
    events,
    texts: () => events().flatMap((event) => (event[1] === "message" ? [event[5]] : [])),
    synced: () => until(() => provider.synced),
    closed: () => closed,
  };
};

/** A plain socket that can send what the y-websocket client never would. */
export interface RawClient {
  readonly socket: WebSocket;
  /** All messages that arrived, in order. */
  readonly received: Buffer[];
  send(...bytes: readonly (number | Uint8Array)[]): void;
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
}

/** Opens a plain socket and waits until it is accepted. */
export const connectRaw = async (
  { url, token }: SyncTarget,
  name: string,
  {
    origin,
    protocols = protocolsOf(token),
  }: { readonly origin?: string; readonly protocols?: string[] } = {},
): Promise<RawClient> => {
  const socket = new WebSocket(`${syncUrlOf(url)}/${name}`, protocols, origin ? { origin } : {});
  onTestFinished(() => socket.terminate());
  const received: Buffer[] = [];
  socket.on("message", (data: Buffer) => void received.push(data));
  const closed = new Promise<number>((resolve) => socket.on("close", (code) => resolve(code)));
  await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    socket,
    received,
    send: (...parts) =>
      socket.send(Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : part)))),
    closed,
  };
};

/** A watchdog, much longer than anything here takes. */
const PATIENCE_MS = 20_000;
/** Real time for the work that a step of fake time started, such as a commit in another process. */
const STEP_PATIENCE_MS = 100;

/** Waits until a condition holds. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  if (!(await holdsSoon(condition, PATIENCE_MS)))
    throw new Error(`This condition never became true: ${condition.toString()}`);
};

/** Waits for a condition, in real time. Returns whether it holds. */
const holdsSoon = async (
  condition: () => boolean | Promise<boolean>,
  patienceMs: number,
): Promise<boolean> => {
  const giveUpAt = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() >= giveUpAt) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
};

/** How much fake time a condition may take. */
export interface TimeBudget {
  readonly clock: { advance(span: Span): void };
  readonly within: Span;
  /** The length of a step. Keep it below the shortest timer that matters. Default: 100 ms. */
  readonly step?: Span;
}

/**
 * Lets fake time pass in steps until a condition holds, but never more than the budget. Then time stands still, so a condition
 * that needs more fails after `PATIENCE_MS` of real time. Between two steps, work that the first one started can finish.
 */
export const untilWithin = async (
  { clock, within, step = { ms: 100 } }: TimeBudget,
  condition: () => boolean | Promise<boolean>,
): Promise<void> => {
  const budgetMs = spanToMs(within);
  const stepMs = spanToMs(step);
  for (let passedMs = 0; passedMs < budgetMs; passedMs += stepMs) {
    if (await holdsSoon(condition, passedMs === 0 ? 0 : STEP_PATIENCE_MS)) return;
    clock.advance({ ms: Math.min(stepMs, budgetMs - passedMs) });
  }
  await until(condition).catch((cause: unknown) => {
    throw new Error(`Not within ${budgetMs} ms of the clock`, { cause });
  });
};
