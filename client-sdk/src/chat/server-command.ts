import type { CommandId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { toEdVoyageError, type EdVoyageError } from "../runtime/errors.ts";

/** Calls a command that takes effect immediately or not at all; throws `EdVoyageError`. */
export type ServerCommand = <Answer>(call: (commandId: CommandId) => Promise<Answer>) => Promise<Answer>;

/** A response may be lost. Repeating the command with the same id returns the first answer. */
const MAX_TRIES = 3;

/** Creates a caller for commands that cannot wait for a network. */
export const createServerCommand =
  ({ newId }: Pick<StudentContext, "newId">): ServerCommand =>
  async (call) => {
    const commandId = newId<CommandId>();
    for (let tries = 1; ; tries += 1) {
      try {
        return await call(commandId);
      } catch (thrown) {
        const error: EdVoyageError = toEdVoyageError(thrown);
        if (error.reason !== "offline" || tries >= MAX_TRIES) throw error;
      }
    }
  };
