import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nouns, verbs } from "../commands.ts";
import { exitsToRows, reasonToExitCode } from "../exit-code.ts";
import { createCommandsPage } from "./commands-page.ts";

const commands = [
  ...Object.values(nouns).flatMap((noun) => Object.values(noun.verbs)),
  ...Object.values(verbs),
];

test("docs/cli.md is what `npm run docs:cli` makes of the commands", () => {
  const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");

  expect(page).toBe(createCommandsPage(page));
});

test.each(["not-found", "conflict", "forbidden"] as const)(
  "every command with a hint for %s says when it ends with that exit code",
  (reason) => {
    const silent = commands.filter(
      ({ hints, exits }) =>
        hints[reason] !== undefined &&
        !exitsToRows(exits).some(([code]) => code === reasonToExitCode(reason)),
    );

    expect(silent.map(({ summary }) => summary)).toEqual([]);
    expect(commands.some(({ hints }) => hints[reason] !== undefined)).toBe(true);
  },
);

test("rejects a page without the line that separates its hand-written head", () => {
  expect(() => createCommandsPage("# The terminal program\n")).toThrow(/needs this line once/);
});
