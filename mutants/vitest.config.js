import { readFileSync } from "node:fs";
import base from "../vitest.config.ts";

const tests = JSON.parse(process.env.EDVOYAGE_MUTANT_TESTS ?? "[]");

/** Without the global setup there is no PostgreSQL, so tests of both databases run on SQLite alone. */
export default {
  resolve: base.resolve,
  ssr: base.ssr,
  test: {
    root: process.cwd(),
    provide: { isWholeRun: false },
    include: tests,
    setupFiles: tests.some((file) => readFileSync(file, "utf8").includes('"fast-check"'))
      ? ["mutants/short-properties.js"]
      : [],
    testTimeout: tests.some((file) => file.startsWith("tests/")) ? 30_000 : 10_000,
  },
};
