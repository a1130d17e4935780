import type { Client, Message } from "@edvoyage/client-sdk";

/** Creates a room and shows its messages after each change. Returns functions to send and to stop. */
export const openRoom = async (client: Client, show: (messages: readonly Message[]) => void) => {
  const room = await client.chat.createRoom({ kind: "group", name: "Going to Lisbon", memberIds: [] });
  const stop = room.watch(({ messages }) => show(messages));

  return {
    // Resolves when the message is stored on this device. It is "pending" until the server has it, then "acked".
    send: (text: string) => room.send(text),
    stop,
  };
};
