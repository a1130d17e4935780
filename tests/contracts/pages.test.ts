import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const pages = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter(Boolean);

/** Returns the targets of a page's links, except web addresses. */
const linksOf = (page: string): string[] => {
  const text = readFileSync(join(ROOT, page), "utf8").replaceAll(/^```.*?^```/gms, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
};

/** Returns the anchors of a page's headings, in GitHub's notation. */
const anchorsOf = (path: string): string[] =>
  [...readFileSync(path, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );

const isBroken = (page: string, target: string): boolean => {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? join(ROOT, page) : resolve(ROOT, dirname(page), path);
  if (!existsSync(file)) return true;
  return anchor !== undefined && (statSync(file).isDirectory() || !anchorsOf(file).includes(anchor));
};

test("every link between pages leads to a file and a heading that exist", () => {
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter((target) => isBroken(page, target))
      .map((target) => `${page}: ${target}`),
  );

  expect(broken).toEqual([]);
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(20);
});

test("every page under docs is linked from the README", () => {
  const linked = linksOf("README.md").map((target) => target.split("#")[0]);

  expect(pages.filter((page) => page.startsWith("docs/") && !linked.includes(page))).toEqual([]);
});

test("the README is at most 150 lines long", () => {
  expect(readFileSync(join(ROOT, "README.md"), "utf8").split("\n").length).toBeLessThanOrEqual(150);
});
