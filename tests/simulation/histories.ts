import { FAULTS, noFaults, type FaultCounts } from "./faults.ts";
import { runHistory, type HistoryReport } from "./history.ts";

/** The totals of many histories. */
export interface HistoriesReport {
  readonly histories: number;
  /** The seed of the first history. Each next history has the next number. */
  readonly firstSeed: number;
  /** Seeds of the histories with a violation. */
  readonly failedSeeds: readonly number[];
  readonly steps: number;
  readonly commands: number;
  readonly virtualHours: number;
  readonly faults: FaultCounts;
}

/** Runs a number of histories, one after the other. */
export const runHistories = async ({
  firstSeed,
  histories,
  onHistory = () => {},
}: {
  readonly firstSeed: number;
  readonly histories: number;
  readonly onHistory?: (report: HistoryReport, done: number) => void;
}): Promise<HistoriesReport> => {
  const faults = noFaults();
  const failedSeeds: number[] = [];
  let [steps, commands, virtualMs] = [0, 0, 0];
  for (let done = 0; done < histories; done += 1) {
    const report = await runHistory(firstSeed + done);
    for (const fault of FAULTS) faults[fault] += report.faults[fault];
    if (report.violations.length > 0) failedSeeds.push(report.seed);
    steps += report.steps;
    commands += report.commands;
    virtualMs += report.virtualMs;
    onHistory(report, done + 1);
  }
  const virtualHours = Math.round(virtualMs / 3_600_000);
  return { histories, firstSeed, failedSeeds, steps, commands, virtualHours, faults };
};

/** Returns a report for somebody who looks for the cause of a violation. */
export const historyToText = ({ seed, trace, violations }: HistoryReport): string =>
  [
    `The history of seed ${seed}:`,
    ...trace,
    "Violations:",
    ...violations,
    `To run it again: EDVOYAGE_SIMULATION_SEED=${seed} npx vitest run tests/simulation`,
  ].join("\n");

/** Returns a random seed, so that every run tries new histories. */
export const freshSeed = (): number => Math.floor(Math.random() * 2 ** 31);
