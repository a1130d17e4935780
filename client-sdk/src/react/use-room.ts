import { useMemo } from "react";
import type { Room, RoomView } from "../chat/api.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/** What there is to see of a room, and the room for what can be done in it. */
export interface UseRoom extends RoomView {
  readonly room: Room;
}

/** A room stays connected while a component uses it, and a little longer. */
export const useRoom = (id: string): UseRoom => {
  const { chat } = useClient();
  const room = useMemo(() => chat.room(id), [chat, id]);
  const view = useWatched<RoomView>(room.watch, { initial: NOT_LOADED, dependencies: [room] });
  return useMemo(() => ({ ...view, room }), [view, room]);
};

const NOT_LOADED: RoomView = { messages: [], isLoaded: false, hasOlder: false, typingUserIds: [] };
