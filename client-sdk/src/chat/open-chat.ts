import type { CommandId, RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { AreaChanges } from "../reads/area-changes.ts";
import type { TabShare } from "../sync/tab-share.ts";
import type { Sockets } from "../sync/sockets.ts";
import type { ServerApi } from "../rpc/server-api.ts";
import type { ChatView } from "./api.ts";
import { createInbox } from "./inbox.ts";
import { createRoomLogs } from "./room-logs.ts";
import { createRoomSummaries } from "./room-summaries.ts";
import { openRoom, type OpenRoom } from "./open-room.ts";
import { createServerCommand } from "./server-command.ts";

/** The chat of one student while the student's store is open. */
export interface OpenChat {
  readonly view: Observable<ChatView>;
  /** Returns the room with this id, and opens it the first time. */
  room(roomId: RoomId): OpenRoom;
  /**
   * Calls the server now. Refreshes the list of rooms before it resolves, so that the list shows the student's own change.
   */
  change<Answer>(call: (rpc: ServerApi, commandId: CommandId) => Promise<Answer>): Promise<Answer>;
  /** Asks for changes: after the server's hint and when the app wakes up. Never throws. */
  refresh(): Promise<void>;
  /** Writes everything that is not stored yet, then stops. */
  close(): Promise<void>;
}

export interface OpenChatDeps {
  readonly account: StudentContext;
  readonly sockets: Sockets;
  readonly areas: Pick<AreaChanges, "take" | "reload">;
  /** The other tabs of the student. */
  readonly tabs: Pick<TabShare, "isLeader" | "status" | "broadcast" | "subscribe">;
}

/** The subject of a broadcast to the other tabs after an answer of `inbox.changes` was stored. */
const INBOX = "inbox";

/** Opens the device's copy of a student's chat and starts to ask for changes. */
export const openChat = async ({ account, sockets, areas, tabs }: OpenChatDeps): Promise<OpenChat> => {
  const { outbox, rpc, userId } = account;
  const inbox = await createInbox({ ...account, areas, onStored: () => tabs.broadcast(INBOX) });
  const logs = await createRoomLogs({ account, sockets, inbox, tabs });
  const command = createServerCommand(account);
  const roomById = new Map<RoomId, OpenRoom>();

  const commands = outbox.inArea("chat");
  const summarize = createRoomSummaries(userId);
  const view = (): ChatView => ({
    rooms: summarize(inbox.state.value.rooms, (id) => outbox.inRoom(id).value),
    invitations: inbox.state.value.invitations,
  });
  const changed = createSubject(view());
  const update = (): void => {
    const [before, now] = [changed.value, view()];
    if (before.rooms !== now.rooms || before.invitations !== now.invitations) changed.set(now);
  };
  const refresh = (): Promise<void> => logs.refresh();
  const unsubscribes = [inbox.state.subscribe(update), commands.subscribe(update)];

  const reload = async (subject: string): Promise<void> => {
    if (subject !== INBOX) return logs.stored(subject);
    await inbox.reload();
    logs.heard();
  };
  unsubscribes.push(
    tabs.subscribe((subject) => {
      reload(subject).catch((cause: unknown) =>
        account.report({ kind: "fault", message: "The changes of another tab could not be read.", cause }),
      );
    }),
  );

  void refresh();
  return {
    view: changed,
    room: (roomId) => {
      const existing = roomById.get(roomId);
      if (existing) return existing;
      const opened = openRoom({ roomId, account, log: logs.open(roomId), inbox });
      roomById.set(roomId, opened);
      return opened;
    },
    change: async (call) => {
      const answer = await command((commandId) => call(rpc, commandId));
      await refresh();
      return answer;
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
