import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyRepository } from "./work-tree.js";

/**
 * Tests the mutants of one source file, and returns them in the schema of Stryker's report. A file whose last run is
 * complete is not run again until the file itself or one of its tests changes; then Stryker runs only what changed.
 */
export const testMutants = ({ root, folder, source, tests, isFresh }) => {
  const results = join(folder, "results");
  const name = source.replaceAll("/", "+");
  const report = join(results, `${name}.json`);
  const stamp = join(results, `${name}.sha256`);
  const hash = hashOf(root, [source, ...tests]);
  if (isFresh || !existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) {
    mkdirSync(results, { recursive: true });
    const tree = join(folder, "tree");
    copyRepository(root, tree);
    forgetSurvivors(report);
    run({ root, folder, tree, source, tests, report, isFresh });
    writeFileSync(stamp, hash);
  }
  // There is no report of a file that only declares types.
  const { files } = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : { files: {} };
  return files[source] ?? { source: "", mutants: [] };
};

const hashOf = (root, files) => {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest("hex");
};

/**
 * Removes the results that a changed test may change. Stryker would keep those of mutants that are evaluated while a module
 * loads, because it does not know which tests cover them.
 */
const forgetSurvivors = (report) => {
  if (!existsSync(report)) return;
  const results = JSON.parse(readFileSync(report, "utf8"));
  for (const file of Object.values(results.files)) {
    file.mutants = file.mutants.filter((mutant) => mutant.status === "Killed" && !mutant.static);
  }
  writeFileSync(report, JSON.stringify(results));
};

const run = ({ root, folder, tree, source, tests, report, isFresh }) => {
  const installed = join(root, "mutants", "node_modules", "@stryker-mutator");
  const configFile = join(folder, "stryker.json");
  const config = {
    inPlace: true,
    mutate: [source],
    testRunner: "vitest",
    vitest: { configFile: "mutants/vitest.config.js", related: false },
    plugins: [join(installed, "vitest-runner", "dist", "src", "index.js")],
    coverageAnalysis: "perTest",
    concurrency: 1,
    // Only for code that never yields: Vitest itself ends a test that waits for nothing. A busy machine must not cause it.
    timeoutMS: 45_000,
    timeoutFactor: 2,
    incremental: true,
    incrementalFile: report,
    force: isFresh,
    reporters: ["progress-append-only"],
    allowConsoleColors: false,
    // Stryker would read it with the compiler's API, which TypeScript 7 does not have.
    tsconfigFile: "none.json",
    disableTypeChecks: false,
  };
  writeFileSync(configFile, JSON.stringify(config));
  const { status, error } = spawnSync(
    process.execPath,
    [join(installed, "core", "bin", "stryker.js"), "run", configFile],
    {
      cwd: tree,
      stdio: ["ignore", 2, 2],
      env: { ...process.env, EDVOYAGE_MUTANT_TESTS: JSON.stringify(tests) },
    },
  );
  if (error) throw error;
  if (status !== 0) throw new Error(`Stryker failed for ${source}`);
};
