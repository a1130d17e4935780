import { procedureAt, type ServerApi } from "../rpc/server-api.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** Creates the function that calls a command's procedure. `editDocument` handles `document.edit`, which is not a procedure. */
export const createSend =
  (
    rpc: ServerApi,
    editDocument: (input: OutboxEntry<"document.edit">["input"]) => Promise<unknown>,
  ): ((entry: OutboxEntry) => Promise<unknown>) =>
  (entry) =>
    entry.procedure === "document.edit"
      ? editDocument(entry.input)
      : procedureAt(rpc, entry.procedure).mutate({ ...entry.input, commandId: entry.id });
