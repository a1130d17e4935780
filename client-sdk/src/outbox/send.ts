import { procedureAt, type ServerApi } from "../rpc/server-api.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** Calls the procedure of a command. `editDocument` does what no procedure does. */
export const createSend =
  (
    rpc: ServerApi,
    editDocument: (input: OutboxEntry<"document.edit">["input"]) => Promise<void>,
  ): ((entry: OutboxEntry) => Promise<unknown>) =>
  (entry) =>
    entry.procedure === "document.edit"
      ? editDocument(entry.input)
      : procedureAt(rpc, entry.procedure).mutate({ ...entry.input, commandId: entry.id });
