import { defineCommand } from "../command.ts";
import { repeatedArgument, text } from "../parameter.ts";
import type { Failure } from "../failure.ts";
import { table, type Column } from "../outcome.ts";

/** The result for one session. */
type Revocation = { readonly sessionId: string } & (
  | { readonly state: "revoked" | "ended-before" }
  | { readonly state: "failed"; readonly cause: unknown; readonly failure: Failure }
);

/** `edvoyage sessions revoke`. */
export const revokeSessions = defineCommand({
  summary: "End sessions: their keys stop working and their sockets are closed",
  parameters: {
    sessionIds: repeatedArgument("sessionId", "As sessions list shows it"),
    reason: text("--reason <text>", "Why; kept in the audit log"),
  },
  examples: ['edvoyage sessions revoke 01928f3e-8c1a-7b52-9e1f-0242ac120002 --reason "phone stolen"'],
  exits: {
    notFound: "There is no session with one of the ids. The other sessions are ended.",
  },
  hints: { "not-found": "Look for its id with edvoyage sessions list --all." },
  run: async ({ connect, explain, interrupted }, { sessionIds, reason }) => {
    const { client } = await connect();
    const revocations: Revocation[] = [];
    for (const sessionId of sessionIds) {
      try {
        const { ended } = await client.admin.sessions.revoke.mutate({ sessionId, reason });
        revocations.push({ sessionId, state: ended > 0 ? "revoked" : "ended-before" });
      } catch (cause) {
        interrupted.throwIfAborted();
        revocations.push({ sessionId, state: "failed", cause, failure: explain(cause) });
      }
    }
    const worst = revocations
      .filter((revocation) => revocation.state === "failed")
      .sort((one, other) => other.failure.exitCode - one.failure.exitCode)[0];
    const isReportedAsError = worst !== undefined && revocations.length === 1;
    return {
      data: revocations.map(revocationToData),
      view: isReportedAsError ? [] : [table(columns, revocations, { empty: "" })],
      error: worst?.cause,
    };
  },
});

const columns: readonly Column<Revocation>[] = [
  { title: "SESSION", cell: ({ sessionId }) => sessionId },
  {
    title: "RESULT",
    canShrink: true,
    cell: (revocation) => {
      switch (revocation.state) {
        case "revoked":
          return { text: "revoked", colour: "green" };
        case "ended-before":
          return { text: "had ended before", colour: "gray" };
        case "failed":
          return { text: revocation.failure.message, colour: "red" };
      }
    },
  },
];

const revocationToData = (revocation: Revocation) => {
  const { sessionId, state } = revocation;
  if (state !== "failed") return { sessionId, ended: state === "revoked" };
  const { reason, message, details } = revocation.failure;
  return { sessionId, ended: false, error: { reason, message, details } };
};
