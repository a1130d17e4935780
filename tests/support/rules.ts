import { parseSync, Visitor, type ESTree } from "vite";

/** A page with numbered rules. */
export interface RulePage {
  readonly path: string;
  readonly text: string;
}

/** A test, by its file and the name in the source. Expressions in a template are written as `${…}`. */
export interface NamedTest {
  readonly path: string;
  readonly name: string;
}

/** A rule of a page is an item of a list that begins with a bold number. */
const RULE = /^- \*\*([A-Z]+)([0-9]+)\*\* /gm;
const RULE_IN_NAME = /\[([A-Z]+[0-9]+)\]/g;

/**
 * Compares the numbered rules of the pages with the names of the tests. Returns a sentence for each rule without a
 * test, each number that exists twice or is missing in its series, and each number in a test's name that is no rule.
 */
export const findRuleFaults = (pages: readonly RulePage[], tests: readonly NamedTest[]): string[] => {
  const rules = pages.flatMap(({ path, text }) =>
    [...text.matchAll(RULE)].map(([, series = "", digits = ""]) => ({
      path,
      series,
      digits,
      number: `${series}${digits}`,
    })),
  );
  const numbers = new Set(rules.map(({ number }) => number));
  const named = tests.flatMap(({ path, name }) =>
    [...name.matchAll(RULE_IN_NAME)].map(([, number = ""]) => ({ path, name, number })),
  );
  const tested = new Set(named.map(({ number }) => number));
  const series = new Set(rules.map((rule) => rule.series));
  return [
    ...pages
      .filter(({ path }) => !rules.some((rule) => rule.path === path))
      .map(({ path }) => `${path}: has no rule`),
    ...rules
      .filter(({ number }, index) => rules.findIndex((rule) => rule.number === number) !== index)
      .map(({ path, number }) => `${path}: ${number} exists twice`),
    ...[...series].flatMap((prefix) => missingIn(rules, prefix)),
    ...[...numbers].filter((number) => !tested.has(number)).map((number) => `${number}: has no test`),
    ...named
      .filter(({ number }) => !numbers.has(number))
      .map(({ path, name, number }) => `${path}: "${name}" names ${number}, which is no rule`),
  ];
};

const missingIn = (
  rules: readonly { readonly series: string; readonly digits: string }[],
  series: string,
): string[] => {
  const found = new Set(rules.filter((rule) => rule.series === series).map(({ digits }) => digits));
  const last = Math.max(...[...found].map(Number));
  return Array.from({ length: last }, (_, index) => String(index + 1))
    .filter((digits) => !found.has(digits))
    .map((digits) => `${series}${digits}: is missing in its series`);
};

/**
 * Returns the names of the tests in a source file: of `test`, and of its variants such as `test.each(…)` and
 * `test.skipIf(…)`. Leaves out `test.skip` and `test.todo`, which show nothing.
 */
export const findTestNames = (path: string, source: string): string[] => {
  const { program, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed`);
  const names: string[] = [];
  new Visitor({
    CallExpression: ({ callee, arguments: [first] }) => {
      const name = first && textOf(first);
      if (name !== undefined && isTest(callee)) names.push(name);
    },
  }).visit(program);
  return names;
};

/** Whether an expression is `test`, or what a property or a call of it returns. */
const isTest = (expression: ESTree.Expression): boolean => {
  switch (expression.type) {
    case "Identifier":
      return expression.name === "test";
    case "MemberExpression":
      return (
        isTest(expression.object) &&
        expression.property.type === "Identifier" &&
        !["skip", "todo"].includes(expression.property.name)
      );
    case "CallExpression":
      return isTest(expression.callee);
    default:
      return false;
  }
};

const textOf = (argument: ESTree.Argument): string | undefined => {
  if (argument.type === "Literal" && typeof argument.value === "string") return argument.value;
  if (argument.type !== "TemplateLiteral") return undefined;
  return argument.quasis.map(({ value }) => value.cooked ?? "").join("${…}");
};
