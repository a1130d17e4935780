import { defineCommand } from "../command.ts";
import { argument, text } from "../parameter.ts";
import { line } from "../outcome.ts";
import { statusArgument } from "./status.ts";

/** `edvoyage applications move`. */
export const moveApplication = defineCommand({
  summary: "Change the status of an application, and tell the student",
  parameters: {
    applicationId: argument("applicationId", "As applications list shows it"),
    status: statusArgument("status", "The new status; applications show lists the possible ones"),
    note: text("--note <text>", "A note that the student reads with it"),
    reason: text("--reason <text>", "Why; kept in the audit log alone"),
  },
  examples: [
    "edvoyage applications move 01928f3e-8c1a-7b52-9e1f-0242ac120002 under_review",
    'edvoyage applications move 01928f3e-8c1a-7b52-9e1f-0242ac120002 accepted --note "Welcome!" --yes',
  ],
  exits: {
    notFound: "There is no such application.",
    conflict: "The application cannot get this status, or somebody has moved it meanwhile.",
  },
  hints: {
    "not-found": "Look for its id with edvoyage applications list.",
    conflict: "See its status and the possible next ones with edvoyage applications show <id>.",
  },
  run: async ({ connect, confirm }, { applicationId, status, note, reason }) => {
    const { client } = await connect();
    const seen = await client.admin.applications.show.query({ applicationId });
    const { course, student } = seen;
    const who = student.name ?? student.phone;
    // A move that the server will refuse needs no confirmation.
    if (seen.moves.includes(status)) {
      await confirm(`Move the application of ${who} from ${seen.status} to ${status}?`);
    }
    const moved = await client.admin.applications.move.mutate({
      applicationId,
      status,
      // Send the status that was confirmed; if it has changed since, the server reports a conflict.
      from: seen.status,
      note,
      reason,
    });
    return {
      data: moved,
      view: [
        line(
          `Moved from ${seen.status} to ${moved.status}: ${who}, ${course.title}, ${course.universityName}.`,
        ),
      ],
    };
  },
});
