import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import type {
  ApplicationField,
  ApplicationId,
  ApplicationMover,
  ApplicationStatus,
  UserId,
} from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import { rowToApplication, type SentApplication } from "./application.ts";
import { isClosed, mayMove } from "./applications.rules.ts";
import { applicationQueries as queries, type ApplicationRow } from "./applications.store.ts";
import { documentQueries } from "./documents.store.ts";

/** A requested step of an application. */
export interface Step {
  readonly to: ApplicationStatus;
  readonly by: ApplicationMover;
  readonly actorId: UserId | null;
  /** The status that the requester has seen. If the current one differs, the step is a conflict. Default: not checked. */
  readonly from?: ApplicationStatus | undefined;
  readonly note: string | null;
  readonly now: number;
}

/** Returns an application as the student sees it. */
export const toApplication = async (
  source: Queries,
  row: ApplicationRow,
  now: number,
): Promise<SentApplication> => {
  const documents = await source.all(documentQueries.documentsOf, { applicationId: row.id });
  return rowToApplication(row, { documents, now });
};

/** Throws `conflict` when the table of transitions does not allow the step or the current status is not `from`. */
export const assertMayMove = async (
  tx: UnitOfWork,
  row: ApplicationRow,
  { to, by, from, now }: Pick<Step, "to" | "by" | "from" | "now">,
): Promise<void> => {
  if ((from === undefined || from === row.status) && mayMove(by, { from: row.status, to })) return;
  const message = `The application is ${row.status} and cannot become ${to} now.`;
  // An admin must not see a draft, so the conflict carries no application.
  if (by === "admin") throw new AppError("conflict", message);
  throw await createConflict(tx, row, { message, now });
};

/** Applies a step and writes it into the history. The caller holds the application's lock and has called `assertMayMove`. */
export const applyStep = async (tx: UnitOfWork, row: ApplicationRow, step: Step): Promise<void> => {
  const { id, status: from } = row;
  const { to, now } = step;
  await tx.all(queries.setStatus, { id, status: to, closedAt: isClosed(to) ? now : null, now });
  await recordStep(tx, row, { ...step, from });
};

/** Writes a step into the history. `from` is `null` for the first step. */
export const recordStep = async (
  tx: UnitOfWork,
  { id: applicationId }: Pick<ApplicationRow, "id">,
  { from, to, by, actorId, note, now }: Omit<Step, "from"> & { readonly from: ApplicationStatus | null },
): Promise<void> => {
  const last = await tx.first(queries.lastPosition, { applicationId });
  const position = (last?.position ?? -1) + 1;
  await tx.all(queries.insertMove, { applicationId, position, now, mover: by, actorId, from, to, note });
};

/** Returns the name of the lock that every change of an application takes. */
export const lockOf = ({ id }: Pick<ApplicationRow, "id">): string => `application:${id}`;

/** Runs a change of a student's own application. Returns the application as it is now, also for a retry. */
export type Change = <Input extends { readonly applicationId: ApplicationId }>(
  source: CommandSource,
  command: { readonly procedure: string; readonly input: Input },
  act: (tx: UnitOfWork, row: ApplicationRow, now: number) => Promise<void>,
) => Promise<SentApplication>;

/** Creates a `Change` that is idempotent and serial per application, tells the student's devices, and throws `not-found`. */
export const createChange =
  ({
    database: { read },
    commands,
    areas,
    clock,
  }: {
    readonly database: Pick<Database, "read">;
    readonly commands: Commands;
    readonly areas: Areas;
    readonly clock: Clock;
  }): Change =>
  async (source, command, act) => {
    const own = { userId: source.userId, id: command.input.applicationId };
    await commands.execute(source, command, async (tx, now) => {
      // Check the owner before the lock as well, so that nobody can hold up another student's application.
      if (!(await tx.first(queries.own, own))) throw noSuchApplication();
      await tx.lock(lockOf(own));
      const row = await tx.first(queries.own, own);
      if (!row) throw noSuchApplication();
      await act(tx, row, now);
      await areas.touch(tx, source.userId, { area: "applications", now });
      return {};
    });
    // Only an erased account deletes an application.
    const changed = await read.first(queries.own, own);
    if (!changed) throw noSuchApplication();
    return toApplication(read, changed, clock.now());
  };

/** Creates the error for an unknown application. Another student's application gets the same one, so that ids reveal nothing. */
export const noSuchApplication = () => new AppError("not-found", "There is no such application.");

/** Creates a `conflict` that carries the application as it is now. */
export const createConflict = async (
  tx: UnitOfWork,
  row: ApplicationRow,
  { message, now, fields }: ConflictFacts,
): Promise<AppError> => {
  const application = await toApplication(tx, row, now);
  return new AppError("conflict", message, { application, ...(fields ? { fields } : {}) });
};

interface ConflictFacts {
  readonly message: string;
  readonly now: number;
  readonly fields?: readonly ApplicationField[];
}
