import type { Database, UnitOfWork } from "@edvoyage/db";
import type { RoomId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { CommandSource, Commands, Receipt } from "../commands/commands.ts";
import type { SyncHints } from "../sync/sync.ts";

/** What open sockets are told of a change. */
export interface AfterCommit {
  /** The room whose log has something new. */
  readonly changedLog?: RoomId;
  /** Who may no longer read a room. */
  readonly gone?: { readonly roomId: RoomId; readonly userId: UserId };
  /** Whose inbox changed by something other than a log. */
  readonly changedInboxes?: readonly UserId[];
}

/** What a change came to. */
export interface CommandResult<Kept> {
  /** Kept with the command, for its repetitions. */
  readonly receipt: Kept;
  readonly news?: AfterCommit;
}

/**
 * Runs a change in one transaction, once per command, and tells the sockets when it is committed. Returns the receipt, of the
 * first arrival and of a repetition alike: see `Commands`.
 */
export type RunRoomCommand = <Kept extends Receipt<Kept>>(
  asking: CommandSource,
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
    const { receipt, news } = await database.write(async (tx) => {
      let news: AfterCommit = {};
      const first = async () => {
        const done = await act(tx, now);
        news = done.news ?? {};
        return done.receipt;
      };
      const receipt = await commands.run(tx, { userId, commandId, procedure, input, now }, first);
      return { receipt, news };
    });
    if (news.changedLog) hints.logChanged(news.changedLog);
    if (news.gone) hints.readerGone(news.gone.roomId, news.gone.userId);
    for (const one of news.changedInboxes ?? []) hints.inboxChanged(one);
    return receipt;
  };
