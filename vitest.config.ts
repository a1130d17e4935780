import { defineConfig } from "vitest/config";

// Tests run from source: the "source" condition of each workspace's exports.
const conditions = ["source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["source"] } },
  test: {
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
