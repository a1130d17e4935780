import { createHash } from "node:crypto";

/** What happened in a history, in order. Nothing in it depends on anything but the seed. */
export interface Trace {
  /** Adds a line; `who` is a device, a student or the server. */
  add(who: string, what: string): void;
  readonly lines: readonly string[];
  /** The same for two histories in which the same happened. */
  hash(): string;
}

/** Times are told from the moment at which the trace is made. */
export const createTrace = ({ now }: { readonly now: () => number }): Trace => {
  const startedAt = now();
  const lines: string[] = [];
  return {
    add: (who, what) => void lines.push(`${((now() - startedAt) / 1000).toFixed(3)} ${who} ${what}`),
    lines,
    hash: () => createHash("sha256").update(lines.join("\n")).digest("base64url"),
  };
};
