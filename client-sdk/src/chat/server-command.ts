import type { CommandId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { toEdVoyageError, type EdVoyageError } from "../runtime/errors.ts";

/** Calls what takes effect at once or not at all; throws `EdVoyageError`. */
export type ServerCommand = <Answer>(call: (commandId: CommandId) => Promise<Answer>) => Promise<Answer>;

/** A reply may be lost on the way: the same command again gets the first one's answer. */
const MAX_TRIES = 3;

/** Makes a caller of commands that cannot wait for a network. */
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
