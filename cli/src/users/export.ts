import { resolve } from "node:path";
import { defineCommand } from "../command.ts";
import { text } from "../parameter.ts";
import { assertFree, writeOutput } from "../db/output.ts";
import { line } from "../outcome.ts";
import { sizeToText } from "../size.ts";
import { describeUser, findUser, studentArgument } from "./student-argument.ts";

/** A student with years of messages takes some seconds. */
const ANSWER_TIMEOUT_MS = 300_000;

/** `edvoyage users export`. */
export const exportUser = defineCommand({
  summary:
    "Export all data of a student as one JSON: to a file that only you can read, or to standard output",
  parameters: {
    named: studentArgument,
    output: text("--output <file>", "Write to this file, readable only by you"),
  },
  examples: [
    "edvoyage users export +447400123456 --output asha.json",
    "edvoyage users export 01928f3e-8c1a-7b52-9e1f-0242ac120002 | jq .profile",
  ],
  exits: {
    notFound: "There is no such student.",
    conflict: "The output file already exists.",
  },
  hints: { "not-found": "Look for the student with edvoyage users list." },
  run: async ({ connect }, { named, output }) => {
    const target = output === undefined ? undefined : resolve(output);
    if (target !== undefined) assertFree(target);
    const { client } = await connect({ answerTimeoutMs: ANSWER_TIMEOUT_MS });
    const user = await findUser(client, named, { showPhones: false });
    const exported = await client.admin.users.export.query({ userId: user.id });
    if (target === undefined) return { data: exported, view: "data" };
    const sizeBytes = await writeOutput(target, `${JSON.stringify(exported, undefined, 2)}\n`);
    return {
      data: { userId: user.id, output: target, sizeBytes },
      view: [line(`Wrote the data of ${describeUser(user)} to ${target} (${sizeToText(sizeBytes)}).`)],
    };
  },
});
