import { comparePositions, type RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { ackedIn } from "../sync/acknowledged.ts";
import { createBackoffTimer, type BackoffTimer } from "../runtime/backoff-timer.ts";
import { eventIdAt } from "../sync/log-position.ts";
import { compareToHead } from "../sync/copy-status.ts";
import { createRoomLog, type RoomLog } from "../sync/room-log.ts";
import { loadRoomEnds } from "../sync/room-records.ts";
import type { Sockets } from "../sync/sockets.ts";
import type { Inbox } from "./inbox.ts";

/** The logs of a student's rooms, kept in step with what the inbox says of them. */
export interface RoomLogs {
  /** The log of a room, for as long as this lives. */
  open(roomId: RoomId): RoomLog;
  /**
   * Asks the inbox, and does what follows: copies of another history are rebuilt, those of rooms that the student has left
   * are deleted, those that lack something are brought up to date in the background. Never throws.
   */
  refresh(options?: { readonly all?: boolean }): Promise<void>;
  /** Writes what is not kept yet. */
  close(): Promise<void>;
}

export interface RoomLogsDeps {
  readonly account: StudentContext;
  readonly sockets: Sockets;
  readonly inbox: Inbox;
}

/** Before rooms that nobody watches are brought up to date: a busy one costs a socket this often. */
const CATCH_UP_MS = 1_000;

/** Reads where the copies end, and none of them. */
export const createRoomLogs = async ({ account, sockets, inbox }: RoomLogsDeps): Promise<RoomLogs> => {
  const { outbox, clock, randomBytes, report, records } = account;
  /** In memory or on the device; `null` where a copy is being rebuilt. */
  const endByRoom = await loadRoomEnds(records);
  const logByRoom = new Map<RoomId, RoomLog>();
  /** Rooms whose log stays, for somebody has it. */
  const opened = new Set<RoomId>();
  /** Of a room that the server refuses though the inbox has it; longer than its log, which comes and goes. */
  const refusalsByRoom = new Map<RoomId, BackoffTimer>();
  let cancelCatchUp: (() => void) | undefined;
  let isCatchingUp = false;
  let isClosed = false;

  const refusalsOf = (roomId: RoomId): BackoffTimer => {
    const known = refusalsByRoom.get(roomId);
    if (known) return known;
    const onOver = (): void => {
      logByRoom.get(roomId)?.wake();
      scheduleCatchUp();
    };
    const refusals = createBackoffTimer({ clock, randomBytes, onOver });
    refusalsByRoom.set(roomId, refusals);
    return refusals;
  };

  const logOf = (roomId: RoomId): RoomLog => {
    const known = logByRoom.get(roomId);
    if (known) return known;
    const log = createRoomLog({
      roomId,
      account,
      sockets,
      refusals: refusalsOf(roomId),
      whereabouts: () => inbox.state.value.rooms.get(roomId),
      seek: () => void refresh(),
      onForbidden: () => void checkForbidden(roomId),
      onDropped: () => void refresh({ all: true }),
    });
    log.state.subscribe(() => {
      const { isRebuilding, end } = log.state.value;
      if (isRebuilding) endByRoom.set(roomId, null);
      else if (end) endByRoom.set(roomId, end);
      else endByRoom.delete(roomId);
    });
    logByRoom.set(roomId, log);
    return log;
  };

  /** What was hinted at and not heard is not hinted at again. */
  const again = createBackoffTimer({ clock, randomBytes, onOver: () => void refresh() });

  const refresh = async (options?: { readonly all?: boolean }): Promise<boolean> => {
    const endsBefore = new Map(endByRoom);
    const heard = await inbox.refresh(options);
    if (isClosed) return false;
    if (heard === "later") {
      again.fail();
      return false;
    }
    again.reset();
    if (!heard) return false;
    await Promise.all(
      heard.map(async ({ id, head }) => {
        const end = endsBefore.get(id);
        const { segments } = logByRoom.get(id)?.state.value ?? { segments: [] };
        const standing =
          end && compareToHead(head, { end, eventIdAt: (place) => eventIdAt(segments, place) });
        if (standing === "forked") await logOf(id).rebuild("The server has another event at a room's end.");
      }),
    );
    const { rooms } = inbox.state.value;
    for (const [id, log] of logByRoom) if (rooms.has(id)) log.wake();
    await Promise.all([...knownRooms()].filter((id) => !rooms.has(id)).map(erase));
    scheduleCatchUp();
    return true;
  };

  /** Rooms of which there is something on the device. */
  const knownRooms = (): ReadonlySet<RoomId> => {
    const acked = outbox.entries.value.flatMap((entry) =>
      entry.state === "acked" && "roomId" in entry.input ? [entry.input.roomId] : [],
    );
    return new Set([...endByRoom.keys(), ...acked]);
  };

  const erase = async (roomId: RoomId): Promise<void> => {
    try {
      await logOf(roomId).erase();
    } catch (cause) {
      // Tried again after the next answer.
      report({ kind: "not-kept", message: "The copy of a room could not be deleted.", cause });
    }
  };

  /** Either the room is not the student's any more, or the server is put back to before the segment. */
  const checkForbidden = async (roomId: RoomId): Promise<void> => {
    const isAnswered = await refresh({ all: true });
    if (!isAnswered || !inbox.state.value.rooms.has(roomId) || !endByRoom.get(roomId)) return;
    await logOf(roomId).rebuild("The server does not have the newest segment of a room.");
  };

  /** Copies that lack something, and rooms with own messages that wait to be seen in the log, but for what is refused now. */
  const roomsBehind = (): readonly RoomId[] =>
    [...inbox.state.value.rooms.values()].flatMap(({ id, head }) => {
      if (refusalsByRoom.get(id)?.isWaiting) return [];
      const end = endByRoom.get(id);
      const isBehind = end
        ? comparePositions(end, head) < 0
        : end === null || ackedIn(outbox.entries.value, id).length > 0;
      return isBehind ? [id] : [];
    });

  const scheduleCatchUp = (): void => {
    if (roomsBehind().length === 0) return;
    cancelCatchUp ??= clock.after(CATCH_UP_MS, () => {
      // While it is at it, what asked for more waits.
      if (!isCatchingUp) void catchUp();
    });
  };

  /** One room after the other, so that what the student looks at has the network almost for itself. */
  const catchUp = async (): Promise<void> => {
    isCatchingUp = true;
    cancelCatchUp?.();
    cancelCatchUp = undefined;
    for (const roomId of roomsBehind()) {
      if (isClosed) return;
      const log = logOf(roomId);
      const isDone = await log.catchUp().catch((cause: unknown) => {
        report({ kind: "fault", message: "A room could not be brought up to date.", cause });
        return false;
      });
      if (!opened.has(roomId)) {
        logByRoom.delete(roomId);
        await log.close();
      }
      if (!isDone && sockets.state.value === "offline") break;
    }
    isCatchingUp = false;
    if (cancelCatchUp) void catchUp();
  };

  return {
    open: (roomId) => {
      opened.add(roomId);
      return logOf(roomId);
    },
    refresh: async (options) => {
      await refresh(options);
    },
    close: async () => {
      isClosed = true;
      again.reset();
      for (const refusals of refusalsByRoom.values()) refusals.reset();
      cancelCatchUp?.();
      await Promise.all([...logByRoom.values()].map((log) => log.close()));
    },
  };
};
