import type { Check, InputIssue } from "@edvoyage/protocol";
import type { QueuedProcedure } from "../rpc/queued-inputs.ts";
import { EdVoyageError } from "./errors.ts";

/** The checks of commands whose features have none of their own. */
export type InputChecks = Readonly<Partial<Record<QueuedProcedure, Check>>>;

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
