import type { Database, UnitOfWork } from "@edvoyage/db";
import type { RoomId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands, Receipt } from "../commands/commands.ts";
import type { SyncHints } from "../sync/sync.ts";

/** Hints for open sockets, sent after a change is committed. */
export interface AfterCommit {
  /** The room whose log has a new entry. */
  readonly changedLog?: RoomId;
  /** A student who may no longer read a room. */
  readonly removedReader?: { readonly roomId: RoomId; readonly userId: UserId };
  /** Students whose inbox changed for another reason than a new log entry. */
  readonly changedInboxes?: readonly UserId[];
}

/** The result of a change. */
export interface CommandResult<Kept> {
  /** Stored with the command and returned again when the command is repeated. */
  readonly receipt: Kept;
  readonly afterCommit?: AfterCommit;
}

/**
 * Runs a change in one transaction, once per command, and sends hints to the sockets after the commit. A repeated command
 * returns the receipt of its first run: see `Commands`.
 */
export type RunRoomCommand = <Kept extends Receipt<Kept>>(
  source: CommandSource,
  command: { readonly procedure: string; readonly input: unknown },
  act: (tx: UnitOfWork, now: number) => Promise<CommandResult<Kept>>,
) => Promise<Kept>;

export const createRunRoomCommand =
  ({
    database,
    commands,
    clock,
    hints,
  }: {
    readonly database: Database;
    readonly commands: Commands;
    readonly clock: Clock;
    readonly hints: SyncHints;
  }): RunRoomCommand =>
  async ({ userId, commandId }, { procedure, input }, act) => {
    const now = clock.now();
    const { receipt, afterCommit } = await database.write(async (tx) => {
      let afterCommit: AfterCommit = {};
      const firstRun = async () => {
        const result = await act(tx, now);
        afterCommit = result.afterCommit ?? {};
        return result.receipt;
      };
      const receipt = await commands.run(tx, { userId, commandId, procedure, input, now }, firstRun);
      return { receipt, afterCommit };
    });
    if (afterCommit.changedLog) hints.logChanged(afterCommit.changedLog);
    if (afterCommit.removedReader) {
      hints.readerGone(afterCommit.removedReader.roomId, afterCommit.removedReader.userId);
    }
    for (const changedId of afterCommit.changedInboxes ?? []) hints.inboxChanged(changedId);
    return receipt;
  };
