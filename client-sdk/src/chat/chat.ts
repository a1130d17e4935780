import type { CommandId, RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { createSubject, watchFrom } from "../runtime/observable.ts";
import type { AreaChanges } from "../reads/area-changes.ts";
import type { Sockets } from "../sync/sockets.ts";
import type { Chat, ChatView, NewRoom, Room } from "./api.ts";
import { createInbox } from "./inbox.ts";
import { createRoomLogs } from "./room-logs.ts";
import { createRoomSummaries } from "./room-summaries.ts";
import { createRoom, type OpenRoom } from "./room.ts";
import { createServerCommand } from "./server-command.ts";

/** A student's chat with the methods for the code that owns it. */
export interface ChatService extends Chat {
  /** Asks for changes: after the server's hint and when the app wakes up. Never throws. */
  refresh(): Promise<void>;
  /** Writes everything that is not stored yet, then stops. */
  close(): Promise<void>;
}

export interface ChatDeps {
  readonly account: StudentContext;
  readonly sockets: Sockets;
  readonly areas: Pick<AreaChanges, "take">;
}

/** Opens the device's copy of a student's chat and starts to ask for changes. */
export const createChat = async ({ account, sockets, areas }: ChatDeps): Promise<ChatService> => {
  const { outbox, rpc, userId } = account;
  const inbox = await createInbox({ ...account, areas });
  const logs = await createRoomLogs({ account, sockets, inbox });
  const command = createServerCommand(account);
  const roomById = new Map<RoomId, OpenRoom>();

  const summarize = createRoomSummaries(userId);
  const view = (): ChatView => ({
    rooms: summarize(inbox.state.value.rooms, outbox.entries.value),
    invitations: inbox.state.value.invitations,
  });
  const changed = createSubject(view());
  const update = (): void => {
    const [before, now] = [changed.value, view()];
    if (before.rooms !== now.rooms || before.invitations !== now.invitations) changed.set(now);
  };
  const refresh = (): Promise<void> => logs.refresh();
  const unsubscribes = [inbox.state.subscribe(update), outbox.entries.subscribe(update)];

  const room = (roomId: RoomId): Room => {
    const existing = roomById.get(roomId);
    if (existing) return existing;
    const opened = createRoom({ roomId, account, log: logs.open(roomId), inbox, command, refresh });
    roomById.set(roomId, opened);
    return opened;
  };
  /** Refreshes the list of rooms before it resolves, so that the list shows the student's own change. */
  const act = async <Answer>(call: (commandId: CommandId) => Promise<Answer>): Promise<Answer> => {
    const answer = await command(call);
    await refresh();
    return answer;
  };

  void refresh();
  return {
    rooms: () => changed.value.rooms,
    invitations: () => changed.value.invitations,
    watchRooms: (listener) => watchFrom(changed, listener),
    room: (id) => room(toRoomId(id)),
    createRoom: async (input) => {
      const { id } = await act((commandId) =>
        rpc.chat.rooms.create.mutate({ ...toCreateInput(input), commandId }),
      );
      return room(id);
    },
    acceptInvitation: async (roomId) => {
      await act((commandId) => rpc.chat.rooms.acceptInvitation.mutate({ roomId, commandId }));
      return room(toRoomId(roomId));
    },
    declineInvitation: async (roomId) => {
      await act((commandId) => rpc.chat.rooms.declineInvitation.mutate({ roomId, commandId }));
    },
    refresh,
    close: async () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
      for (const opened of roomById.values()) opened.close();
      inbox.close();
      await logs.close();
    },
  };
};

const toCreateInput = (input: NewRoom) => {
  if (input.kind === "direct") return { kind: input.kind, memberIds: [input.userId] };
  const { kind, memberIds, name, history } = input;
  return { kind, memberIds: [...memberIds], ...(name ? { name } : {}), ...(history ? { history } : {}) };
};

const toRoomId = (id: string): RoomId => id as RoomId;
