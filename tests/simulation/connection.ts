import { Duplex } from "node:stream";
import type { VirtualTime } from "./virtual-time.ts";

/** The two ends of a connection. */
export type Side = "device" | "server";

/** One connection of a device with the server, with latency. */
export interface SimulatedConnection {
  /** The end at which the device reads and writes. */
  readonly device: Duplex;
  /** Ends it at once. Bytes in flight are lost. Only the ends in `notified` learn about it. */
  cut(notified: readonly Side[]): void;
  /** Stops delivering, without telling either end. */
  swallow(): void;
  /** Delivers again what was held up. */
  resume(): void;
  /** Destroys both ends. */
  close(): void;
}

export interface ConnectionOptions {
  readonly time: VirtualTime;
  /** How long the next bytes take, in milliseconds. */
  readonly delayMs: () => number;
  /** The client address that the server sees. */
  readonly address: string;
  /** Takes the server's end. Returns whether the server is up. */
  readonly accept: (end: Duplex) => boolean;
  /** Whether nothing is delivered at the moment. */
  readonly isHeldUp: () => boolean;
  /** Called with each piece before it is sent. Returns whether to send it. */
  readonly onPiece: (from: Side) => boolean;
  readonly onClosed: () => void;
}

/** A unit that travels: bytes, or a change of the connection's state. */
type Piece = Buffer | "connect" | "end" | "gone";

interface Sent {
  readonly piece: Piece;
  readonly dueAt: number;
}

/** Opens a connection. The server learns about it when its first piece arrives. */
export const openSimulatedConnection = (options: ConnectionOptions): SimulatedConnection => {
  const { time } = options;
  const inFlight: Record<Side, Sent[]> = { device: [], server: [] };
  const ends: Record<Side, ConnectionEnd> = {
    device: new ConnectionEnd((piece) => send("device", piece), options.address),
    server: new ConnectionEnd((piece) => send("server", piece), options.address),
  };
  let state: "open" | "swallowing" | "over" = "open";

  const send = (from: Side, piece: Piece): void => {
    if (state !== "open" || (Buffer.isBuffer(piece) && !options.onPiece(from))) return;
    const queue = inFlight[from];
    const dueAt = Math.max(queue.at(-1)?.dueAt ?? 0, time.now() + options.delayMs());
    queue.push({ piece, dueAt });
    if (queue.length === 1) wait(from);
  };

  const wait = (from: Side): void => {
    const [next] = inFlight[from];
    if (next) time.after(next.dueAt - time.now(), () => arrive(from));
  };

  const arrive = (from: Side): void => {
    if (state !== "open" || options.isHeldUp()) return;
    const [next] = inFlight[from];
    // A second timer may be waiting for the same piece after a partition.
    if (!next || next.dueAt > time.now()) return;
    inFlight[from].shift();
    wait(from);
    deliver(next.piece, from === "device" ? ends.server : ends.device);
  };

  const deliver = (piece: Piece, to: ConnectionEnd): void => {
    if (piece === "connect") {
      if (!options.accept(ends.server)) connection.cut(["device"]);
      return;
    }
    if (!to.destroyed && Buffer.isBuffer(piece)) to.push(piece);
    if (!to.destroyed && !Buffer.isBuffer(piece)) to.finish();
    if (piece === "gone" && ends.device.destroyed && ends.server.destroyed) finishConnection();
  };

  const finishConnection = (): void => {
    if (state === "over") return;
    state = "over";
    inFlight.device = [];
    inFlight.server = [];
    options.onClosed();
  };

  const connection: SimulatedConnection = {
    device: ends.device,
    cut: (notified) => {
      finishConnection();
      for (const side of notified) ends[side].destroy(new Error("read ECONNRESET"));
    },
    swallow: () => {
      if (state === "open") state = "swallowing";
    },
    resume: () => {
      wait("device");
      wait("server");
    },
    close: () => {
      ends.device.destroy();
      ends.server.destroy();
    },
  };
  send("device", "connect");
  return connection;
};

/** One end of a connection. It implements as much of a socket as HTTP and WebSockets need. */
class ConnectionEnd extends Duplex {
  readonly remoteAddress: string;
  readonly #send: (piece: Piece) => void;
  #isFinished = false;

  constructor(send: (piece: Piece) => void, remoteAddress: string) {
    super();
    this.#send = send;
    this.remoteAddress = remoteAddress;
    // An owner that does not use the socket yet, or no longer uses it, does not listen.
    this.on("error", () => {});
  }

  /** Called when the other side sends nothing more. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.push(null);
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#send(bytes);
    done();
  }

  override _final(done: () => void): void {
    this.#send("end");
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#send("gone");
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  /** Ignored: Node would use the real clock, and nothing here may depend on it. */
  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
