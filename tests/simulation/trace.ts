import { createHash } from "node:crypto";

/** The events of a history in order. They depend only on the seed. */
export interface Trace {
  /** Adds a line. `who`: a device, a student or the server. */
  add(who: string, what: string): void;
  readonly lines: readonly string[];
  /** Returns a hash that is equal for two histories with the same events. */
  hash(): string;
}

/** Creates a trace. Its times count from this moment. */
export const createTrace = ({ now }: { readonly now: () => number }): Trace => {
  const startedAt = now();
  const lines: string[] = [];
  return {
    add: (who, what) => void lines.push(`${((now() - startedAt) / 1000).toFixed(3)} ${who} ${what}`),
    lines,
    hash: () => createHash("sha256").update(lines.join("\n")).digest("base64url"),
  };
};
