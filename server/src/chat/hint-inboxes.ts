import type { UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import type { SyncHints } from "../sync/sync.ts";

/** Tells the open sockets of students, after the commit, that their inboxes changed. */
export const hintInboxes = (
  tx: UnitOfWork,
  {
    hints,
    userIds,
  }: { readonly hints: Pick<SyncHints, "inboxChanged">; readonly userIds: readonly UserId[] },
): void =>
  tx.onCommit(() => {
    for (const userId of userIds) hints.inboxChanged(userId);
  });
