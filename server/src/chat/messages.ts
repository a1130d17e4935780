import type { Queries, UnitOfWork } from "@edvoyage/db";
import {
  comparePositions,
  EVENT_VERSION,
  MAX_SHOWN_READERS,
  type CommandId,
  type Limits,
  type Message,
  type MessageId,
  type MessagePage,
  type MessageReceipt,
  type Position,
  type ReactionReceipt,
  type RoomId,
  type UserId,
} from "@edvoyage/protocol";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { PushOutbox } from "../push/outbox.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { SyncHints } from "../sync/sync.ts";
import type { CommandSource, Commands } from "../commands/commands.ts";
import { hintInboxes } from "./hint-inboxes.ts";
import {
  commandToMessageId,
  emojiOf,
  eventToEntry,
  replyToOf,
  textOf,
  toMessageId,
  toUserId,
  type ChatEvent,
} from "./events.ts";
import {
  messageQueries as queries,
  newestChangesOf,
  type ChangeRow,
  type MessageRow,
  type MessageContextRow,
} from "./messages.store.ts";

/** Stored without the emoji, which is part of the input. */
type KeptReaction = Omit<ReactionReceipt, "emoji">;

/**
 * Sends, changes and reads messages. Every method throws `not-found` for a room that the student is not in now.
 * Methods that take a message id also throw `not-found` for a message that the student cannot read. They work on messages in
 * sealed segments too.
 */
export interface Messages {
  /**
   * Sends a message; its id is the command's id. Throws `forbidden` where one student has blocked the other, `limit/reached`
   * (messageCharacters), `rate/limited`, `not-found` for `replyTo`, `input/invalid` for an id that another entry already has.
   */
  send(
    source: CommandSource & { readonly commandId: CommandId },
    input: { readonly roomId: RoomId; readonly text: string; readonly replyTo: MessageId | null },
  ): Promise<MessageReceipt>;
  /** Throws `forbidden` for another student's message, `conflict` for a removed one, and all errors of `send`. */
  edit(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly messageId: MessageId; readonly text: string },
  ): Promise<MessageReceipt>;
  /**
   * Removes a message and its edits for good, here and on every reader's device. Idempotent. A student may remove their own
   * messages, and the owner and admins of a group may remove any; throws `forbidden` otherwise.
   */
  remove(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly messageId: MessageId },
  ): Promise<MessageReceipt>;
  /** Sets the student's one reaction to a message: a new emoji replaces the old one, `null` withdraws it. */
  react(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly messageId: MessageId; readonly emoji: string | null },
  ): Promise<ReactionReceipt>;
  /**
   * Marks a room as read up to and including a position. The read position never moves back and never past the end.
   * Returns the read position as it is now, also for a repeated command.
   */
  markRead(
    source: CommandSource,
    input: { readonly roomId: RoomId; readonly position: Position },
  ): Promise<{ readonly position: Position }>;
  /** Returns messages before a position, only from segments that the student may read. Default: from the end. */
  history(
    userId: UserId,
    input: { readonly roomId: RoomId; readonly before: Position | null; readonly limit: number },
  ): Promise<MessagePage>;
}

export interface MessagesDeps {
  readonly read: Queries;
  readonly logs: Pick<RoomLogs, "append" | "redact" | "end" | "decode">;
  readonly commands: Pick<Commands, "execute">;
  readonly push: Pick<PushOutbox, "messageSent">;
  readonly hints: Pick<SyncHints, "logChanged" | "inboxChanged">;
  readonly rate: StudentRateLimit;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "messageCharacters">;
}

/** A position after every possible entry. */
const AFTER_ALL: Position = { segment: 2 ** 31 - 1, index: 0 };

