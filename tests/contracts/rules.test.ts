import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findRuleFaults, findTestNames } from "../support/rules.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

// The numbers below are assembled from parts; otherwise the test of the repository would take them for real ones.
const numbered = (number: string): string => `[${number}]`;

describe("the numbered rules", () => {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  }).split("\n");

  test("each have a test, and tests name no other number", () => {
    const pages = ["docs/sync.md", "docs/sign-in.md"].map((path) => ({ path, text: read(path) }));
    const tests = files
      .filter((path) => /\.test\.tsx?$/.test(path))
      .flatMap((path) => findTestNames(path, read(path)).map((name) => ({ path, name })));

    expect(tests.length).toBeGreaterThan(1_000);
    expect(findRuleFaults(pages, tests)).toEqual([]);
  });
});

describe("the search for faults in numbered rules", () => {
  const page = (...numbers: readonly string[]) => ({
    path: "docs/x.md",
    text: `# X\n\n${numbers.map((number) => `- **${number}** A rule.\n`).join("")}`,
  });
  const testOf = (...numbers: readonly string[]) => ({
    path: "x.test.ts",
    name: `${numbers.map((number) => `${numbered(number)} `).join("")}shows it`,
  });

  test("finds nothing when each rule has a test", () => {
    expect(findRuleFaults([page("XA1", "XA2", "XA3")], [testOf("XA1", "XA3"), testOf("XA2")])).toEqual([]);
  });

  test("finds a rule without a test, also when another number begins alike", () => {
    const numbers = Array.from({ length: 10 }, (_, index) => `XA${index + 1}`);

    expect(findRuleFaults([page(...numbers)], [testOf(...numbers.slice(1))])).toEqual(["XA1: has no test"]);
  });

  test("finds a number in a test's name that is no rule", () => {
    expect(findRuleFaults([page("XA1")], [testOf("XA1"), testOf("XA2")])).toEqual([
      `x.test.ts: "${numbered("XA2")} shows it" names XA2, which is no rule`,
    ]);
  });

  test("finds a number that exists twice, on one page or on two", () => {
    expect(findRuleFaults([page("XA1", "XA1")], [testOf("XA1")])).toEqual(["docs/x.md: XA1 exists twice"]);
    expect(findRuleFaults([page("XA1"), page("XA1")], [testOf("XA1")])).toEqual([
      "docs/x.md: XA1 exists twice",
    ]);
  });

  test("finds a gap in a series", () => {
    expect(findRuleFaults([page("XA2", "XA4", "XB1")], [testOf("XA2", "XA4", "XB1")])).toEqual([
      "XA1: is missing in its series",
      "XA3: is missing in its series",
    ]);
  });

  test("finds a page without rules", () => {
    expect(findRuleFaults([page()], [])).toEqual(["docs/x.md: has no rule"]);
  });
});

describe("the search for the names of tests", () => {
  test("finds every way to write a test, and nothing else", () => {
    const source = `
      describe("a group", () => {
        test("alone", async () => {});
        test(\`a template of \${COUNT} parts\`, () => {});
        test.each([["a row"]])("a table: %s", () => {});
        test.each<[string]>([["a row"]])(
          "a table on lines of its own: %s",
          () => {},
        );
        test.skipIf(IS_OFF).each([1])("a condition and a table", () => {});
        // test("a comment", () => {});
        const text = 'test("a text", () => {})';
        test.skip("skipped", () => {});
        test.todo("to do");
        latest("another function", () => {});
      });
    `;

    expect(findTestNames("x.test.ts", source)).toEqual([
      "alone",
      "a template of ${…} parts",
      "a table: %s",
      "a table on lines of its own: %s",
      "a condition and a table",
    ]);
  });
});
