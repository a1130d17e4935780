import { defineCommand } from "../command.ts";
import { argument, showPhones } from "../parameter.ts";
import { reportToView } from "./report.ts";

/** `edvoyage applications show`. */
export const showApplication = defineCommand({
  summary: "Show an application with its form, documents and history",
  parameters: { applicationId: argument("applicationId", "As applications list shows it"), showPhones },
  examples: ["edvoyage applications show 01928f3e-8c1a-7b52-9e1f-0242ac120002"],
  exits: {
    notFound: "There is no such application.",
  },
  hints: { "not-found": "Look for its id with edvoyage applications list." },
  run: async ({ connect, now }, { applicationId, showPhones }) => {
    const { client } = await connect();
    const report = await client.admin.applications.show.query({ applicationId, showPhones });
    return { data: report, view: reportToView(report, now()) };
  },
});
