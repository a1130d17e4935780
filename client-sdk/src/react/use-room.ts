import { useMemo } from "react";
import type { Room, RoomView } from "../chat/api.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/** The visible state of a room, and the room with its methods. */
export interface UseRoom extends RoomView {
  readonly room: Room;
}

/** Watches a room. It stays connected while a component uses it, and a little longer. */
export const useRoom = (id: string): UseRoom => {
  const { chat } = useClient();
  const room = useMemo(() => chat.room(id), [chat, id]);
  const view = useWatched<RoomView>(room.watch, { initial: NOT_LOADED, dependencies: [room] });
  return useMemo(() => ({ ...view, room }), [view, room]);
};

const NOT_LOADED: RoomView = { messages: [], isLoaded: false, hasOlder: false, typingUserIds: [] };
