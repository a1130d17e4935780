import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run from source, through the "source" condition of each workspace's exports.
const conditions = ["source", "module", "node", "development|production"];

/**
 * Runs the simulation first. It takes a quarter as long as all other tests, and would otherwise run alone at the end.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith("/simulation.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Read from the command line: a project that extends this file is not told the mode. */
const isWholeRun = process.argv.includes("--mode=whole");

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["source"] } },
  test: {
    // `npm test` shortens long tests. `npm run check` runs the same tests with every round.
    provide: { isWholeRun },
    sequence: { sequencer: LongestFirst },
    // Tests mostly wait for disks and other processes. The default would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["{protocol,db,server,client-sdk,cli}/src/**/*.test.{ts,tsx}"] },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["tests/{contracts,crash,examples,journeys,simulation}/**/*.test.{ts,tsx}"],
          globalSetup: ["tests/support/databases/postgres.setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
