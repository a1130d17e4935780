import type { Queries, UnitOfWork } from "@edvoyage/db";
import {
  comparePositions,
  EVENT_VERSION,
  MAX_SHOWN_READERS,
  type CommandId,
  type Limits,
  type MessageId,
  type Position,
  type RoomId,
  type UserId,
} from "@edvoyage/protocol";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { StudentRateLimit } from "../limits/student-rate-limit.ts";
import type { PushOutbox } from "../push/outbox.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { CommandSource } from "../commands/commands.ts";
import type { CommandResult, RunRoomCommand } from "./acts.ts";
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
  newestChangeOf,
  type ChangeRow,
  type MessageRow,
  type CurrentMessageRow,
} from "./messages.store.ts";

/** Where an event of a message is in its room's log. It stays there, so a repetition answers the same. */
export interface MessageReceipt {
  readonly messageId: MessageId;
  readonly position: Position;
  /** The server's clock. */
  readonly at: number;
}

/** What a reaction came to. */
export interface ReactionReceipt extends Omit<MessageReceipt, "position"> {
  readonly emoji: string | null;
  /** `null` when there was nothing to take back. */
  readonly position: Position | null;
}

/** The emoji is the input's. */
type KeptReaction = Omit<ReactionReceipt, "emoji">;

/** A message as it is now, for clients that do not follow the log. */
export interface Message {
  readonly id: MessageId;
  readonly position: Position;
  readonly authorId: UserId;
  readonly at: number;
  /** With its newest edit; `null` once removed. */
  readonly text: string | null;
  readonly replyTo: MessageId | null;
  readonly editedAt: number | null;
  /** One a student, oldest first. */
  readonly reactions: readonly { readonly userId: UserId; readonly emoji: string }[];
}

/** Messages of a room, newest first. */
export interface MessagePage {
  readonly items: readonly Message[];
  /** What the next page takes as `before`; `null` on the last. */
  readonly nextCursor: Position | null;
}

/**
 * Messages and what is done with them. Everything throws `not-found` for a room that the student is not in now.
 * What is about a message also throws `not-found` for one that she cannot read, and works in sealed segments.
 */
export interface Messages {
  /**
   * The message's id is the command's. Throws `forbidden` where one has blocked the other, `limit/reached`
   * (messageCharacters), `rate/limited`, `not-found` for `replyTo`, `input/invalid` for an id that another entry has.
   */
  send(
    asking: CommandSource & { readonly commandId: CommandId },
    input: { readonly roomId: RoomId; readonly text: string; readonly replyTo: MessageId | null },
  ): Promise<MessageReceipt>;
  /** Throws `forbidden` for another's message, `conflict` for a removed one, and what `send` throws. */
  edit(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly messageId: MessageId; readonly text: string },
  ): Promise<MessageReceipt>;
  /**
   * Drops a message and its edits, for good and at every reader; doing it twice is no error. One's own, or in
   * a group as its owner or admin; `forbidden` for others.
   */
  remove(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly messageId: MessageId },
  ): Promise<MessageReceipt>;
  /** A student has one reaction to a message: a new one replaces it, `null` takes it back. */
  react(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly messageId: MessageId; readonly emoji: string | null },
  ): Promise<ReactionReceipt>;
  /** Marks as read up to and with a place; never goes back, never past the end. Returns what is read now, also when repeated. */
  markRead(
    asking: CommandSource,
    input: { readonly roomId: RoomId; readonly position: Position },
  ): Promise<{ readonly position: Position }>;
  /** Messages before a place (the end, unless told), from where the student may read on. */
  history(
    userId: UserId,
    input: { readonly roomId: RoomId; readonly before: Position | null; readonly limit: number },
  ): Promise<MessagePage>;
}

export interface MessagesDeps {
  readonly read: Queries;
  readonly logs: Pick<RoomLogs, "append" | "redact" | "end" | "decode">;
  readonly run: RunRoomCommand;
  readonly push: Pick<PushOutbox, "messageSent">;
  readonly rate: StudentRateLimit;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "messageCharacters">;
}

/** After every entry that there can be. */
const AFTER_ALL: Position = { segment: 2 ** 31 - 1, index: 0 };

