import type { Check, InputIssue } from "@edvoyage/protocol";
import type { QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { Clock } from "./clock.ts";
import { EdVoyageError } from "./errors.ts";
import { createSubject } from "./observable.ts";
import { waitUntil } from "./wait-until.ts";

/** The checks of the inputs of commands. */
export type CommandChecks = Readonly<Partial<Record<QueuedProcedure, Check>>>;

/** Loads the checks of commands. While that fails, only the server checks. */
export type InputChecks = () => Promise<CommandChecks>;

/** Throws `input/invalid` if the check finds a fault. */
export const assertValid = (input: unknown, check: Check): void => {
  const issues = check(input);
  if (issues.length > 0) throw createInvalidError("The server would reject this input.", issues);
};

/** Creates the error for an input with these faults. */
export const createInvalidError = (message: string, issues: readonly InputIssue[]): EdVoyageError =>
  new EdVoyageError("input/invalid", message, { details: { issues } });

/** Creates the error for an option that cannot work. */
export const createOptionError = (path: string, message: string): EdVoyageError =>
  createInvalidError(message, [{ path, message }]);

/** How long a write may wait for checks that are still being loaded. */
const LOAD_TIMEOUT_MS = 1_000;

/**
 * Returns a function that loads checks once; after a failure the next call tries again. It never throws, and a write waits for it
 * only briefly: while it has none, the server alone checks.
 */
export const loadOnce = (load: InputChecks | undefined, clock: Clock): (() => Promise<CommandChecks>) => {
  const isLoading = createSubject(false);
  let checks: CommandChecks | undefined;
  return async () => {
    if (load && !checks && !isLoading.value) {
      isLoading.set(true);
      load()
        .then(
          (loaded) => {
            checks = loaded;
          },
          () => {},
        )
        .finally(() => isLoading.set(false));
    }
    await waitUntil(isLoading, (is) => !is, { clock, timeoutMs: LOAD_TIMEOUT_MS });
    return checks ?? NO_CHECKS;
  };
};

const NO_CHECKS: CommandChecks = {};
