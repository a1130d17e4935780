import { line, type Colour, type OutputLine } from "../outcome.ts";

/** The result of one check. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warn" | "fail";
  readonly message: string;
  /** How to fix it. */
  readonly remedy?: string;
}

const stateToColour: Readonly<Record<Finding["state"], Colour>> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
};

/** Returns the finding of a check that passed. */
export const ok = (check: string, message: string): Finding => ({ check, state: "ok", message });

/** Returns the finding of something that works but should be fixed. */
export const warn = (check: string, message: string, remedy: string): Finding => ({
  check,
  state: "warn",
  message,
  remedy,
});

/** Returns the finding of something that does not work. */
export const fail = (check: string, message: string, ...remedies: readonly string[]): Finding => ({
  check,
  state: "fail",
  message,
  ...(remedies.length > 0 ? { remedy: remedies.join(" ") } : {}),
});

/** Returns a line with the finding, and one with its remedy. */
export const findingToLines = ({ state, message, remedy }: Finding): OutputLine[] => [
  line(message, { text: state.padEnd("warn".length), colour: stateToColour[state] }),
  ...(remedy === undefined ? [] : [line(remedy, { text: " ".repeat("warn".length) })]),
];
