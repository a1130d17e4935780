import { CLOSE_CODES, type CloseCode } from "@edvoyage/protocol";

/** Thrown for bytes of a client that the document rejects; the socket is closed with `closeCode`. */
export class DocumentRefusal extends Error {
  override readonly name = "DocumentRefusal";
  readonly closeCode: CloseCode;

  /** `fault` is for developers; it never repeats the bytes. */
  constructor(state: "malformed" | "tooLarge", fault: string) {
    super(fault);
    this.closeCode = CLOSE_CODES[state];
  }
}