export const createMessages = ({ read, logs, run, push, rate, newId, limits }: MessagesDeps): Messages => {
  /** Takes the log's lock first, so that what is decided holds until the entry is written. */
  const standingOf = async (
    tx: UnitOfWork,
    userId: UserId,
    about: { readonly roomId: RoomId; readonly entryId?: string; readonly subjectId: MessageId | null },
  ) => {
    const { roomId, entryId = null, subjectId } = about;
    await tx.lock(`log:${roomId}`);
    const standing = await tx.first(queries.standing, { roomId, userId, entryId, subjectId });
    if (!standing) throw new AppError("not-found", "There is no such room.");
    return standing;
  };

  const append = async (
    tx: UnitOfWork,
    roomId: RoomId,
    { event, messageId }: { readonly event: ChatEvent; readonly messageId: MessageId },
  ): Promise<CommandResult<MessageReceipt>> => {
    const position = await logs.append(tx, roomId, eventToEntry(roomId, event));
    return { receipt: { messageId, position, at: event[4] }, news: { changedLog: roomId } };
  };

  const assertLength = (text: string): void => {
    if (text.length <= limits.messageCharacters) return;
    throw new AppError("limit/reached", "This message is too long.", { limit: "messageCharacters" });
  };

  const post: Messages["send"] = (asking, input) =>
    run(asking, { procedure: "chat.send", input }, async (tx, now) => {
      const { roomId, text, replyTo } = input;
      const { userId } = asking;
      const messageId = commandToMessageId(asking.commandId);
      const standing = await standingOf(tx, userId, { roomId, entryId: messageId, subjectId: replyTo });
      const known = knownMessage(standing, { roomId, userId });
      if (known) return { receipt: { messageId, ...known } };
      assertNotBlocked(standing);
      assertLength(text);
      if (replyTo !== null && standing.subject_segment === null) throw noSuchMessage();
      rate.take(userId);
      await push.messageSent(tx, messageId, now);
      return append(tx, roomId, {
        event: [EVENT_VERSION, "message", messageId, userId, now, text, replyTo],
        messageId,
      });
    });

  return {
    send: async (asking, input) => {
      const messageId = commandToMessageId(asking.commandId);
      try {
        return await post(asking, input);
      } catch (error) {
        // PostgreSQL: somebody else took the id in another room at this moment. Now it is seen, and refused as known.
        if (error instanceof AppError || !(await read.first(queries.entry, { id: messageId }))) throw error;
        return post(asking, input);
      }
    },

    edit: (asking, input) =>
      run(asking, { procedure: "chat.edit", input }, async (tx, now) => {
        const { roomId, messageId, text } = input;
        const { userId } = asking;
        const standing = await standingOf(tx, userId, { roomId, subjectId: messageId });
        assertNotBlocked(standing);
        assertLength(text);
        if (standing.subject_segment === null) throw noSuchMessage();
        if (standing.subject_author_id !== userId) {
          throw new AppError("forbidden", "This message is somebody else's.");
        }
        if (standing.is_removed === 1) throw removed();
        rate.take(userId);
        return append(tx, roomId, {
          event: [EVENT_VERSION, "edit", newId(now), userId, now, messageId, text],
          messageId,
        });
      }),

    remove: (asking, input) =>
      run(asking, { procedure: "chat.remove", input }, async (tx, now) => {
        const { roomId, messageId } = input;
        const { userId } = asking;
        const standing = await standingOf(tx, userId, { roomId, subjectId: messageId });
        const place = subjectPlace(standing);
        if (!place) throw noSuchMessage();
        const mayRemove =
          standing.subject_author_id === userId ||
          (standing.room_kind === "group" && standing.role !== "member");
        if (!mayRemove) throw new AppError("forbidden", "This message is somebody else's.");
        const former = await tx.first(queries.removal, { messageId });
        if (former) return { receipt: { messageId, position: rowToPosition(former), at: former.at } };
        const edits = await tx.all(queries.editsOf, { messageId });
        await logs.redact(tx, roomId, { places: [place, ...edits.map(rowToPosition)], now });
        return append(tx, roomId, {
          event: [EVENT_VERSION, "remove", newId(now), userId, now, messageId],
          messageId,
        });
      }),

    react: async (asking, input) => {
      const { emoji } = input;
      const receipt = await run<KeptReaction>(asking, { procedure: "chat.react", input }, async (tx, now) => {
        const { roomId, messageId } = input;
        const { userId } = asking;
        const standing = await standingOf(tx, userId, { roomId, subjectId: messageId });
        assertNotBlocked(standing);
        if (standing.subject_segment === null) throw noSuchMessage();
        if (standing.is_removed === 1) throw removed();
        const former = await tx.first(queries.latestReaction, { messageId, userId });
        if (!former && emoji === null) return { receipt: { messageId, position: null, at: now } };
        if (former?.bytes && emojiOf(logs.decode(former.bytes)) === emoji) {
          return { receipt: { messageId, position: rowToPosition(former), at: former.at } };
        }
        rate.take(userId);
        return append(tx, roomId, {
          event: [EVENT_VERSION, "reaction", newId(now), userId, now, messageId, emoji],
          messageId,
        });
      });
      return { ...receipt, emoji };
    },

    markRead: async (asking, input) => {
      const { roomId } = input;
      const { userId } = asking;
      const { position } = await run(asking, { procedure: "chat.markRead", input }, async (tx, now) => {
        const before = await tx.first(queries.readPosition, { roomId, userId });
        if (!before) throw new AppError("not-found", "There is no such room.");
        const end = await logs.end(tx, roomId);
        const { segment, index } =
          comparePositions(input.position, end) < 0 ? input.position : { ...end, index: end.index - 1 };
        const moved = await tx.first(queries.markRead, { roomId, userId, segment, position: index, now });
        if (!moved) {
          return { receipt: { position: { segment: before.read_segment, index: before.read_position } } };
        }
        // In larger rooms nobody is shown who has read what.
        const isShown = before.member_count <= MAX_SHOWN_READERS;
        const watchers = isShown ? await tx.all(queries.watchers, { roomId, userId }) : [];
        const changedInboxes = isShown ? watchers.map((row) => row.user_id) : [userId];
        return { receipt: { position: { segment, index } }, news: { changedInboxes } };
      });
      const own = await read.first(queries.readPosition, { roomId, userId });
      // The room was left since: where it was read to then.
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
      const about = ids.length > 0 ? await newestChangeOf(read, ids, ["edit", "reaction"]) : [];
      const last = shown.at(-1);
      return {
        items: shown.map((row) =>
          rowsToMessage(
            row,
            about.filter(({ subject_id }) => subject_id === row.id),
            logs,
          ),
        ),
        nextCursor: rows.length > limit && last ? rowToPosition(last) : null,
      };
    },
  };
};

