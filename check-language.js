// Finds what a pattern can find of language that a reader has to solve. CONTRIBUTING.md has the rules, of which most need an eye.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));

const COMMENT = String.raw`^\s*(?:\/\*\*|\*|\/\/)`;

const RULES = [
  {
    pattern: new RegExp(
      `${COMMENT} ?(?:What|Whose|Whom|For whom|Of|One that|Those|That which|Such|Nothing but|None of|Whoever)\\b`,
    ),
    advice: "Start a docstring with a verb, or with what the thing is.",
  },
  {
    pattern: /(?:^|[^A-Za-z0-9_$])(?:[Ss]he|[Hh]ers?|[Hh]erself)(?:[^A-Za-z0-9_$]|$)/,
    advice: "Say the student, the user or the caller.",
    // Texts that invented students write.
    except: /^server\/src\/seed\/(?:topics|conversations|bios)/,
  },
  { pattern: /unless (?:told)/, advice: 'Say "Default: …".' },
  { pattern: /\bbut (?:for)\b/, advice: 'Say "except".' },
  {
    pattern: new RegExp(`${COMMENT}.*(?:\\b(?:would|must|could|or) else\\b|, else\\b)`),
    advice: 'Say "otherwise".',
  },
  {
    pattern: /\b(?:(?:comes|came) to|[Ww]hat became (?:of))\b/,
    advice: "Name the result or the outcome.",
  },
  {
    pattern: new RegExp(
      String.raw`\b(?:test|it)(?:\.each\([^)]*\))?\(\s*["'\x60](?:of|that|is|are|in|by|with|to|from|and|or|whose|which|gives?|goes|does)\b`,
    ),
    advice: "Make a test's name a sentence that makes sense alone.",
  },
];

const files = execFileSync("git", ["ls-files", "*.ts", "*.tsx", "*.js", "*.md"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && file !== "CHANGELOG.md");

let found = 0;
for (const file of files) {
  const lines = readFileSync(`${root}${file}`, "utf8").split("\n");
  for (const [index, line] of lines.entries()) {
    for (const { pattern, advice, except } of RULES) {
      if (except?.test(file) || !pattern.test(line)) continue;
      found += 1;
      process.stderr.write(`${file}:${index + 1}: ${advice}\n  ${line.trim()}\n`);
    }
  }
}
if (found > 0) {
  process.stderr.write(`${found} places are not in plain English.\n`);
  process.exit(1);
}
