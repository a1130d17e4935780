import type { ChatView } from "../chat/api.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/** Returns the student's rooms, the one with the newest message first, and the student's invitations to groups. */
export const useRooms = (): ChatView => {
  const { chat } = useClient();
  return useWatched<ChatView>(chat.watchRooms, { initial: NO_ROOMS, dependencies: [chat] });
};

const NO_ROOMS: ChatView = { rooms: [], invitations: [] };
