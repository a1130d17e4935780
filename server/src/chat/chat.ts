import type { Database } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Commands } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { createStudentRateLimit } from "../limits/student-rate-limit.ts";
import type { Notifications } from "../notifications/notifications.ts";
import type { PushOutbox } from "../push/outbox.ts";
import type { RoomLogs } from "../sync/room-logs.ts";
import type { SyncHints } from "../sync/sync.ts";
import { createMembership } from "./membership.ts";
import { createMessages, type Messages } from "./messages.ts";
import { createRoomCreation } from "./room-creation.ts";
import { createRooms, type Rooms } from "./rooms.ts";

/** Rooms and their messages. */
export interface Chat {
  readonly rooms: Rooms;
  readonly messages: Messages;
}

export interface ChatDeps {
  readonly database: Database;
  readonly logs: RoomLogs;
  readonly commands: Commands;
  readonly notifications: Pick<Notifications, "add">;
  readonly push: Pick<PushOutbox, "messageSent">;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: Limits;
  readonly hints: SyncHints;
}

export const createChat = (deps: ChatDeps): Chat => {
  const { database, logs, commands, notifications, push, clock, newId, limits, hints } = deps;
  const { read } = database;
  const membership = createMembership({ logs, hints, newId, limits });
  const roomCreation = createRoomCreation({ logs, membership, notifications, newId, limits });
  const rate = createStudentRateLimit({
    clock,
    perSecond: limits.messagesPerSecond,
    burst: limits.messageBurst,
  });
  return {
    rooms: createRooms({ read, commands, membership, roomCreation, hints }),
    messages: createMessages({ read, logs, commands, push, hints, rate, newId, limits }),
  };
};
