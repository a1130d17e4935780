import { freshSeed, historyToText, runHistories, type HistoriesReport } from "../simulation/histories.ts";

const SOAK_HISTORIES = 10_000;

/** The long run. Prints each history with a violation completely, and throws at the end if there was one. */
export const soakSimulation = async (histories = SOAK_HISTORIES): Promise<HistoriesReport> => {
  const report = await runHistories({
    firstSeed: freshSeed(),
    histories,
    onHistory: (history, done) => {
      if (history.violations.length > 0) process.stderr.write(`${historyToText(history)}\n`);
      if (done % 100 === 0) process.stderr.write(`${done} of ${histories} histories\n`);
    },
  });
  if (report.failedSeeds.length > 0) {
    throw new Error(
      `Of ${histories} histories, these seeds had violations: ${report.failedSeeds.join(", ")}`,
    );
  }
  return report;
};
