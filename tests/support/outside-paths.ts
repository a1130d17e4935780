import { posix } from "node:path";

/** A path that leads out of the repository. */
export interface OutsidePath {
  /** Starts at 1. */
  readonly line: number;
  /** Relative to the repository's root, or absolute. */
  readonly path: string;
}

// Known folders are written into the text between two characters that occur in no file.
const OPEN = "\uE000";
const CLOSE = "\uE001";
const FOLDER = `${OPEN}([^${CLOSE}]*)${CLOSE}`;
const LITERAL = "[\"'`][^\"'`]*[\"'`]";
const PATH_MODULES = "(?:(?<![.\\w])|(?<=\\b(?:fs|path|posix|process)\\.))";

/** A piece of text without quotes, brackets and spaces. */
const WORD = /[^\s"'`()[\]{}<>,;|=]+/g;
/** A home or workspace folder of one machine, or a call that returns the home folder. */
const MACHINE_FOLDER =
  /(?:file:\/\/|(?<![\w.~})\]/-]))(?:[A-Za-z]:)?(?:\/|\\+)(?:home|Users|root|work|workspaces?)[\\/][^\s"'`)]*|(?<=["'`\s(=])~\/[^\s"'`)]*|\bhomedir\(/g;
/** Calls that resolve a literal against the working folder, which is the repository's root. */
const FROM_WORKING_FOLDER = new RegExp(
  `(?:${PATH_MODULES}(?:(?:read|write|append|open|exists|stat|access|readdir|copy|cp|mkdir|rm|chdir)\\w*|create(?:Read|Write)Stream|join|resolve)\\(|\\bcwd:)\\s*(?=${LITERAL})`,
  "g",
);
/** An argument with this name counts as the repository's root if the text does not define it. */
const ROOT_ARGUMENT = /(\b(?:join|resolve)\(\s*)(?:root|repo|repository)(?:_?(?:dir|folder|path))?(?=\s*,)/gi;

/** Expressions that evaluate to a known folder once their parts are known: pattern and result. */
const FOLDS: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [new RegExp(`new URL\\(\\s*${FOLDER}\\s*\\)`, "g"), (folder = "") => folder],
  [new RegExp(`fileURLToPath\\(\\s*${FOLDER}\\s*\\)`, "g"), (folder = "") => folder],
  [new RegExp(`dirname\\(\\s*${FOLDER}\\s*\\)`, "g"), (folder = "") => `${folder}/..`],
  [
    new RegExp(`new URL\\(\\s*(${LITERAL})\\s*,\\s*${FOLDER}(?:\\.href)?\\s*,?\\s*\\)`, "g"),
    (literal = "", folder = "") => `${folder}/${contentOf(literal)}`,
  ],
  [
    new RegExp(`(?:join|resolve)\\(\\s*${FOLDER}((?:\\s*,\\s*${LITERAL})+)\\s*,?\\s*\\)?`, "g"),
    (folder = "", literals = "") =>
      [folder, ...Array.from(literals.matchAll(new RegExp(LITERAL, "g")), ([one]) => contentOf(one))].join(
        "/",
      ),
  ],
  [
    new RegExp(`${FOLDER}\\s*\\+\\s*(${LITERAL})`, "g"),
    (folder = "", literal = "") => `${folder}/${contentOf(literal)}`,
  ],
  [new RegExp(`\\$\\{${FOLDER}\\}([^\\s"'\`$]*)`, "g"), (folder = "", rest = "") => `${folder}/${rest}`],
];

/**
 * Finds paths in one file that lead out of the repository. A relative path is resolved from the file's own folder.
 * Where the text says which folder it starts from (`new URL("…", import.meta.url)`, `join(ROOT, "…")`, a constant that
 * is one of these), it is resolved from there. Folders that are known only at run time are not followed.
 */
export const findOutsidePaths = (file: string, text: string): readonly OutsidePath[] => {
  const found = [
    ...wordsThatLeave(file, text),
    ...foldersThatLeave(file, text),
    ...Array.from(text.matchAll(MACHINE_FOLDER), ({ 0: path, index }) => ({
      line: lineOf(text, index),
      path,
    })),
  ];
  // A path may be found as a word and as a folder.
  return [...new Map(found.map((outside) => [`${outside.line} ${outside.path}`, outside])).values()];
};

const wordsThatLeave = (file: string, text: string): OutsidePath[] =>
  [...text.matchAll(WORD)].flatMap(({ 0: word, index }) => {
    if (!/(?:^|[\\/:])\.\.(?:[\\/]|$)/.test(word)) return [];
    const path = fromRoot(posix.dirname(file), word.replace(/^\w+:(?!\/)/, ""));
    return leaves(path) ? [{ line: lineOf(text, index), path }] : [];
  });

const foldersThatLeave = (file: string, text: string): OutsidePath[] => {
  if (!/\.\.|dirname\(/.test(text)) return [];
  const folded = foldFolders(file, text);
  return [...folded.matchAll(new RegExp(FOLDER, "g"))].flatMap(({ 1: folder = "", index }) =>
    leaves(folder) ? [{ line: lineOf(folded, index), path: folder }] : [],
  );
};

/** Replaces expressions by the folders that they evaluate to, until no more can be replaced. */
const foldFolders = (file: string, text: string): string => {
  const own = posix.dirname(file);
  let folded = text
    .replaceAll(/(?<=new URL\([^)]*,\s*)import\.meta\.url\b|\b(?:import\.meta\.dirname|__dirname)\b/g, () =>
      mark(own),
    )
    .replaceAll(/\b(?:import\.meta\.(?:url|filename)|__filename)\b/g, () => mark(file))
    .replaceAll(/\bprocess\.cwd\(\)/g, () => mark("."))
    .replaceAll(ROOT_ARGUMENT, (_argument, call: string) => call + mark("."))
    .replaceAll(FROM_WORKING_FOLDER, () => `join(${mark(".")}, `);
  const named = new Set<string>();
  for (let before = ""; before !== folded;) {
    before = folded;
    for (const [pattern, toFolder] of FOLDS) {
      folded = folded.replaceAll(pattern, (expression: string, ...parts: string[]) => {
        // Keep the line breaks, so that the lines below keep their numbers.
        return mark(fromRoot("", toFolder(...parts))) + "\n".repeat(expression.split("\n").length - 1);
      });
    }
    for (const [, name = "", folder = ""] of folded.matchAll(
      new RegExp(`\\bconst (\\w+)(?:: \\w+)? =\\s*${FOLDER}`, "g"),
    )) {
      if (named.has(name)) continue;
      named.add(name);
      folded = folded.replaceAll(new RegExp(`(?<!const |[.\\w"'\`])${name}\\b(?!["'\`:])`, "g"), () =>
        mark(folder),
      );
    }
  }
  return folded;
};

const mark = (folder: string): string => `${OPEN}${folder}${CLOSE}`;

const contentOf = (literal: string): string => literal.slice(1, -1);

const fromRoot = (folder: string, path: string): string => posix.join(folder, path.replaceAll(/\\+/g, "/"));

const leaves = (path: string): boolean => path === ".." || path.startsWith("../");

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;
