import { isUtf8 } from "node:buffer";

/** Thrown for malformed bytes. The message names the fault and never repeats the bytes. */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

const UINT31_END = 2 ** 31;
const UINT32_END = 2 ** 32;
/** A number below 2^32 takes at most five groups of seven bits. */
const MAX_VAR_BYTES = 5;

/**
 * Reads lib0's encodings from untrusted bytes. It checks every announced count against the bytes that are left before it
 * allocates anything. Every method throws `MalformedBytes`.
 */
export class ByteReader {
  position = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    const byte = this.#bytes[this.position];
    if (byte === undefined) throw new MalformedBytes("ends too early");
    this.position += 1;
    return byte;
  }

  /** Reads an unsigned number below 2^31: a clock or a length. */
  uint31(): number {
    const value = this.uint32();
    if (value >= UINT31_END) throw new MalformedBytes("a number of 2^31 or more");
    return value;
  }

  /** Reads an unsigned number below 2^32: a Yjs client id. */
  uint32(): number {
    let value = 0;
    for (let group = 0; group < MAX_VAR_BYTES; group += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * group);
      if (byte < 0x80) {
        if (value >= UINT32_END) break;
        return value;
      }
    }
    throw new MalformedBytes("a number of 2^32 or more");
  }

  /** Skips a signed number of at most 32 bits; lib0 writes larger ones as floats. */
  skipInt(): void {
    let byte = this.byte();
    for (let groups = 1; byte >= 0x80; groups += 1) {
      if (groups === MAX_VAR_BYTES) throw new MalformedBytes("an integer of more than 32 bits");
      byte = this.byte();
    }
  }

  /** Reads how many items follow; each takes at least `minBytes`. */
  count(minBytes: number): number {
    const count = this.uint31();
    if (count * minBytes > this.#bytes.length - this.position) {
      throw new MalformedBytes("announces more items than there are bytes");
    }
    return count;
  }

  float32(): number {
    return this.#bytes.readFloatBE(this.#advance(4));
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#advance(8));
  }

  /** Reads a text of at most `maxBytes` of UTF-8, without NUL, which PostgreSQL rejects. */
  text(maxBytes: number): string {
    const start = this.#advanceText(maxBytes);
    return this.#bytes.toString("utf8", start, this.position);
  }

  skipText(maxBytes: number): void {
    this.#advanceText(maxBytes);
  }

  expectEnd(): void {
    if (this.position !== this.#bytes.length) throw new MalformedBytes("has bytes after its end");
  }

  #advanceText(maxBytes: number): number {
    const length = this.count(1);
    if (length > maxBytes) throw new MalformedBytes("a text that is too long");
    const start = this.#advance(length);
    const text = this.#bytes.subarray(start, this.position);
    if (text.includes(0) || !isUtf8(text)) throw new MalformedBytes("a text that is not well-formed");
    return start;
  }

  #advance(length: number): number {
    const start = this.position;
    if (start + length > this.#bytes.length) throw new MalformedBytes("ends too early");
    this.position = start + length;
    return start;
  }
}
