// Mutation testing: plants one small bug at a time and runs the tests that guard the file. CONTRIBUTING.md says how to read it.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AREAS } from "./areas.js";
import { testMutants } from "./stryker.js";
import { compareSurvivors, readSurvivors } from "./survivors.js";
import { repositoryFiles } from "./work-tree.js";

const MIN_SCORE_PERCENT = 85;

const root = fileURLToPath(new URL("..", import.meta.url));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

const print = (line) => process.stdout.write(`${line}\n`);

const install = () => {
  if (existsSync(join(root, "mutants/node_modules/@stryker-mutator/vitest-runner"))) return;
  process.stderr.write("Installing Stryker, in the folder `mutants` alone.\n");
  execFileSync("npm", ["ci"], { cwd: join(root, "mutants"), stdio: ["ignore", 2, 2] });
};

/**
 * Lists each source file of an area with its tests, in the order of the area's groups. Throws for a beginning of paths that
 * matches no file: the area would otherwise pass without it once the file is renamed.
 */
const sourcesOf = (name) => {
  const files = repositoryFiles(root).filter((file) => /(?<!\.test|\.test\.shared|\.d)\.tsx?$/.test(file));
  const taken = new Set();
  return AREAS[name].flatMap(({ sources, tests }) => {
    const stale = sources.filter((start) => !files.some((file) => file.startsWith(start)));
    if (stale.length > 0) throw new Error(`No file of the area "${name}" begins with ${stale.join(" or ")}`);
    const own = files.filter((file) => !taken.has(file) && sources.some((start) => file.startsWith(start)));
    for (const source of own) taken.add(source);
    return own.map((source) => ({ source, tests }));
  });
};

const percent = (part, whole) => (whole === 0 ? 100 : Math.floor((part / whole) * 10_000) / 100);

/** Runs one area and prints its score. Returns whether it passes. */
const runArea = (name, isFresh) => {
  const survivors = readSurvivors();
  const counts = { mutants: 0, killed: 0, timedOut: 0, invalid: 0 };
  let unlistedCount = 0;
  for (const { source, tests } of sourcesOf(name)) {
    const file = testMutants({ root, folder: join(root, ".mutants", name), source, tests, isFresh });
    const { survived, unlisted, outdated } = compareSurvivors(file, survivors[source] ?? []);
    const invalid = file.mutants.filter(({ status }) => status === "RuntimeError").length;
    const total = file.mutants.length - invalid;
    counts.timedOut += file.mutants.filter(({ status }) => status === "Timeout").length;
    print(`${source}: ${total - survived.length} of ${total} killed`);
    for (const { at, line, mutant, status } of unlisted) {
      print(
        `  ${status} and not on the list, ${source}:${at.line}:${at.column}\n    - ${line}\n    + ${mutant}`,
      );
    }
    for (const { mutant } of outdated) print(`  On the list, but it no longer survives: ${mutant}`);
    unlistedCount += unlisted.length;
    counts.mutants += total;
    counts.killed += total - survived.length;
    counts.invalid += invalid;
  }
  const score = percent(counts.killed, counts.mutants);
  print(
    `${name}: ${score} % (${counts.killed} of ${counts.mutants} mutants killed, ${counts.timedOut} of them by a timeout; ${unlistedCount} survivors not on the list` +
      `${counts.invalid > 0 ? `, ${counts.invalid} not counted because they broke the test runner` : ""})`,
  );
  return score >= MIN_SCORE_PERCENT && unlistedCount === 0;
};

const unknown = names.filter((name) => !(name in AREAS));
if (unknown.length > 0) {
  process.stderr.write(
    `Unknown area: ${unknown.join(", ")}. The areas are ${Object.keys(AREAS).join(", ")}.\n`,
  );
  process.exit(2);
}
install();
const areas = names.length > 0 ? names : Object.keys(AREAS);
const passed = areas.map((name) => runArea(name, options.includes("--fresh")));
if (passed.includes(false)) {
  process.stderr.write(
    `At least ${MIN_SCORE_PERCENT} % of an area's mutants must be killed, and each survivor needs a reason in mutants/survivors.json.\n`,
  );
  process.exit(1);
}
