import { Duplex } from "node:stream";
import type { VirtualTime } from "./virtual-time.ts";

/** The two ends of a connection. */
export type Side = "device" | "server";

/** One connection of a device with the server, over which bytes take their time. */
export interface SimulatedConnection {
  /** Where the device reads and writes. */
  readonly device: Duplex;
  /** Ends it at once. What is on its way is lost; an end that is not told learns nothing, ever. */
  cut(told: readonly Side[]): void;
  /** Lets nothing arrive any more, and tells nobody. */
  swallow(): void;
  /** What was held up is on its way again. */
  resume(): void;
  /** Lets go of both ends. */
  close(): void;
}

export interface LineOptions {
  readonly time: VirtualTime;
  /** How long the next bytes take, in milliseconds. */
  readonly delayMs: () => number;
  /** Where the server sees it come from. */
  readonly address: string;
  /** Takes the server's end; returns whether there is a server. */
  readonly accept: (end: Duplex) => boolean;
  /** Whether nothing passes for now. */
  readonly isHeldUp: () => boolean;
  /** Called with each piece before it is sent; returns whether it is sent. */
  readonly onPiece: (from: Side) => boolean;
  readonly onClosed: () => void;
}

/** What travels: bytes, or what a side has done with its end. */
type Piece = Buffer | "connect" | "end" | "gone";

interface Sent {
  readonly piece: Piece;
  readonly dueAt: number;
}

/** Opens a connection; the server hears of it when its first piece arrives. */
export const openSimulatedConnection = (options: LineOptions): SimulatedConnection => {
  const { time } = options;
  const underway: Record<Side, Sent[]> = { device: [], server: [] };
  const ends: Record<Side, LineEnd> = {
    device: new LineEnd((piece) => send("device", piece), options.address),
    server: new LineEnd((piece) => send("server", piece), options.address),
  };
  let state: "open" | "swallowing" | "over" = "open";

  const send = (from: Side, piece: Piece): void => {
    if (state !== "open" || (Buffer.isBuffer(piece) && !options.onPiece(from))) return;
    const queue = underway[from];
    const dueAt = Math.max(queue.at(-1)?.dueAt ?? 0, time.now() + options.delayMs());
    queue.push({ piece, dueAt });
    if (queue.length === 1) wait(from);
  };

  const wait = (from: Side): void => {
    const [next] = underway[from];
    if (next) time.after(next.dueAt - time.now(), () => arrive(from));
  };

  const arrive = (from: Side): void => {
    if (state !== "open" || options.isHeldUp()) return;
    const [next] = underway[from];
    // Another timer waits for it: there are two after something was held up.
    if (!next || next.dueAt > time.now()) return;
    underway[from].shift();
    wait(from);
    deliver(next.piece, from === "device" ? ends.server : ends.device);
  };

  const deliver = (piece: Piece, to: LineEnd): void => {
    if (piece === "connect") {
      if (!options.accept(ends.server)) line.cut(["device"]);
      return;
    }
    if (!to.destroyed && Buffer.isBuffer(piece)) to.push(piece);
    if (!to.destroyed && !Buffer.isBuffer(piece)) to.finish();
    if (piece === "gone" && ends.device.destroyed && ends.server.destroyed) over();
  };

  const over = (): void => {
    if (state === "over") return;
    state = "over";
    underway.device = [];
    underway.server = [];
    options.onClosed();
  };

  const line: SimulatedConnection = {
    device: ends.device,
    cut: (told) => {
      over();
      for (const side of told) ends[side].destroy(new Error("read ECONNRESET"));
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
  return line;
};

/** An end of a line: as much of a socket as HTTP and WebSockets ask for. */
class LineEnd extends Duplex {
  readonly remoteAddress: string;
  readonly #send: (piece: Piece) => void;
  #isFinished = false;

  constructor(send: (piece: Piece) => void, remoteAddress: string) {
    super();
    this.#send = send;
    this.remoteAddress = remoteAddress;
    // Whoever has no use for it yet or any more does not listen.
    this.on("error", () => {});
  }

  /** The other side has nothing more to say. */
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

  /** By the real clock in Node; nothing here is to wait for that. */
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
