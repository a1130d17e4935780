import { statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run from source, through the "source" condition of each workspace's exports.
const conditions = ["source", "module", "node", "development|production"];

/**
 * Runs one project after the other, because a worker is kept only for files of one project. The simulation comes first: it
 * takes longest, and would otherwise run alone at the end.
 */
class ProjectByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const placeOf = ({ project, moduleId }: TestSpecification): number =>
      moduleId.endsWith("/simulation.test.ts")
        ? -1
        : PROJECTS.findIndex(({ test }) => test.name === project.name);
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

const MEMORY_FOLDER = "/dev/shm";
/** The tests of one run together leave less than this at any moment. */
const MEMORY_NEEDED_BYTES = 4 * 1024 ** 3;

const isMemoryLarge = (): boolean => {
  try {
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize >= MEMORY_NEEDED_BYTES;
  } catch {
    return false;
  }
};

// Tests commit ten thousands of times, and a commit waits 4 to 7 ms for a disk. No test needs a real one: those about crashes
// and power cuts record what was written. Workers and the processes that tests start inherit the variable.
if (process.env["TMPDIR"] === undefined && isMemoryLarge()) process.env["TMPDIR"] = MEMORY_FOLDER;

/** Read from the command line: a project that extends this file is not told the mode. */
const isWholeRun = process.argv.includes("--mode=whole");

/** These replace the clock before other modules read it, so they load every module anew. */
const FILES_WITH_OWN_CLOCK = ["client-sdk/src/sync/document-link.test.ts", "tests/simulation/*.test.ts"];

/** In the order in which they run. */
const PROJECTS = [
  {
    extends: true,
    test: { name: "own clock", include: FILES_WITH_OWN_CLOCK, isolate: true, testTimeout: 60_000 },
  },
  {
    extends: true,
    test: {
      name: "system",
      include: ["tests/{contracts,crash,examples,journeys}/**/*.test.{ts,tsx}"],
      globalSetup: ["tests/support/databases/databases.setup.ts"],
      testTimeout: 60_000,
      hookTimeout: 120_000,
    },
  },
  {
    extends: true,
    test: {
      name: "unit",
      include: ["{protocol,db,server,client-sdk,cli}/src/**/*.test.{ts,tsx}"],
      exclude: FILES_WITH_OWN_CLOCK,
    },
  },
] satisfies TestProjectConfiguration[];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["source"] } },
  test: {
    // `npm test` shortens long tests. `npm run check` runs the same tests with every round.
    provide: { isWholeRun },
    sequence: { sequencer: ProjectByProject },
    // Tests mostly wait for other processes. The default would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Files of one worker share modules, databases and browsers: loading the modules anew for each file took 240 s of a run.
    isolate: false,
    projects: PROJECTS,
  },
});
