import { randomBytes } from "node:crypto";

/** A number of its own for whoever needs one: valid, mobile, in India. */
export const somePhone = (): string =>
  `+9198${String(randomBytes(4).readUInt32BE() % 100_000_000).padStart(8, "0")}`;
