import type { Database } from "@edvoyage/db";
import { FRESH_SIGN_IN_MS, UNDO_DELETION_MS, type UserId } from "@edvoyage/protocol";
import type { Audit, AuditActor } from "../audit/audit.ts";
import type { Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import type { Sessions, SignedIn } from "../sessions/sessions.ts";
import type { ExportPart } from "./personal-data.ts";
import { accountQueries as queries } from "./account.store.ts";

/** Everything that is a student's: `user` with her phone, and the parts that features contribute by their names. */
export interface AccountExport {
  readonly exportedAt: number;
  readonly user: { readonly id: UserId; readonly phone: string; readonly createdAt: number };
  readonly [part: string]: unknown;
}

/** What a student may do with her account as a whole. */
export interface Account {
  /**
   * One JSON of everything that is hers. It is read page by page, and is in memory as a whole once: one at a time a process.
   * Throws `rate/limited` while another of the same student is under way, `not-found`.
   */
  export(userId: UserId, actor: AuditActor): Promise<AccountExport>;
  /**
   * Ends all her sessions at once and erases her in seven days, unless she signs in before.
   * Throws `session/not-fresh` when the sign-in is more than five minutes ago.
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

/** How soon to ask again while an export is under way, in seconds. */
const RETRY_AFTER_SECONDS = 30;

export const createAccount = ({ database, audit, clock, sessions, parts }: AccountDeps): Account => {
  const exporting = new Set<UserId>();
  let last: Promise<unknown> = Promise.resolve();

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
        throw new AppError("rate/limited", "This student's data is being collected already.", {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
      exporting.add(userId);
      const turn = last.then(() => collect(userId, actor)).finally(() => exporting.delete(userId));
      last = turn.catch(() => {});
      return turn;
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
