import { expect, test } from "vitest";
import { nouns, verbs } from "./commands.ts";
import { createProgram, separateDb } from "./program.ts";

const parse = async (...words: string[]) => {
  const chosen: { args: readonly unknown[]; options: object; globals: object }[] = [];
  const program = createProgram({
    version: "1.2.3",
    nouns,
    verbs,
    output: { writeOut: () => {}, writeErr: () => {} },
    onCommand: async (_command, { raw, globals }) => {
      chosen.push({ ...raw, globals });
    },
  });
  await program.parseAsync(separateDb(words), { from: "user" });
  return chosen[0];
};

test("accepts global options anywhere", async () => {
  const chosen = await parse(
    "--json",
    "sessions",
    "revoke",
    "a",
    "--data-dir",
    "/tmp/x",
    "b",
    "--reason",
    "why",
  );

  expect(chosen).toMatchObject({
    args: [["a", "b"]],
    options: { reason: "why" },
    globals: { json: true, dataDir: "/tmp/x" },
  });
});

test("--db does not take the next word if it is not a URL", async () => {
  expect(await parse("--db", "sessions", "list")).toMatchObject({ globals: { db: "" } });
  expect(await parse("numbers", "show", "--db", "+447400123456")).toMatchObject({ args: ["+447400123456"] });
});

test("--db accepts a URL", async () => {
  const chosen = await parse("seed", "run", "--db", "sqlite:/tmp/x.sqlite");

  expect(chosen?.globals).toMatchObject({ db: "sqlite:/tmp/x.sqlite" });
});

test("accepts --yes for every command", async () => {
  expect(await parse("doctor", "--yes")).toBeDefined();
});

test.each([
  ["an unknown noun", ["sesions", "list"]],
  ["an unknown verb", ["sessions", "lst"]],
  ["an unknown option", ["sessions", "list", "--frob"]],
  ["a limit of 0", ["sessions", "list", "--limit", "0"]],
  ["a URL beside --db", ["sessions", "list", "--db", "--url", "http://x"]],
])("rejects %s", async (_what, words) => {
  await expect(parse(...words)).rejects.toMatchObject({ exitCode: 1 });
});

const examples = [
  ...Object.values(nouns).flatMap((noun) => Object.values(noun.verbs)),
  ...Object.values(verbs),
]
  .flatMap((command) => command.examples)
  .map((example) => [example]);

test.each(examples)("accepts the example %s", async (example) => {
  // Only this program's part of a pipe.
  const [own = ""] = /edvoyage [^|]*/.exec(example) ?? [];
  const words = [...own.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

  expect(await parse(...words.slice(1))).toBeDefined();
});
