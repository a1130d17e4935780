/** The values of a page that differ in each run, such as ids, and what they are in this run. */
export interface Transcript {
  /** Returns a text of the page with the values of this run. */
  toThisRun(text: string): string;
  /** Returns whether an output contains what the page shows. If so, remembers the values of this run. */
  isShown(onPage: string, output: string): boolean;
}

/** A value that differs in each run. `isRemembered` values mean the same wherever the page repeats them. */
interface Shape {
  readonly onPage: RegExp;
  readonly inRun: string;
  readonly isRemembered: boolean;
}

const SHAPES: readonly Shape[] = [
  // Ids and session keys.
  { onPage: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/, inRun: "[0-9a-f-]{36}", isRemembered: true },
  { onPage: /(?<![\w-])[\w-]{43}(?![\w-])/, inRun: "[\\w-]{43}", isRemembered: true },
  // Codes, and the names of devices that the terminal program shows.
  { onPage: /(?<![\d+])\d{6}(?!\d)/, inRun: "\\d{6}", isRemembered: true },
  { onPage: /(?<![\w-])(?=\w*[A-Z])(?=\w*\d)[\w-]{8}(?![\w-])/, inRun: "[\\w-]{8}", isRemembered: true },
  // The names of backups.
  { onPage: /\d{8}T\d{6}\.\d{3}Z/, inRun: "\\d{8}T\\d{6}\\.\\d{3}Z", isRemembered: true },
  // Sizes, instants and distances.
  { onPage: /[\d.]+ [kMG]B/, inRun: "[\\d.]+ [kMG]B", isRemembered: false },
  { onPage: /(?<!\d)1\d{12}(?!\d)/, inRun: "\\d{13}", isRemembered: false },
  { onPage: /\d{4}-\d\d-\d\d \d\d:\d\d/, inRun: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d", isRemembered: false },
  {
    onPage: /\d+ (?:h|min|s)(?: \d+ (?:min|s))?/,
    inRun: "\\d+ (?:h|min|s)(?: \\d+ (?:min|s))?",
    isRemembered: false,
  },
];
const ANY_SHAPE = new RegExp(SHAPES.map(({ onPage }) => `(${onPage.source})`).join("|"), "g");

/** Creates the transcript of a run. `known` are values of the page that are given, such as its URL and its folders. */
export const createTranscript = (known: Readonly<Record<string, string>>): Transcript => {
  const inRunByPage = new Map(Object.entries(known));

  const toThisRun = (text: string): string => {
    const values = [...inRunByPage.keys()].sort((one, other) => other.length - one.length);
    const anyValue = new RegExp(values.map(escape).join("|"), "g");
    return text.replaceAll(anyValue, (value) => inRunByPage.get(value) ?? value);
  };

  return {
    toThisRun,
    isShown: (onPage, output) => {
      const expected: string[] = [];
      const unknown: string[] = [];
      let end = 0;
      for (const match of onPage.matchAll(ANY_SHAPE)) {
        const [value] = match;
        const shape = SHAPES[match.slice(1).findIndex((group) => group !== undefined)];
        expected.push(literal(toThisRun(onPage.slice(end, match.index))));
        end = match.index + value.length;
        if (!shape?.isRemembered) expected.push(shape?.inRun ?? "");
        else if (inRunByPage.has(value)) expected.push(literal(toThisRun(value)));
        else if (unknown.includes(value)) expected.push(`\\${unknown.indexOf(value) + 1}`);
        else {
          expected.push(`(${shape.inRun})`);
          unknown.push(value);
        }
      }
      expected.push(literal(toThisRun(onPage.slice(end))));
      const found = new RegExp(expected.join("").trim()).exec(output);
      for (const [index, value] of unknown.entries()) inRunByPage.set(value, found?.[index + 1] ?? value);
      return found !== null;
    },
  };
};

const escape = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);

/** Columns may be wider, and curl prints no line break between two answers. */
const literal = (text: string): string =>
  text
    .split(/(\s+)/)
    .map((part) => (/^\s+$/.test(part) ? (part.includes("\n") ? "\\s*" : "\\s+") : escape(part)))
    .join("");
