import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run from source: the "source" condition of each workspace's exports.
const conditions = ["source", "module", "node", "development|production"];

/** The simulation first: it takes as long as a quarter of the rest, and would go on alone when all else has ended. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith("/simulation.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig(({ mode }) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["source"] } },
  test: {
    // `npm test` is quick; `npm run check` runs the same tests whole, with every round of the long ones.
    provide: { isWholeRun: mode === "whole" },
    sequence: { sequencer: LongestFirst },
    // Much of a test is waiting for disks and for other processes: the default leaves one core of two to them.
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
          include: ["tests/{contracts,journeys,crash,simulation}/**/*.test.{ts,tsx}"],
          globalSetup: ["tests/support/postgres.setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
}));
