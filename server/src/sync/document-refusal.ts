import { CLOSE_CODES, type CloseCode } from "@edvoyage/protocol";

/** Bytes of a client that its document does not take; its socket is closed with `closeCode`. */
export class DocumentRefusal extends Error {
  override readonly name = "DocumentRefusal";
  readonly closeCode: CloseCode;

  /** `fault` is for a developer; it repeats nothing of the bytes. */
  constructor(state: "malformed" | "tooLarge", fault: string) {
    super(fault);
    this.closeCode = CLOSE_CODES[state];
  }
}
