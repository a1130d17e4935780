import type { Duplex } from "node:stream";
import type { Fault } from "./faults.ts";
import { openSimulatedConnection, type SimulatedConnection, type Side } from "./connection.ts";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The network between a device and the server, with its faults. */
export interface Uplink {
  /** Opens a connection and returns the device's end. */
  connect(): Duplex;
  /** Whether the device believes that it has a network. */
  readonly isOnline: boolean;
  /** Calls the listener when `isOnline` changes. Returns a function that stops it. */
  subscribe(listener: () => void): () => void;
  setOnline(isOnline: boolean): void;
  /** For this long nothing passes and neither end is notified. Then everything in flight arrives. */
  partition(ms: number): void;
  /** From now on, connections fail with this probability and bytes are late. 0 ends the storm. */
  setStorm(storm: number): void;
  /** Ends the connections of an app that has ended. The server may not learn about it. */
  abandon(): void;
  /** Ends the connections because the server went down. */
  lose(): void;
  /** Destroys all connections that were ever made: Node keeps those whose end no side learned about. */
  close(): void;
}

export interface UplinkOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly address: string;
  readonly accept: (end: Duplex) => boolean;
  readonly strike: (fault: Fault) => void;
}

/** The fault that a connection will have. */
type Fate =
  | { readonly kind: "none" | "refused" }
  /** The n-th piece of its sender is the last one, and does not arrive. */
  | { readonly kind: "request lost" | "reply lost"; readonly piece: number }
  /** Nothing arrives after the n-th piece of either side. */
  | { readonly kind: "black hole"; readonly piece: number }
  | { readonly kind: "cut"; readonly afterMs: number; readonly notified: readonly Side[] };

const BOTH: readonly Side[] = ["device", "server"];
const FATES = ["refused", "request lost", "reply lost", "reply lost", "black hole", "cut", "cut"] as const;

export const createUplink = ({ time, random, address, accept, strike }: UplinkOptions): Uplink => {
  const connections = new Set<SimulatedConnection>();
  const allConnections: SimulatedConnection[] = [];
  const listeners = new Set<() => void>();
  const baseDelayMs = random.between(2, 120);
  let storm = 0;
  let isOnline = true;
  let partitions = 0;

  const delayMs = (): number => {
    const jitter = random.between(0, 30);
    return baseDelayMs + (random.chance(storm / 4) ? random.between(200, 4_000) : jitter);
  };

  const drawFate = (): Fate => {
    if (!random.chance(storm)) return { kind: "none" };
    const kind = random.pick(FATES);
    if (kind === "refused") return { kind };
    if (kind === "cut") {
      const notified = random.pick([BOTH, BOTH, ["device"], ["server"]]);
      return { kind, afterMs: random.between(1, random.pick([300, 3_000, 30_000])), notified };
    }
    return { kind, piece: random.pick([1, 1, 2, random.between(1, 12)]) };
  };

  const cutFaultOf = (notified: readonly Side[]): Fault => {
    if (notified.length === 2) return "cut";
    return notified.includes("device") ? "cut unheard by the server" : "cut unheard by the device";
  };

  const connect = (): Duplex => {
    const fate: Fate = isOnline ? drawFate() : { kind: "refused" };
    const pieces: Record<Side, number> = { device: 0, server: 0 };
    const connection = openSimulatedConnection({
      time,
      delayMs,
      address,
      accept,
      isHeldUp: () => partitions > 0,
      onPiece: (from) => {
        pieces[from] += 1;
        if (fate.kind === "black hole" && pieces.device + pieces.server === fate.piece) {
          strike("black hole");
          connection.swallow();
        }
        const isLost =
          (fate.kind === "request lost" && from === "device" && pieces.device === fate.piece) ||
          (fate.kind === "reply lost" && from === "server" && pieces.server === fate.piece);
        if (!isLost) return true;
        strike(fate.kind);
        // Later, so that the end is not notified during its own write.
        time.after(delayMs(), () => connection.cut(BOTH));
        connection.swallow();
        return false;
      },
      onClosed: () => connections.delete(connection),
    });
    connections.add(connection);
    allConnections.push(connection);
    if (fate.kind === "refused") {
      if (isOnline) strike("refused");
      connection.swallow();
      time.after(delayMs(), () => connection.cut(["device"]));
    }
    if (fate.kind === "cut") {
      time.after(fate.afterMs, () => {
        if (!connections.has(connection)) return;
        strike(cutFaultOf(fate.notified));
        connection.cut(fate.notified);
      });
    }
    return connection.device;
  };

  const endPartition = (): void => {
    partitions -= 1;
    if (partitions > 0) return;
    for (const connection of Array.from(connections)) connection.resume();
  };

  return {
    connect,
    get isOnline() {
      return isOnline;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    setOnline: (next) => {
      if (next === isOnline) return;
      isOnline = next;
      if (!next) {
        strike("airplane mode");
        // The server learns nothing from a phone whose radio is off.
        for (const connection of Array.from(connections)) connection.cut(["device"]);
      }
      for (const listener of Array.from(listeners)) listener();
    },
    partition: (ms) => {
      strike("partition");
      partitions += 1;
      time.after(ms, endPartition);
    },
    setStorm: (next) => {
      storm = next;
    },
    abandon: () => {
      listeners.clear();
      const isHeard = partitions === 0 && random.chance(0.7);
      for (const connection of Array.from(connections)) connection.cut(isHeard ? ["server"] : []);
    },
    close: () => {
      for (const connection of allConnections) connection.close();
    },
    lose: () => {
      for (const connection of Array.from(connections)) connection.cut(partitions === 0 ? ["device"] : []);
    },
  };
};
