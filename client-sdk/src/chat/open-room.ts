import type { Position, RoomId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Write } from "../outbox/write.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { StudentContext } from "../students/student-context.ts";
import type { RoomLog } from "../sync/room-log.ts";
import type { RoomView } from "./api.ts";
import type { Inbox } from "./inbox.ts";
import { createMessagesView } from "./messages-view.ts";

/** A room of one student while the student's store is open. */
export interface OpenRoom {
  readonly account: StudentContext;
  readonly log: RoomLog;
  /** The visible state. The room is connected while this is subscribed to, and a little longer. */
  readonly view: Observable<RoomView>;
  /** Returns the room's commands in the outbox. */
  entries(): readonly OutboxEntry[];
  /** Queues a read position, unless it is already known. Throws the errors of the outbox. */
  markRead(position: Position): Promise<Write>;
  close(): void;
}

export interface OpenRoomDeps {
  readonly roomId: RoomId;
  readonly account: StudentContext;
  readonly log: RoomLog;
  readonly inbox: Pick<Inbox, "markRead">;
}

/** Opens a room and starts to read the device's copy of it. */
export const openRoom = ({ roomId, account, log, inbox }: OpenRoomDeps): OpenRoom => {
  const { outbox, userId, report } = account;
  const viewMessages = createMessagesView(userId);
  const commands = outbox.inRoom(roomId);

  const view = (): RoomView => {
    const { segments, end, hasOlder } = log.state.value;
    return {
      messages: viewMessages({ segments, end, entries: commands.value }),
      isLoaded: segments.length > 0,
      hasOlder,
      typingUserIds: log.typing.userIds.value,
    };
  };
  const changed = createSubject(view());
  const update = (): void => {
    const [before, now] = [changed.value, view()];
    const isSame =
      before.messages === now.messages &&
      before.isLoaded === now.isLoaded &&
      before.hasOlder === now.hasOlder &&
      before.typingUserIds === now.typingUserIds;
    if (!isSame) changed.set(now);
  };
  const unsubscribes = [log.state, commands, log.typing.userIds].map((source) => source.subscribe(update));
  log
    .load()
    .catch((cause: unknown) => report({ kind: "fault", message: "A room could not be read.", cause }));

  return {
    account,
    log,
    view: {
      get value() {
        return changed.value;
      },
      subscribe: (listener) => {
        const unsubscribe = changed.subscribe(listener);
        const unfollow = log.follow();
        return () => {
          unsubscribe();
          unfollow();
        };
      },
    },
    entries: () => commands.value,
    markRead: (position) => inbox.markRead(roomId, position),
    close: () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  };
};
