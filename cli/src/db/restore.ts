import { resolve } from "node:path";
import { defineCommand } from "../command.ts";
import { argument } from "../parameter.ts";
import type { Restoration } from "../in-process.ts";
import { line, type OutputLine } from "../outcome.ts";
import type { Progress } from "../progress-bar.tsx";

/** `edvoyage db restore`. */
export const restoreDatabase = defineCommand({
  summary: "Replace the database with a backup; the server must be stopped",
  parameters: { file: argument("file", "A backup made by edvoyage db backup") },
  examples: [
    "edvoyage db restore data/backups/edvoyage-20261123T225250.123Z.sqlite",
    "edvoyage db restore edvoyage.sqlite --data-dir /srv/edvoyage --yes --json",
  ],
  exits: {
    failed: "The backup is damaged. Nothing was changed.",
    usage: "There is no such file, or no confirmation.",
    conflict: "A server runs on the database, or the database is PostgreSQL.",
  },
  run: async ({ settings, startProgress, confirm, interrupted }, { file }) => {
    const { dataDir, target } = settings;
    const source = resolve(file);
    await confirm("Replace the database and end all sessions?");
    // Loaded on demand, because it is the whole server.
    const { restoreInProcess } = await import("../in-process.ts");
    let progress: Progress | undefined;
    try {
      const restoration = await restoreInProcess(source, {
        dataDir,
        databaseUrl: target.state === "database" ? target.url : undefined,
        onProgress: async ({ done, total }) => {
          progress ??= await startProgress({ label: "Restoring, step", total });
          progress.report(done);
          // The next step blocks this thread, so let the bar be drawn first.
          await new Promise((drawn) => setImmediate(drawn));
        },
        signal: interrupted,
      });
      return { data: restorationToData(restoration, source), ...restorationToView(restoration, source) };
    } finally {
      progress?.stop();
    }
  },
});

const restorationToData = ({ kept, ...rest }: Restoration, source: string) => ({
  source,
  ...rest,
  kept: kept ?? null,
});

const restorationToView = (
  restoration: Restoration,
  source: string,
): { readonly view: readonly OutputLine[]; readonly notes: readonly string[] } => {
  const { path, epoch, sessionsEnded, segments, documents, erasures, kept } = restoration;
  const count = (value: number, what: string): string =>
    `${value.toLocaleString("en")} ${what}${value === 1 ? "" : "s"}`;
  const label = (text: string) => ({ text: text.padEnd("Erased again".length) });
  const view = [
    line(`Restored ${source} to ${path}.`),
    line(`${epoch}: clients fetch what they hold afresh`, label("Epoch")),
    line(`${count(sessionsEnded, "session")}: everybody signs in again`, label("Ended")),
    line(`${count(segments, "segment")} and ${count(documents, "document")}`, label("New writers")),
  ];
  const notes = kept === undefined ? [] : [`The database that was there is kept: ${kept}`];
  switch (erasures.state) {
    case "done":
      return {
        view: [
          ...view,
          line(
            `${count(erasures.entries, "message")} and ${count(erasures.students, "student")}`,
            label("Erased again"),
          ),
        ],
        notes,
      };
    case "nothing-to-replay":
      return { view, notes: [...notes, "There was no database before, so there are no erasures to repeat."] };
    case "impossible":
      return {
        view,
        notes: [
          ...notes,
          `ATTENTION: the previous database could not be read (${erasures.why}).`,
          "Data that was erased after the backup was made is readable again: erase it again before you start the server.",
        ],
      };
  }
};
