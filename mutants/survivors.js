import { readFileSync } from "node:fs";

/** Reads the committed list: the mutants of each file that no test needs to kill, with a reason each. */
export const readSurvivors = () =>
  JSON.parse(readFileSync(new URL("survivors.json", import.meta.url), "utf8"));

/** Describes a mutant by its text instead of its position, so that an entry stays valid when lines move. */
const describeMutant = (source, { location: { start, end }, replacement }) => {
  const lines = source.split("\n");
  const first = lines[start.line - 1];
  const last = lines[end.line - 1];
  return {
    line: first.trim(),
    mutant: `${first.slice(0, start.column - 1)}${replacement}${last.slice(end.column - 1)}`.trim(),
  };
};

/** Compares the mutants of a file with its entries in the list. */
export const compareSurvivors = ({ source, mutants }, entries) => {
  const survived = mutants
    .filter(({ status }) => status === "Survived" || status === "NoCoverage")
    .map((mutant) => ({
      ...describeMutant(source, mutant),
      status: mutant.status,
      at: mutant.location.start,
    }));
  const isSame = (one) => (other) => one.line === other.line && one.mutant === other.mutant;
  return {
    survived,
    unlisted: survived.filter((mutant) => !entries.some(isSame(mutant))),
    outdated: entries.filter((entry) => !survived.some(isSame(entry))),
  };
};
