import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

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

describe("the pages of the SDK's package", () => {
  const published = pages.filter((page) => page.startsWith("client-sdk/"));
  const { files }: { files: string[] } = JSON.parse(
    readFileSync(join(ROOT, "client-sdk/package.json"), "utf8"),
  );

  test("link only to files that are published with them", () => {
    const isPublished = (page: string, target: string): boolean => {
      const path = relative(
        join(ROOT, "client-sdk"),
        resolve(ROOT, dirname(page), target.split("#")[0] ?? ""),
      );
      return path === "README.md" || path === "" || files.includes(path.split(sep)[0] ?? "");
    };
    const broken = published.flatMap((page) =>
      linksOf(page)
        .filter((target) => !target.startsWith("#") && !isPublished(page, target))
        .map((target) => `${page}: ${target}`),
    );

    expect(broken).toEqual([]);
    expect(files).toContain("docs");
  });

  test("each have a link in its README", () => {
    const linked = linksOf("client-sdk/README.md").map((target) => `client-sdk/${target.split("#")[0]}`);

    expect(published.filter((page) => !page.endsWith("README.md") && !linked.includes(page))).toEqual([]);
    expect(published.length).toBeGreaterThan(5);
  });

  test("begin with a README of at most 200 lines", () => {
    expect(readFileSync(join(ROOT, "client-sdk/README.md"), "utf8").split("\n").length).toBeLessThanOrEqual(
      200,
    );
  });
});

test("the README is at most 150 lines long", () => {
  expect(readFileSync(join(ROOT, "README.md"), "utf8").split("\n").length).toBeLessThanOrEqual(150);
});
