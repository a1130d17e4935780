import { defineCommand } from "../command.ts";
import { line } from "../outcome.ts";
import { sizeToText } from "../size.ts";
import { instantAndDistance } from "../time.ts";

/** `edvoyage db status`. */
export const showDatabase = defineCommand({
  summary: "Show schema, epoch and size of the database, and its newest backup",
  parameters: {},
  examples: ["edvoyage db status", "edvoyage db status --db --json"],
  run: async ({ connect, now }) => {
    const { client } = await connect();
    const status = await client.admin.database.status.query();
    const { dialect, schema, epoch, sizeBytes, newestBackup } = status;
    const label = (text: string) => ({ text: text.padEnd("Database".length) });
    const backup = newestBackup
      ? `${newestBackup.path}, ${sizeToText(newestBackup.sizeBytes)}, ${instantAndDistance(newestBackup.takenAt, now())}`
      : "none in the data folder";
    return {
      data: status,
      view: [
        line(dialect === "sqlite" ? "SQLite" : "PostgreSQL", label("Database")),
        line(schema, label("Schema")),
        line(
          `${epoch}: restored ${epoch === 1 ? "never" : epoch === 2 ? "once" : `${epoch - 1} times`}`,
          label("Epoch"),
        ),
        line(sizeToText(sizeBytes), label("Size")),
        ...(dialect === "sqlite" ? [line(backup, label("Backup"))] : []),
      ],
    };
  },
});
