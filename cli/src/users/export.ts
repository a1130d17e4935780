import { resolve } from "node:path";
import { defineCommand, text } from "../command.ts";
import { assertFree, writeOutput } from "../db/output.ts";
import { line } from "../outcome.ts";
import { sizeToText } from "../size.ts";
import { describeUser, findUser, studentArgument } from "./student-argument.ts";

/** A student who wrote for years: some seconds. */
const ANSWER_TIMEOUT_MS = 300_000;

/** `edvoyage users export`. */
export const exportUser = defineCommand({
  summary:
    "Everything that is a student's, as one JSON: to a file for your eyes alone, or to standard output",
  parameters: {
    named: studentArgument,
    output: text("--output <file>", "Write it there, readable by you alone"),
  },
  examples: [
    "edvoyage users export +447400123456 --output asha.json",
    "edvoyage users export 01928f3e-8c1a-7b52-9e1f-0242ac120002 | jq .profile",
  ],
  hints: { "not-found": "Look for her with edvoyage users list." },
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
      view: [line(`Wrote what is kept of ${describeUser(user)} to ${target} (${sizeToText(sizeBytes)}).`)],
    };
  },
});
