import type { CommandId, MessageId, RoomId, UserId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import { createSubject, watchFrom } from "../runtime/observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { RoomLog } from "../sync/room-log.ts";
import type { Message, Room, RoomView } from "./api.ts";
import type { Inbox } from "./inbox.ts";
import { assertEmoji, assertMessageText } from "./message-input.ts";
import { entryToMessage } from "./message.ts";
import { createMessagesView } from "./messages-view.ts";
import type { ServerCommand } from "./server-command.ts";

/** A room with the methods for the code that owns it. */
export interface OpenRoom extends Room {
  close(): void;
}

export interface RoomDeps {
  readonly roomId: RoomId;
  readonly account: StudentContext;
  readonly log: RoomLog;
  readonly inbox: Pick<Inbox, "markRead">;
  readonly command: ServerCommand;
  /** Refreshes the list of rooms after the student has changed the room. */
  readonly refresh: () => Promise<void>;
}

/** Creates a room and starts to read the device's copy of it. */
export const createRoom = ({ roomId, account, log, inbox, command, refresh }: RoomDeps): OpenRoom => {
  const { outbox, rpc, userId, report } = account;
  const lane = `room/${roomId}`;
  const viewMessages = createMessagesView(userId);
  const entriesHere = (): readonly OutboxEntry[] =>
    outbox.entries.value.filter((entry) => isAbout(entry, roomId));

  const view = (): RoomView => {
    const { segments, end, hasOlder } = log.state.value;
    return {
      messages: viewMessages({ segments, end, entries: entriesHere() }),
      isLoaded: segments.length > 0,
      hasOlder,
      typingUserIds: log.typing.userIds.value,
    };
  };
  const changed = createSubject(view());
  const update = (): void => {
    const [before, now] = [changed.value, view()];
    const isSame =
      before.messages === now.messages &&
      before.isLoaded === now.isLoaded &&
      before.hasOlder === now.hasOlder &&
      before.typingUserIds === now.typingUserIds;
    if (!isSame) changed.set(now);
  };
  const unsubscribes = [log.state, outbox.entries, log.typing.userIds].map((source) =>
    source.subscribe(update),
  );
  log
    .load()
    .catch((cause: unknown) => report({ kind: "fault", message: "A room could not be read.", cause }));

  /** Returns the own message with this id while it is in the outbox. */
  const ownEntry = (id: MessageId): OutboxEntry | undefined =>
    outbox.entries.value.find((entry) => entry.procedure === "chat.send" && String(entry.id) === id);
  /** Returns the queued changes to a message. */
  const entriesAbout = (id: MessageId): readonly OutboxEntry[] =>
    entriesHere().filter((entry) => "messageId" in entry.input && entry.input.messageId === id);
  /** Returns a queued change of the same kind; the new change replaces it. */
  const replaceable = (procedure: "chat.edit" | "chat.react", id: MessageId): CommandId | undefined =>
    entriesAbout(id).find((entry) => entry.procedure === procedure && entry.state === "pending")?.id;
  const isReplyTo = (entry: OutboxEntry, id: MessageId): boolean =>
    entry.procedure === "chat.send" && entry.input.replyTo === id;

  const act = async <Answer>(call: (commandId: CommandId) => Promise<Answer>): Promise<Answer> => {
    const answer = await command(call);
    await refresh();
    return answer;
  };

  return {
    id: roomId,
    get messages() {
      return changed.value.messages;
    },
    get isLoaded() {
      return changed.value.isLoaded;
    },
    get hasOlder() {
      return changed.value.hasOlder;
    },
    get typingUserIds() {
      return changed.value.typingUserIds;
    },

    watch: (listener) => {
      const unsubscribe = watchFrom(changed, listener);
      const unfollow = log.follow();
      return () => {
        unsubscribe();
        unfollow();
      };
    },

    send: async (text, { replyTo = null } = {}) => {
      assertMessageText(text);
      const entry = await outbox.add("chat.send", {
        input: { roomId, text, replyTo: replyTo === null ? null : toMessageId(replyTo) },
        lane,
      });
      log.typing.say(false);
      return sentMessage(entry, userId);
    },

    edit: async (givenId, text) => {
      assertMessageText(text);
      const messageId = toMessageId(givenId);
      const author = changed.value.messages.find(({ id }) => id === messageId)?.authorId;
      if (author !== undefined && author !== userId) {
        throw new EdVoyageError("forbidden", "This message is somebody else's.");
      }
      const own = ownEntry(messageId);
      assertNotFailed(own);
      if (own?.state === "pending" && own.procedure === "chat.send") {
        if (await outbox.rewrite(own.id, { ...own.input, text })) return;
      }
      await outbox.add("chat.edit", {
        input: { roomId, messageId, text },
        lane,
        replaces: replaceable("chat.edit", messageId),
      });
    },

    remove: async (givenId) => {
      const messageId = toMessageId(givenId);
      const own = ownEntry(messageId);
      const about = entriesAbout(messageId).map(({ id }) => id);
      if (own?.state === "failed") return outbox.discard(own.id);
      // If a queued reply refers to this unsent message, send it first and remove it afterwards; otherwise the reply would point to nothing.
      const isAnswered = entriesHere().some((entry) => isReplyTo(entry, messageId));
      if (own?.state === "pending" && !isAnswered && (await outbox.withdraw([own.id, ...about]))) return;
      await outbox.add("chat.remove", { input: { roomId, messageId }, lane });
    },

    react: async (givenId, emoji) => {
      if (emoji !== null) assertEmoji(emoji);
      const messageId = toMessageId(givenId);
      assertNotFailed(ownEntry(messageId));
      await outbox.add("chat.react", {
        input: { roomId, messageId, emoji },
        lane,
        replaces: replaceable("chat.react", messageId),
      });
    },

    retry: (messageId) => outbox.retry(toCommandId(messageId)),
    discard: (messageId) => outbox.discard(toCommandId(messageId)),

    markRead: async (position) => {
      const upTo = position ?? log.state.value.end;
      if (upTo) await inbox.markRead(roomId, { segment: upTo.segment, index: upTo.index });
    },
    typing: (isTyping) => log.typing.say(isTyping),
    loadOlder: () => log.loadOlder(),

    details: () => command(() => rpc.chat.rooms.get.query({ roomId })),
    rename: (name) => act((commandId) => rpc.chat.rooms.rename.mutate({ roomId, name, commandId })),
    addMembers: (userIds) =>
      act((commandId) => rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [...userIds], commandId })),
    removeMember: (id) =>
      act((commandId) => rpc.chat.rooms.removeMember.mutate({ roomId, userId: id, commandId })),
    setRole: (id, role) =>
      act((commandId) => rpc.chat.rooms.setRole.mutate({ roomId, userId: id, role, commandId })),
    leave: async () => {
      await act((commandId) => rpc.chat.rooms.leave.mutate({ roomId, commandId }));
    },

    close: () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  };
};

const isAbout = (entry: OutboxEntry, roomId: RoomId): boolean =>
  "roomId" in entry.input && entry.input.roomId === roomId;

const assertNotFailed = (own: OutboxEntry | undefined): void => {
  if (own?.state === "failed") throw new EdVoyageError("conflict", "Retry or discard this message first.");
};

const sentMessage = (entry: OutboxEntry, userId: UserId): Message => {
  if (entry.procedure !== "chat.send") throw new Error("The outbox returned a command that is not a message");
  return entryToMessage(entry, userId);
};

const toMessageId = (id: string): MessageId => id as MessageId;
const toCommandId = (id: string): CommandId => id as CommandId;
