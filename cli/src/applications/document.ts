import { defineCommand } from "../command.ts";
import { argument, choice, text } from "../parameter.ts";
import { line } from "../outcome.ts";

/** `edvoyage applications document`. */
export const judgeDocument = defineCommand({
  summary: "Accept or reject a document of an application, or ask for it again",
  parameters: {
    applicationId: argument("applicationId", "As applications list shows it"),
    documentId: argument("documentId", "As applications show shows it"),
    // Other statuses belong to the student, who uploads the document.
    status: choice("status", { summary: "The new status", of: ["accepted", "rejected", "expected"] }),
    note: text("--note <text>", "A note that the student reads beside it"),
    reason: text("--reason <text>", "Why; kept in the audit log alone"),
  },
  examples: [
    "edvoyage applications document 01928f3e-8c1a-7b52-9e1f-0242ac120002 01928f3f-1b2c-7d3e-8f40-0242ac120002 accepted",
    'edvoyage applications document 01928f3e-8c1a-7b52-9e1f-0242ac120002 01928f3f-1b2c-7d3e-8f40-0242ac120002 rejected --note "Page 2 is missing"',
  ],
  exits: {
    notFound: "There is no such application or document.",
    conflict: "The document cannot get this status now.",
  },
  hints: {
    "not-found": "See its documents with edvoyage applications show <id>.",
    conflict: "See the status of the document and of the application with edvoyage applications show <id>.",
  },
  run: async ({ connect }, { applicationId, documentId, status, note, reason }) => {
    const { client } = await connect();
    const report = await client.admin.applications.setDocument.mutate({
      applicationId,
      documentId,
      status,
      note,
      reason,
    });
    const { course, student, documents } = report;
    const updated = documents.find(({ id }) => id === documentId);
    const document = updated ? `${updated.kind}, ${updated.name}` : documentId;
    return {
      data: report,
      view: [line(`Now ${status}: ${document}, of ${student.name ?? student.phone} for ${course.title}.`)],
    };
  },
});
