import type { CommandId, MessageId, RoomId } from "@edvoyage/protocol";
import { EdVoyageError } from "../runtime/errors.ts";
import { watchFrom } from "../runtime/observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { createDoneWrite, toWrite } from "../outbox/write.ts";
import type { Current } from "../students/current-student.ts";
import type { Room, RoomView } from "./api.ts";
import { assertEmoji, assertMessageText } from "./message-input.ts";
import type { OpenChat } from "./open-chat.ts";
import type { OpenRoom } from "./open-room.ts";
import { createServerCommand } from "./server-command.ts";

/** Creates a room of the current student. It is opened when it is first used. */
export const createRoom = (student: Current<{ readonly chat: OpenChat }>, roomId: RoomId): Room => {
  const lane = `room/${roomId}`;
  const view = student.follow(({ chat }) => chat.room(roomId).view, NOT_LOADED);
  const open = (): OpenRoom => student.require().chat.room(roomId);
  const change: OpenChat["change"] = async (call) => student.require().chat.change(call);

  return {
    id: roomId,
    get messages() {
      return view.value.messages;
    },
    get isLoaded() {
      return view.value.isLoaded;
    },
    get hasOlder() {
      return view.value.hasOlder;
    },
    get typingUserIds() {
      return view.value.typingUserIds;
    },
    watch: (listener) => watchFrom(view, listener),

    send: async (text, { replyTo = null } = {}) => {
      const { account, log } = open();
      assertMessageText(text);
      const entry = await account.outbox.add("chat.send", {
        input: { roomId, text, replyTo: replyTo === null ? null : toMessageId(replyTo) },
        lane,
      });
      log.typing.say(false);
      return toWrite(account.outbox, entry.id);
    },

    edit: async (givenId, text) => {
      const room = open();
      const { outbox, userId } = room.account;
      assertMessageText(text);
      const messageId = toMessageId(givenId);
      const author = room.view.value.messages.find(({ id }) => id === messageId)?.authorId;
      if (author !== undefined && author !== userId) {
        throw new EdVoyageError("forbidden", "This message is somebody else's.");
      }
      const own = ownEntry(room, messageId);
      assertNotFailed(own);
      if (own?.state === "pending" && own.procedure === "chat.send") {
        if (await outbox.rewrite(own.id, { ...own.input, text })) return toWrite(outbox, own.id);
      }
      const { id } = await outbox.add("chat.edit", {
        input: { roomId, messageId, text },
        lane,
        replaces: replaceable(room, "chat.edit", messageId),
      });
      return toWrite(outbox, id);
    },

    remove: async (givenId) => {
      const room = open();
      const { outbox, newId } = room.account;
      const messageId = toMessageId(givenId);
      const own = ownEntry(room, messageId);
      const about = entriesAbout(room, messageId).map(({ id }) => id);
      if (own?.state === "failed") {
        await outbox.discard(own.id);
        return createDoneWrite(newId());
      }
      // If a queued reply refers to this unsent message, send it first and remove it afterwards; otherwise the reply would point to nothing.
      const isAnswered = room.entries().some((entry) => isReplyTo(entry, messageId));
      if (own?.state === "pending" && !isAnswered && (await outbox.withdraw([own.id, ...about]))) {
        return createDoneWrite(newId());
      }
      const { id } = await outbox.add("chat.remove", { input: { roomId, messageId }, lane });
      return toWrite(outbox, id);
    },

    react: async (givenId, emoji) => {
      const room = open();
      if (emoji !== null) assertEmoji(emoji);
      const messageId = toMessageId(givenId);
      assertNotFailed(ownEntry(room, messageId));
      const { outbox } = room.account;
      const { id } = await outbox.add("chat.react", {
        input: { roomId, messageId, emoji },
        lane,
        replaces: replaceable(room, "chat.react", messageId),
      });
      return toWrite(outbox, id);
    },

    retry: async (messageId) => open().account.outbox.retry(toCommandId(messageId)),
    discard: async (messageId) => open().account.outbox.discard(toCommandId(messageId)),

    markRead: async (position) => {
      const room = open();
      const upTo = position ?? room.log.state.value.end;
      if (!upTo) return createDoneWrite(room.account.newId());
      return room.markRead({ segment: upTo.segment, index: upTo.index });
    },
    typing: (isTyping) => student.value?.chat.room(roomId).log.typing.say(isTyping),
    loadOlder: async () => open().log.loadOlder(),

    details: async () => {
      const { account } = open();
      return createServerCommand(account)(() => account.rpc.chat.rooms.get.query({ roomId }));
    },
    rename: (name) => change((rpc, commandId) => rpc.chat.rooms.rename.mutate({ roomId, name, commandId })),
    addMembers: (userIds) =>
      change((rpc, commandId) =>
        rpc.chat.rooms.addMembers.mutate({ roomId, memberIds: [...userIds], commandId }),
      ),
    removeMember: (userId) =>
      change((rpc, commandId) => rpc.chat.rooms.removeMember.mutate({ roomId, userId, commandId })),
    setRole: (userId, role) =>
      change((rpc, commandId) => rpc.chat.rooms.setRole.mutate({ roomId, userId, role, commandId })),
    leave: async () => {
      await change((rpc, commandId) => rpc.chat.rooms.leave.mutate({ roomId, commandId }));
    },
  };
};

const NOT_LOADED: RoomView = { messages: [], isLoaded: false, hasOlder: false, typingUserIds: [] };

/** Returns the own message with this id while it is in the outbox. */
const ownEntry = ({ account }: OpenRoom, id: MessageId): OutboxEntry | undefined => {
  const entry = account.outbox.get(toCommandId(id));
  return entry?.procedure === "chat.send" ? entry : undefined;
};

/** Returns the queued changes to a message. */
const entriesAbout = (room: OpenRoom, id: MessageId): readonly OutboxEntry[] =>
  room.entries().filter((entry) => "messageId" in entry.input && entry.input.messageId === id);

/** Returns a queued change of the same kind; the new change replaces it. */
const replaceable = (
  room: OpenRoom,
  procedure: "chat.edit" | "chat.react",
  id: MessageId,
): CommandId | undefined =>
  entriesAbout(room, id).find((entry) => entry.procedure === procedure && entry.state === "pending")?.id;

const isReplyTo = (entry: OutboxEntry, id: MessageId): boolean =>
  entry.procedure === "chat.send" && entry.input.replyTo === id;

const assertNotFailed = (own: OutboxEntry | undefined): void => {
  if (own?.state === "failed") throw new EdVoyageError("conflict", "Retry or discard this message first.");
};

const toMessageId = (id: string): MessageId => id as MessageId;
const toCommandId = (id: string): CommandId => id as CommandId;