export const createMessages = (deps: MessagesDeps): Messages => {
  const { read, logs, commands, push, hints, rate, newId, limits } = deps;

  /** Takes the log's lock first, so that the context stays valid until the entry is written. */
  const lockContext = async (
    tx: UnitOfWork,
    userId: UserId,
    ids: { readonly roomId: RoomId; readonly entryId?: string; readonly subjectId: MessageId | null },
  ) => {
    const { roomId, entryId = null, subjectId } = ids;
    await tx.lock(`log:${roomId}`);
    const context = await tx.first(queries.messageContext, { roomId, userId, entryId, subjectId });
    if (!context) throw new AppError("not-found", "There is no such room.");
    return context;
  };

  const append = async (
    tx: UnitOfWork,
    roomId: RoomId,
    { event, messageId }: { readonly event: ChatEvent; readonly messageId: MessageId },
  ): Promise<MessageReceipt> => {
    const position = await logs.append(tx, roomId, eventToEntry(roomId, event));
    tx.onCommit(() => hints.logChanged(roomId));
    return { messageId, position, at: event[4] };
  };

  const assertLength = (text: string): void => {
    if (text.length <= limits.messageCharacters) return;
    throw new AppError("limit/reached", "This message is too long.", { limit: "messageCharacters" });
  };

  const sendOnce: Messages["send"] = (source, input) =>
    commands.execute(source, { procedure: "chat.send", input }, async (tx, now) => {
      const { roomId, text, replyTo } = input;
      const { userId } = source;
      const messageId = commandToMessageId(source.commandId);
      const context = await lockContext(tx, userId, { roomId, entryId: messageId, subjectId: replyTo });
      const sentBefore = findSentBefore(context, { roomId, userId });
      if (sentBefore) return { messageId, ...sentBefore };
      assertNotBlocked(context);
      assertLength(text);
      if (replyTo !== null && context.subject_segment === null) throw noSuchMessage();
      rate.take(userId);
      await push.messageSent(tx, messageId, now);
      return append(tx, roomId, {
        event: [EVENT_VERSION, "message", messageId, userId, now, text, replyTo],
        messageId,
      });
    });

  return {
    send: async (source, input) => {
      const messageId = commandToMessageId(source.commandId);
      try {
        return await sendOnce(source, input);
      } catch (error) {
        // On PostgreSQL another transaction may have used the same id in another room at the same time. The second attempt sees
        // that entry and throws `input/invalid`.
        if (error instanceof AppError || !(await read.first(queries.entryById, { id: messageId })))
          throw error;
        return sendOnce(source, input);
      }
    },

    edit: (source, input) =>
      commands.execute(source, { procedure: "chat.edit", input }, async (tx, now) => {
        const { roomId, messageId, text } = input;
        const { userId } = source;
        const context = await lockContext(tx, userId, { roomId, subjectId: messageId });
        assertNotBlocked(context);
        assertLength(text);
        if (context.subject_segment === null) throw noSuchMessage();
        if (context.subject_author_id !== userId) {
          throw new AppError("forbidden", "This message is somebody else's.");
        }
        if (context.is_removed === 1) throw messageRemoved();
        rate.take(userId);
        return append(tx, roomId, {
          event: [EVENT_VERSION, "edit", newId(now), userId, now, messageId, text],
          messageId,
        });
      }),

    remove: (source, input) =>
      commands.execute(source, { procedure: "chat.remove", input }, async (tx, now) => {
        const { roomId, messageId } = input;
        const { userId } = source;
        const context = await lockContext(tx, userId, { roomId, subjectId: messageId });
        const position = subjectPosition(context);
        if (!position) throw noSuchMessage();
        const mayRemove =
          context.subject_author_id === userId ||
          (context.room_kind === "group" && context.role !== "member");
        if (!mayRemove) throw new AppError("forbidden", "This message is somebody else's.");
        const former = await tx.first(queries.removalOf, { messageId });
        if (former) return { messageId, position: rowToPosition(former), at: former.at };
        const edits = await tx.all(queries.editsOf, { messageId });
        await logs.redact(tx, roomId, { places: [position, ...edits.map(rowToPosition)], now });
        return append(tx, roomId, {
          event: [EVENT_VERSION, "remove", newId(now), userId, now, messageId],
          messageId,
        });
      }),

    react: async (source, input) => {
      const { emoji } = input;
      const act = async (tx: UnitOfWork, now: number): Promise<KeptReaction> => {
        const { roomId, messageId } = input;
        const { userId } = source;
        const context = await lockContext(tx, userId, { roomId, subjectId: messageId });
        assertNotBlocked(context);
        if (context.subject_segment === null) throw noSuchMessage();
        if (context.is_removed === 1) throw messageRemoved();
        const former = await tx.first(queries.latestReaction, { messageId, userId });
        if (!former && emoji === null) return { messageId, position: null, at: now };
        if (former?.bytes && emojiOf(logs.decode(former.bytes)) === emoji) {
          return { messageId, position: rowToPosition(former), at: former.at };
        }
        rate.take(userId);
        return append(tx, roomId, {
          event: [EVENT_VERSION, "reaction", newId(now), userId, now, messageId, emoji],
          messageId,
        });
      };
      const receipt = await commands.execute(source, { procedure: "chat.react", input }, act);
      return { ...receipt, emoji };
    },

    markRead: async (source, input) => {
      const { roomId } = input;
      const { userId } = source;
      const act = async (tx: UnitOfWork, now: number): Promise<{ readonly position: Position }> => {
        const before = await tx.first(queries.readPosition, { roomId, userId });
        if (!before) throw new AppError("not-found", "There is no such room.");
        const end = await logs.end(tx, roomId);
        const { segment, index } =
          comparePositions(input.position, end) < 0 ? input.position : { ...end, index: end.index - 1 };
        const moved = await tx.first(queries.markRead, { roomId, userId, segment, position: index, now });
        if (!moved) {
          return { position: { segment: before.read_segment, index: before.read_position } };
        }
        // Larger rooms show nobody's read position.
        const isShown = before.member_count <= MAX_SHOWN_READERS;
        const viewers = isShown ? await tx.all(queries.readPositionViewers, { roomId, userId }) : [];
        hintInboxes(tx, { hints, userIds: isShown ? viewers.map((row) => row.user_id) : [userId] });
        return { position: { segment, index } };
      };
      const { position } = await commands.execute(source, { procedure: "chat.markRead", input }, act);
      const own = await read.first(queries.readPosition, { roomId, userId });
      // If the student has left the room since, return the position from the receipt.
      return { position: own ? { segment: own.read_segment, index: own.read_position } : position };
    },

    history: async (userId, { roomId, before, limit }) => {
      if (!(await read.first(queries.readPosition, { roomId, userId }))) {
        throw new AppError("not-found", "There is no such room.");
      }
      const { segment, index: position } = before ?? AFTER_ALL;
      const rows = await read.all(queries.page, { roomId, userId, segment, position, limit: limit + 1 });
      const shown = rows.slice(0, limit);
      const ids = shown.map(({ id }) => id);
      const changes = ids.length > 0 ? await newestChangesOf(read, ids, ["edit", "reaction"]) : [];
      const last = shown.at(-1);
      return {
        items: shown.map((row) =>
          rowsToMessage(
            row,
            changes.filter(({ subject_id }) => subject_id === row.id),
            logs,
          ),
        ),
        nextCursor: rows.length > limit && last ? rowToPosition(last) : null,
      };
    },
  };
};

