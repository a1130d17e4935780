import type { Client, Message } from "@edvoyage/client-sdk";

/** Shows a room that exists and marks what is shown as read. Returns the functions of a chat screen. */
export const showRoom = ({ chat }: Client, roomId: string, show: (lines: readonly string[]) => void) => {
  const room = chat.room(roomId);
  const stop = room.watch(({ messages, hasOlder, typingUserIds }) => {
    show([
      ...(hasOlder ? ["Load older messages"] : []),
      ...messages.map(describe),
      ...(typingUserIds.length > 0 ? ["Somebody is typing"] : []),
    ]);
  });

  return {
    markRead: () => room.markRead(),
    loadOlder: () => room.loadOlder(),
    keyPressed: () => room.typing(true),
    // For a message that the server rejected.
    sendAgain: (message: Message) => room.retry(message.id),
    discard: (message: Message) => room.discard(message.id),
    stop,
  };
};

const describe = (message: Message): string => {
  switch (message.state) {
    case "pending":
      return `${message.text} …`;
    case "acked":
      return message.text;
    case "failed":
      return `${message.text} (not sent: ${message.reason})`;
  }
};
