import type { ServerCalls } from "../calls.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** Calls the procedure of a command. `editDocument` does what no procedure does. */
export const createSend =
  (
    rpc: ServerCalls,
    editDocument: (input: OutboxEntry<"document.edit">["input"]) => Promise<void>,
  ): ((entry: OutboxEntry) => Promise<unknown>) =>
  (entry) => {
    const { id: commandId } = entry;
    switch (entry.procedure) {
      case "chat.send":
        return rpc.chat.send.mutate({ ...entry.input, commandId });
      case "chat.edit":
        return rpc.chat.edit.mutate({ ...entry.input, commandId });
      case "chat.remove":
        return rpc.chat.remove.mutate({ ...entry.input, commandId });
      case "chat.react":
        return rpc.chat.react.mutate({ ...entry.input, commandId });
      case "chat.markRead":
        return rpc.chat.markRead.mutate({ ...entry.input, commandId });
      case "contacts.add":
        return rpc.contacts.add.mutate({ ...entry.input, commandId });
      case "contacts.update":
        return rpc.contacts.update.mutate({ ...entry.input, commandId });
      case "contacts.remove":
        return rpc.contacts.remove.mutate({ ...entry.input, commandId });
      case "document.edit":
        return editDocument(entry.input);
    }
  };
