/** Returns the procedures that failed because of a bug, according to the server's log lines. */
export const proceduresWithBugs = (logged: string): unknown[] =>
  logged
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter(({ reason, level }) => reason === "bug" || (level === "error" && reason === undefined))
    .map(({ procedure }) => procedure);
