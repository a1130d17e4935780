import { printNote, type Mode } from "./print.ts";
import type { Progress } from "./progress-bar.tsx";
import { loadProgressBar } from "./terminal.ts";

/** Starts a progress display. */
export type StartProgress = (work: { readonly label: string; readonly total: number }) => Promise<Progress>;

/** How many progress lines to print when there is no terminal to draw on. */
const STEPS = 4;

/**
 * Creates the progress display: a bar for people, a few lines into a pipe, nothing for scripts. All of it goes to
 * standard error.
 */
export const createStartProgress =
  (mode: Mode): StartProgress =>
  async (work) => {
    if (mode === "json") return { report: () => {}, stop: () => {} };
    if (mode === "terminal" && process.stderr.isTTY) return (await loadProgressBar()).startProgressBar(work);
    return startProgressLines(work);
  };

const startProgressLines = ({
  label,
  total,
}: {
  readonly label: string;
  readonly total: number;
}): Progress => {
  let stepsShown = -1;
  const report = (done: number): void => {
    const steps = Math.floor((done / total) * STEPS);
    if (steps > stepsShown)
      printNote(`${label}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`);
    stepsShown = steps;
  };
  report(0);
  return { report, stop: () => {} };
};
