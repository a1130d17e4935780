import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findOutsidePaths } from "../support/outside-paths.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** This file is excluded: its patterns are compared with import specifiers, and it reads nothing. */
const IMPORT_PATTERNS = ".oxlintrc.json";

// The cases below are assembled from parts, otherwise this test would find them in its own file.
const UP = [".", "."].join("");
const HOME = ["", "home", "ada"].join("/");
const WORKSPACE = ["", "work", "checkout"].join("/");

describe("the repository", () => {
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  })
    .toString()
    .split("\0")
    .filter((file) => file !== "" && existsSync(ROOT + file));

  test("reads nothing outside itself", () => {
    const outside = files
      .filter((file) => file !== IMPORT_PATTERNS && lstatSync(ROOT + file).isFile())
      .flatMap((file) =>
        findOutsidePaths(file, readFileSync(ROOT + file, "utf8")).map(
          ({ line, path }) => `${file}:${line} ${path}`,
        ),
      );

    expect(files.length).toBeGreaterThan(600);
    expect(outside).toEqual([]);
  });

  test("has no link that leads out of it", () => {
    const links = files.filter((file) => lstatSync(ROOT + file).isSymbolicLink());

    const targets = links.map((file) => posix.join(posix.dirname(file), readlinkSync(ROOT + file)));
    expect(targets.filter((target) => target.startsWith("..") || posix.isAbsolute(target))).toEqual([]);
  });
});

describe("a path that leads out of the repository", () => {
  test.each([
    ["an import", `import { x } from "${UP}/${UP}/${UP}/shared/x.ts";`],
    ["an import on the way down", `import { x } from "./a/${UP}/${UP}/${UP}/${UP}/x.ts";`],
    ["a dynamic import", `await import('${UP}/${UP}/${UP}/x.ts')`],
    ["a URL", `new URL("${UP}/${UP}/${UP}/shared/data.json", import.meta.url)`],
    ["a URL without a name", `new URL("${UP}/${UP}/${UP}", import.meta.url)`],
    ["a template", `readFileSync(\`${UP}/${UP}/${UP}/\${name}.json\`)`],
    ["one with backslashes", String.raw`readFileSync("${UP}\\${UP}\\${UP}\\shared")`],
    ["one of a comment", `// See ${UP}/${UP}/${UP}/shared/design.md`],
    ["one of a shell", `cd ${UP}/${UP}/${UP} && ls`],
    ["a dependency", `"shared": "file:${UP}/${UP}/${UP}/shared"`],
    ["one that counts from the working folder", `readFileSync("${UP}/shared/data.json")`],
    ["a working folder", `spawn("ls", [], { cwd: "${UP}" })`],
    ["a join with the working folder", `join(process.cwd(), "${UP}", "shared")`],
    ["a join that counts from the working folder", `path.resolve("${UP}", "shared")`],
    ["a join with a root that is handed in", `join(root, "${UP}", "shared")`],
    ["a join with the file's folder", `join(import.meta.dirname, "${UP}", "${UP}", "${UP}")`],
    ["a join with the file's folder, as CommonJS names it", `join(__dirname, "${UP}/${UP}", "${UP}/x")`],
    [
      "a join with the folder of the file's URL",
      `join(dirname(fileURLToPath(import.meta.url)), "${UP}/${UP}/${UP}")`,
    ],
    [
      "a join with a constant",
      `const ROOT = fileURLToPath(new URL("${UP}/${UP}", import.meta.url));\nreadFileSync(join(ROOT, "${UP}", "x"))`,
    ],
    [
      "a join with a constant of a constant",
      `const ROOT = new URL("${UP}/${UP}/", import.meta.url);\nconst HERE = fileURLToPath(ROOT);\nconst IN = join(\n  HERE,\n  "${UP}",\n);`,
    ],
    [
      "a URL on a constant",
      `const ROOT = new URL("${UP}/${UP}/", import.meta.url);\nnew URL("${UP}/shared", ROOT)`,
    ],
    [
      "a template with a constant",
      `const HERE = import.meta.dirname;\nuse(\`\${HERE}/${UP}/${UP}/${UP}/shared\`)`,
    ],
    ["a sum with a constant", `const HERE = import.meta.dirname;\nuse(HERE + "/${UP}/${UP}/${UP}/shared")`],
    [
      "the parent of the root",
      `const ROOT = fileURLToPath(new URL("${UP}/${UP}", import.meta.url));\ndirname(ROOT)`,
    ],
    ["a home", `readFileSync("${HOME}/data.json")`],
    ["a home in a URL of a file", `new URL("file://${HOME}/data.json")`],
    ["a home in a URL of a database", `"sqlite:${HOME}/edvoyage.sqlite"`],
    ["a home of Windows", `"${["C:", "Users", "ada", "data.json"].join(String.raw`\\`)}"`],
    ["a home of macOS", `"${HOME.replace("home", "Users")}/data.json"`],
    ["the shell's home", `run("ls ${"~"}/data")`],
    ["the home of who runs it", `${["home", "dir()"].join("")}`],
    ["a workspace", `readFileSync("${WORKSPACE}/shared/data.json")`],
  ])("finds %s", (_what, text) => {
    expect(findOutsidePaths("tests/journeys/case.test.ts", text)).not.toEqual([]);
  });

  test("has the right line number", () => {
    const text = `const HERE = import.meta.dirname;\nconst A = join(\n  HERE,\n  "${UP}",\n);\n\njoin(HERE, "${UP}/${UP}/${UP}/x");\n`;

    expect(findOutsidePaths("tests/journeys/case.test.ts", text)).toEqual([{ line: 7, path: `${UP}/x` }]);
  });

  test("resolves from the folder of its file", () => {
    const text = `import x from "${UP}/${UP}/x.ts";`;

    expect(findOutsidePaths("tests/journeys/case.test.ts", text)).toEqual([]);
    expect(findOutsidePaths("tests/case.test.ts", text)).toEqual([{ line: 1, path: `${UP}/x.ts` }]);
    expect(findOutsidePaths("vitest.config.ts", text)).toEqual([{ line: 1, path: `${UP}/${UP}/x.ts` }]);
  });

  test.each([
    ["an import of a sibling workspace", `import { x } from "${UP}/${UP}/cli/src/x.ts";`],
    ["the root", `const ROOT = fileURLToPath(new URL("${UP}/${UP}", import.meta.url));\njoin(ROOT, "db");`],
    [
      "down and up again",
      `const ROOT = new URL("${UP}/${UP}/", import.meta.url);\nnew URL("db/${UP}/cli", ROOT)`,
    ],
    ["a folder of a path that is known at run time", `const folder = join(databasePath, "${UP}");`],
    [
      "a folder named as one that is known elsewhere",
      `const ROOT = import.meta.dirname;\nuse({ ROOT: "${UP}" });`,
    ],
    ["a spread, a rest and a range", "const all = [...rest]; // 1..5, and so on ..."],
    ["a path of a web page", `fetch("https://example.org/home/ada/${UP}/bo"); link("https://home/x")`],
    ["a folder that is named as a home is", `readFileSync("src/home/page.ts"); use("./work/x", "/homes/x")`],
    ["words that are joined", `names.join("${UP}")`],
    ["a temporary folder", `mkdtempSync(join(tmpdir(), "edvoyage-"))`],
  ])("ignores %s", (_what, text) => {
    expect(findOutsidePaths("tests/journeys/case.test.ts", text)).toEqual([]);
  });
});
