import { line, type Colour, type OutputLine } from "../outcome.ts";

/** What one check found. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warn" | "fail";
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

const stateToColour: Readonly<Record<Finding["state"], Colour>> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
};

/** All is well. */
export const ok = (check: string, message: string): Finding => ({ check, state: "ok", message });

/** Works, but should be mended. */
export const warn = (check: string, message: string, remedy: string): Finding => ({
  check,
  state: "warn",
  message,
  remedy,
});

/** Does not work. */
export const fail = (check: string, message: string, ...remedies: readonly string[]): Finding => ({
  check,
  state: "fail",
  message,
  ...(remedies.length > 0 ? { remedy: remedies.join(" ") } : {}),
});

/** A line of what was found, and one of what to do. */
export const findingToLines = ({ state, message, remedy }: Finding): OutputLine[] => [
  line(message, { text: state.padEnd("warn".length), colour: stateToColour[state] }),
  ...(remedy === undefined ? [] : [line(remedy, { text: " ".repeat("warn".length) })]),
];
