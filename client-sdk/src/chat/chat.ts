import type { RoomId } from "@edvoyage/protocol";
import { watchFrom } from "../runtime/observable.ts";
import type { Current } from "../students/current-student.ts";
import type { Chat, ChatView, NewRoom, Room } from "./api.ts";
import type { OpenChat } from "./open-chat.ts";
import { createRoom } from "./room.ts";

/** Creates the chat of the current student. */
export const createChat = (student: Current<{ readonly chat: OpenChat }>): Chat => {
  const view = student.follow(({ chat }) => chat.view, NO_ROOMS);
  const change: OpenChat["change"] = async (call) => student.require().chat.change(call);
  const roomById = new Map<string, Room>();
  const room = (id: string): Room => {
    const existing = roomById.get(id) ?? createRoom(student, toRoomId(id));
    roomById.set(id, existing);
    return existing;
  };

  return {
    rooms: () => view.value.rooms,
    invitations: () => view.value.invitations,
    watchRooms: (listener) => watchFrom(view, listener),
    room,
    createRoom: async (input) => {
      const { id } = await change((rpc, commandId) =>
        rpc.chat.rooms.create.mutate({ ...toCreateInput(input), commandId }),
      );
      return room(id);
    },
    acceptInvitation: async (roomId) => {
      await change((rpc, commandId) => rpc.chat.rooms.acceptInvitation.mutate({ roomId, commandId }));
      return room(roomId);
    },
    declineInvitation: async (roomId) => {
      await change((rpc, commandId) => rpc.chat.rooms.declineInvitation.mutate({ roomId, commandId }));
    },
  };
};

const NO_ROOMS: ChatView = { rooms: [], invitations: [] };

const toCreateInput = (input: NewRoom) => {
  if (input.kind === "direct") return { kind: input.kind, memberIds: [input.userId] };
  const { kind, memberIds, name, history } = input;
  return { kind, memberIds: [...memberIds], ...(name ? { name } : {}), ...(history ? { history } : {}) };
};

const toRoomId = (id: string): RoomId => id as RoomId;
