import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Tests run from source: the "source" condition of each workspace's exports.
const conditions = ["source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["source"] } },
  test: {
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
});
