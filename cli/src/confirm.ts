import { CommandError } from "./failure.ts";
import type { Mode } from "./print.ts";
import { loadConfirmPrompt, terminalWidth } from "./terminal.ts";

/** Asks before something is destroyed. Resolves if the user agrees. */
export type Confirm = (question: string) => Promise<void>;

/**
 * Creates the confirmation of a command. `--yes` confirms for scripts, and nothing is asked without a terminal.
 * Throws `input/invalid` without a yes, and `interrupted` for Ctrl-C.
 */
export const createConfirm =
  (mode: Mode, { isConfirmed }: { readonly isConfirmed: boolean }): Confirm =>
  async (question) => {
    if (isConfirmed) return;
    if (mode !== "terminal" || !process.stdin.isTTY) {
      throw new CommandError("input/invalid", "This needs a confirmation: nothing was changed.", {
        hints: ["Add --yes to confirm it."],
      });
    }
    const answer = await (await loadConfirmPrompt()).askForConfirmation(question, terminalWidth());
    switch (answer) {
      case "yes":
        return;
      case "no":
        throw new CommandError("input/invalid", "Not confirmed: nothing was changed.");
      case "interrupted":
        throw new CommandError("interrupted", "Interrupted: nothing was changed.");
    }
  };
