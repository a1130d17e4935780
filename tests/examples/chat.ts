import type { Client, Message } from "@edvoyage/client-sdk";

/** Opens a room and shows it as it grows; returns how to send, and how to stop. */
export const openRoom = async (client: Client, show: (messages: readonly Message[]) => void) => {
  const room = await client.chat.createRoom({ kind: "group", name: "Going to Lisbon", memberIds: [] });
  const stop = room.watch(({ messages }) => show(messages));

  return {
    // Resolves when the message is on this device's disk: it is "pending" until the server has it, then "acked".
    send: (text: string) => room.send(text),
    stop,
  };
};