/** The place and time of the message that has the new one's id, if it is the same one. */
const knownMessage = (
  standing: CurrentMessageRow,
  { roomId, userId }: { readonly roomId: RoomId; readonly userId: UserId },
): Omit<MessageReceipt, "messageId"> | undefined => {
  const { known_id, known_segment: segment, known_position: index, known_at: at } = standing;
  if (known_id === null || segment === null || index === null || at === null) return undefined;
  const isSame =
    standing.known_kind === "message" &&
    standing.known_log_id === roomId &&
    standing.known_author_id === userId;
  if (isSame) return { position: { segment, index }, at };
  throw new AppError("input/invalid", "This command id belongs to something else.", {
    issues: [{ path: "commandId", message: "Already used for something else" }],
  });
};

const assertNotBlocked = ({ has_blocked, is_blocked }: CurrentMessageRow): void => {
  if (has_blocked !== 1 && is_blocked !== 1) return;
  throw new AppError("forbidden", "One of the two has blocked the other.");
};

const subjectPlace = ({ subject_segment, subject_position }: CurrentMessageRow): Position | undefined =>
  subject_segment === null || subject_position === null
    ? undefined
    : { segment: subject_segment, index: subject_position };

const rowToPosition = ({ segment, position }: { segment: number; position: number }): Position => ({
  segment,
  index: position,
});

const rowsToMessage = (
  row: MessageRow,
  about: readonly ChangeRow[],
  logs: Pick<RoomLogs, "decode">,
): Message => {
  const event = row.bytes ? logs.decode(row.bytes) : undefined;
  const edit = about.findLast(({ kind }) => kind === "edit");
  const editEvent = event && edit?.bytes ? logs.decode(edit.bytes) : undefined;
  const reactions = about.flatMap(({ kind, author_id, bytes }) => {
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

const removed = () => new AppError("conflict", "This message has been removed.");
