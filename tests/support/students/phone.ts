import { randomBytes } from "node:crypto";

/** Returns a random valid mobile number of India. */
export const somePhone = (): string =>
  `+9198${String(randomBytes(4).readUInt32BE() % 100_000_000).padStart(8, "0")}`;
