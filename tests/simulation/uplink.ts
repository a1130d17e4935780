import type { Duplex } from "node:stream";
import type { Fault } from "./faults.ts";
import { openSimulatedConnection, type SimulatedConnection, type Side } from "./connection.ts";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How a device reaches the server, well or badly. */
export interface Uplink {
  /** The device's end of a new connection. */
  connect(): Duplex;
  /** Whether the device has a network, as far as it knows. */
  readonly isOnline: boolean;
  /** Calls when that has changed; returns how to stop. */
  subscribe(listener: () => void): () => void;
  setOnline(isOnline: boolean): void;
  /** For so long nothing passes and nobody is told; then what was on its way arrives. */
  partition(ms: number): void;
  /** From now on connections fail with this probability, and bytes are late; 0 is good weather. */
  setStorm(storm: number): void;
  /** The app is gone, and its connections with it. The server may not hear of it. */
  abandon(): void;
  /** The server is gone. */
  lose(): void;
  /** Lets go of all connections that there ever were: Node keeps those whose end nobody heard of. */
  close(): void;
}

export interface UplinkOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly address: string;
  readonly accept: (end: Duplex) => boolean;
  readonly strike: (fault: Fault) => void;
}

/** What a connection will suffer. */
type Fate =
  | { readonly kind: "none" | "refused" }
  /** The piece of this number is the last that its sender sends, and does not arrive. */
  | { readonly kind: "request lost" | "reply lost"; readonly piece: number }
  /** After the piece of this number, of whichever side, nothing arrives. */
  | { readonly kind: "black hole"; readonly piece: number }
  | { readonly kind: "cut"; readonly afterMs: number; readonly told: readonly Side[] };

const BOTH: readonly Side[] = ["device", "server"];
const FATES = ["refused", "request lost", "reply lost", "reply lost", "black hole", "cut", "cut"] as const;

export const createUplink = ({ time, random, address, accept, strike }: UplinkOptions): Uplink => {
  const lines = new Set<SimulatedConnection>();
  const everMade: SimulatedConnection[] = [];
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
      const told = random.pick([BOTH, BOTH, ["device"], ["server"]]);
      return { kind, afterMs: random.between(1, random.pick([300, 3_000, 30_000])), told };
    }
    return { kind, piece: random.pick([1, 1, 2, random.between(1, 12)]) };
  };

  const cutFaultOf = (told: readonly Side[]): Fault => {
    if (told.length === 2) return "cut";
    return told.includes("device") ? "cut unheard by the server" : "cut unheard by the device";
  };

  const connect = (): Duplex => {
    const fate: Fate = isOnline ? drawFate() : { kind: "refused" };
    const pieces: Record<Side, number> = { device: 0, server: 0 };
    const line = openSimulatedConnection({
      time,
      delayMs,
      address,
      accept,
      isHeldUp: () => partitions > 0,
      onPiece: (from) => {
        pieces[from] += 1;
        if (fate.kind === "black hole" && pieces.device + pieces.server === fate.piece) {
          strike("black hole");
          line.swallow();
        }
        const isLost =
          (fate.kind === "request lost" && from === "device" && pieces.device === fate.piece) ||
          (fate.kind === "reply lost" && from === "server" && pieces.server === fate.piece);
        if (!isLost) return true;
        strike(fate.kind);
        // Not from within the write of the one who is told.
        time.after(delayMs(), () => line.cut(BOTH));
        line.swallow();
        return false;
      },
      onClosed: () => lines.delete(line),
    });
    lines.add(line);
    everMade.push(line);
    if (fate.kind === "refused") {
      if (isOnline) strike("refused");
      line.swallow();
      time.after(delayMs(), () => line.cut(["device"]));
    }
    if (fate.kind === "cut") {
      time.after(fate.afterMs, () => {
        if (!lines.has(line)) return;
        strike(cutFaultOf(fate.told));
        line.cut(fate.told);
      });
    }
    return line.device;
  };

  const endPartition = (): void => {
    partitions -= 1;
    if (partitions > 0) return;
    for (const line of Array.from(lines)) line.resume();
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
        // The server hears nothing of a phone whose radio is off.
        for (const line of Array.from(lines)) line.cut(["device"]);
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
      for (const line of Array.from(lines)) line.cut(isHeard ? ["server"] : []);
    },
    close: () => {
      for (const line of everMade) line.close();
    },
    lose: () => {
      for (const line of Array.from(lines)) line.cut(partitions === 0 ? ["device"] : []);
    },
  };
};