/**
 * Returns the position and time of the message if this command already sent it. Throws `input/invalid` if another entry has
 * its id.
 */
const findSentBefore = (
  context: MessageContextRow,
  { roomId, userId }: { readonly roomId: RoomId; readonly userId: UserId },
): Omit<MessageReceipt, "messageId"> | undefined => {
  const { existing_id, existing_segment: segment, existing_position: index, existing_at: at } = context;
  if (existing_id === null || segment === null || index === null || at === null) return undefined;
  const isSame =
    context.existing_kind === "message" &&
    context.existing_log_id === roomId &&
    context.existing_author_id === userId;
  if (isSame) return { position: { segment, index }, at };
  throw new AppError("input/invalid", "This command id belongs to something else.", {
    issues: [{ path: "commandId", message: "Already used for something else" }],
  });
};

const assertNotBlocked = ({ has_blocked, is_blocked }: MessageContextRow): void => {
  if (has_blocked !== 1 && is_blocked !== 1) return;
  throw new AppError("forbidden", "One of the two students has blocked the other.");
};

const subjectPosition = ({ subject_segment, subject_position }: MessageContextRow): Position | undefined =>
  subject_segment === null || subject_position === null
    ? undefined
    : { segment: subject_segment, index: subject_position };

const rowToPosition = ({ segment, position }: { segment: number; position: number }): Position => ({
  segment,
  index: position,
});

const rowsToMessage = (
  row: MessageRow,
  changes: readonly ChangeRow[],
  logs: Pick<RoomLogs, "decode">,
): Message => {
  const event = row.bytes ? logs.decode(row.bytes) : undefined;
  const edit = changes.findLast(({ kind }) => kind === "edit");
  const editEvent = event && edit?.bytes ? logs.decode(edit.bytes) : undefined;
  const reactions = changes.flatMap(({ kind, author_id, bytes }) => {
    const emoji = kind === "reaction" && bytes ? emojiOf(logs.decode(bytes)) : null;
    return emoji !== null && author_id !== null ? [{ userId: toUserId(author_id), emoji }] : [];
  });
  return {
    id: toMessageId(row.id),
    position: rowToPosition(row),
    authorId: toUserId(row.author_id ?? ""),
    at: row.at,
    text: editEvent ? textOf(editEvent) : event ? textOf(event) : null,
    replyTo: event ? replyToOf(event) : null,
    editedAt: editEvent && edit ? edit.at : null,
    reactions,
  };
};

const noSuchMessage = () => new AppError("not-found", "There is no such message.");

const messageRemoved = () => new AppError("conflict", "This message has been removed.");
