import type { Database } from "@edvoyage/db";
import { FRESH_SIGN_IN_MS, UNDO_DELETION_MS, type AccountExport, type UserId } from "@edvoyage/protocol";
import type { Audit, AuditActor } from "../audit/audit.ts";
import type { Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import type { Sessions, SignedIn } from "../sessions/sessions.ts";
import type { ExportPart } from "./personal-data.ts";
import { accountQueries as queries } from "./account.store.ts";

/** Exports and deletes a student's whole account. */
export interface Account {
  /**
   * Collects all of the student's data as one JSON value. The parts are read page by page, but the result is held in memory
   * as a whole, so a process makes one export at a time.
   * Throws `rate/limited` while another export of the same student is running, and `not-found`.
   */
  export(userId: UserId, actor: AuditActor): Promise<AccountExport>;
  /**
   * Ends all of the student's sessions at once and schedules the erasure in seven days. Signing in before then cancels it.
   * Throws `session/not-fresh` when the sign-in is more than five minutes ago, and `not-found`.
   */
  delete(caller: SignedIn): Promise<{ readonly eraseAt: number }>;
}

export interface AccountDeps {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly sessions: Pick<Sessions, "endAll">;
  readonly parts: readonly ExportPart[];
}

/** How soon the client may ask again while an export is running. */
const RETRY_AFTER_SECONDS = 30;

export const createAccount = ({ database, audit, clock, sessions, parts }: AccountDeps): Account => {
  const exporting = new Set<UserId>();
  let lastExport: Promise<unknown> = Promise.resolve();

  const collect = async (userId: UserId, actor: AuditActor): Promise<AccountExport> => {
    const user = await database.read.first(queries.user, { id: userId });
    if (!user) throw new AppError("not-found", "There is no such student.");
    const exportedAt = clock.now();
    const collected: [string, unknown][] = [];
    for (const part of parts) collected.push([part.name, await part.read(userId)]);
    await database.write((tx) =>
      audit.record(tx, { at: exportedAt, action: "account.exported", actor, userId, phone: user.phone }),
    );
    return {
      exportedAt,
      user: { id: user.id, phone: user.phone, createdAt: user.created_at },
      ...Object.fromEntries(collected),
    };
  };

  return {
    export: async (userId, actor) => {
      if (exporting.has(userId)) {
        throw new AppError("rate/limited", "An export of this student's data is already running.", {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
      exporting.add(userId);
      const queued = lastExport.then(() => collect(userId, actor)).finally(() => exporting.delete(userId));
      lastExport = queued.catch(() => {});
      return queued;
    },

    delete: async ({ user: { id, phone }, session }) => {
      const now = clock.now();
      if (now - session.createdAt > FRESH_SIGN_IN_MS)
        throw new AppError("session/not-fresh", "Sign in again to delete the account.");
      return database.write(async (tx) => {
        await tx.lock(`phone:${phone}`);
        await tx.all(queries.requestDeletion, { id, eraseAt: now + UNDO_DELETION_MS });
        const user = await tx.first(queries.user, { id });
        if (!user || user.erase_at === null) throw new AppError("not-found", "There is no such student.");
        const actor: AuditActor = `user:${id}`;
        await audit.record(tx, { at: now, action: "account.deletion-requested", actor, userId: id, phone });
        await sessions.endAll(tx, id, { actor, now });
        return { eraseAt: user.erase_at };
      });
    },
  };
};
