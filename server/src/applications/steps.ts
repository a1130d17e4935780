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
import { rowToApplication, type Application } from "./application.ts";
import { isClosed, mayMove } from "./applications.rules.ts";
import { applicationQueries as queries, type ApplicationRow } from "./applications.store.ts";

/** A step of an application that somebody wants to take. */
export interface Step {
  readonly to: ApplicationStatus;
  readonly by: ApplicationMover;
  readonly actorId: UserId | null;
  /** The status that whoever asks has seen: another by now is a conflict. */
  readonly from?: ApplicationStatus | undefined;
  readonly note: string | null;
  readonly now: number;
}

/** An application as the student sees it. */
export const toApplication = async (
  source: Queries,
  row: ApplicationRow,
  now: number,
): Promise<Application> => {
  const documents = await source.all(queries.documentsOf, { applicationId: row.id });
  return rowToApplication(row, { documents, now });
};

/** Throws `conflict` for a step that the table of transitions does not have, or that was meant for another status. */
export const assertMayMove = async (
  tx: UnitOfWork,
  row: ApplicationRow,
  { to, by, from, now }: Pick<Step, "to" | "by" | "from" | "now">,
): Promise<void> => {
  if ((from === undefined || from === row.status) && mayMove(by, { from: row.status, to })) return;
  const message = `The application is ${row.status}: it does not become ${to} now.`;
  // Nothing of a draft is for an admin.
  if (by === "admin") throw new AppError("conflict", message);
  throw await conflictOver(tx, row, { message, now });
};

/** Takes a step and writes it into the history. The caller holds the application's lock and has asked the table. */
export const applyStep = async (tx: UnitOfWork, row: ApplicationRow, step: Step): Promise<void> => {
  const { id, status: from } = row;
  const { to, now } = step;
  await tx.all(queries.setStatus, { id, status: to, closedAt: isClosed(to) ? now : null, now });
  await recordStep(tx, row, { ...step, from });
};

/** Writes a step into the history; `from` is `null` for the beginning. */
export const recordStep = async (
  tx: UnitOfWork,
  { id: applicationId }: Pick<ApplicationRow, "id">,
  { from, to, by, actorId, note, now }: Omit<Step, "from"> & { readonly from: ApplicationStatus | null },
): Promise<void> => {
  const last = await tx.first(queries.lastPosition, { applicationId });
  const position = (last?.position ?? -1) + 1;
  await tx.all(queries.insertMove, { applicationId, position, now, mover: by, actorId, from, to, note });
};

/** What holds an application while it changes, whoever changes it. */
export const lockOf = ({ id }: Pick<ApplicationRow, "id">): string => `application:${id}`;

/** Runs a change of a student's own application and answers with the application as it is now, also when it is repeated. */
export type Change = <Input extends { readonly applicationId: ApplicationId }>(
  asking: CommandSource,
  command: { readonly procedure: string; readonly input: Input },
  act: (tx: UnitOfWork, row: ApplicationRow, now: number) => Promise<void>,
) => Promise<Application>;

/** Changes take effect once per command and one after the other; her devices are told. They throw `not-found`. */
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
  async (asking, command, act) => {
    const own = { userId: asking.userId, id: command.input.applicationId };
    await commands.execute(asking, command, async (tx, now) => {
      // Before the lock as well: nobody holds up what is not hers.
      if (!(await tx.first(queries.own, own))) throw noSuchApplication();
      await tx.lock(lockOf(own));
      const row = await tx.first(queries.own, own);
      if (!row) throw noSuchApplication();
      await act(tx, row, now);
      await areas.touch(tx, asking.userId, { area: "applications", now });
      return {};
    });
    // It goes with its student's account alone.
    const changed = await read.first(queries.own, own);
    if (!changed) throw noSuchApplication();
    return toApplication(read, changed, clock.now());
  };

/** The same for one that is somebody else's. */
export const noSuchApplication = () => new AppError("not-found", "There is no such application.");

/** A `conflict` that shows what the application is now. */
export const conflictOver = async (
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
