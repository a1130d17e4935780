import { comparePositions, type RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { ackedIn } from "../sync/acknowledged.ts";
import { isSessionOver, isTransient, toEdVoyageError } from "../runtime/errors.ts";
import { createBackoffTimer, type BackoffTimer } from "../runtime/backoff-timer.ts";
import { eventIdAt } from "../sync/log-position.ts";
import { compareToHead } from "../sync/copy-status.ts";
import { createPolledRoomLog, type PolledRoomLog } from "../sync/polled-room-log.ts";
import { createRoomLog, type RoomLog } from "../sync/room-log.ts";
import { loadRoomEnds } from "../sync/room-records.ts";
import type { Sockets } from "../sync/sockets.ts";
import type { TabShare } from "../sync/tab-share.ts";
import type { Inbox } from "./inbox.ts";

/** The logs of a student's rooms, kept in step with the inbox. */
export interface RoomLogs {
  /** Returns the log of a room; it stays open until `close`. */
  open(roomId: RoomId): RoomLog;
  /**
   * Refreshes the inbox and applies the answer: it rebuilds forked copies, deletes copies of rooms that the student has left, and
   * brings incomplete copies up to date in the background. Never throws.
   */
  refresh(options?: { readonly all?: boolean }): Promise<void>;
  /** Takes in what another tab has stored, by the subject of its broadcast. */
  stored(subject: string): Promise<void>;
  /** Call it when the inbox has new rooms from another tab. */
  heard(): void;
  /** Writes everything that is not stored yet, then stops. */
  close(): Promise<void>;
}

export interface RoomLogsDeps {
  readonly account: StudentContext;
  readonly sockets: Sockets;
  readonly inbox: Inbox;
  readonly tabs: Pick<TabShare, "isLeader" | "status" | "broadcast">;
}

/** The delay before unwatched rooms are brought up to date. It limits how often a busy room opens a socket. */
const CATCH_UP_MS = 1_000;
/** Begins the subject of a broadcast to the other tabs after a room's copies were stored. */
const ROOM = "room ";
/** Begins the subject of a broadcast to the leader when another tab shows a room. */
const WANT = "want ";

/** Reads the ends of the copies, but not the copies themselves. */
export const createRoomLogs = async ({ account, sockets, inbox, tabs }: RoomLogsDeps): Promise<RoomLogs> => {
  const { outbox, clock, randomBytes, report, records } = account;
  /** The end of each copy, from memory or from the device; `null` while a copy is being rebuilt. */
  const endByRoom = await loadRoomEnds(records);
  const logByRoom = new Map<RoomId, PolledRoomLog>();
  /** Rooms that other tabs have shown. */
  const wanted = new Set<RoomId>();
  /** Rooms whose log stays open because a caller holds it. */
  const opened = new Set<RoomId>();
  /** Retry timers of rooms that the server refuses although the inbox lists them. They outlive the logs, which may close in between. */
  const refusalsByRoom = new Map<RoomId, BackoffTimer>();
  let cancelCatchUp: (() => void) | undefined;
  let isCatchingUp = false;
  let isClosed = false;

  const refusalsOf = (roomId: RoomId): BackoffTimer => {
    const existing = refusalsByRoom.get(roomId);
    if (existing) return existing;
    const onOver = (): void => {
      logByRoom.get(roomId)?.wake();
      scheduleCatchUp();
    };
    const refusals = createBackoffTimer({ clock, randomBytes, onOver });
    refusalsByRoom.set(roomId, refusals);
    return refusals;
  };

  const isPolling = (): boolean =>
    (tabs.isLeader.value ? sockets.transport.value : tabs.status.value.transport) === "http";

  const logOf = (roomId: RoomId): PolledRoomLog => {
    const existing = logByRoom.get(roomId);
    if (existing) return existing;
    const bounds = () => inbox.state.value.rooms.get(roomId);
    const log = createPolledRoomLog({
      roomId,
      account,
      bounds,
      // Only the leader has sockets.
      isPolling: () => isPolling() || !tabs.isLeader.value,
      onFollow: () => {
        if (!tabs.isLeader.value) tabs.broadcast(WANT + roomId);
        if (isPolling()) void refresh();
      },
      log: createRoomLog({
        roomId,
        account,
        sockets,
        refusals: refusalsOf(roomId),
        bounds,
        refreshInbox: () => void refresh(),
        onForbidden: () => void checkForbidden(roomId),
        onDropped: () => void refresh({ all: true }),
        onStored: () => {
          if (tabs.isLeader.value) tabs.broadcast(ROOM + roomId);
        },
      }),
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

  let knownBefore = inbox.state.value.rooms;
  /** A room on screen does not wait for the last page of a long list. */
  const stopWatching = inbox.state.subscribe(() => {
    const { rooms } = inbox.state.value;
    for (const [id, log] of logByRoom) if (rooms.has(id) && !knownBefore.has(id)) log.wake();
    knownBefore = rooms;
  });

  /** The server does not repeat a hint, so the device itself retries after a failed refresh. */
  const refreshRetry = createBackoffTimer({ clock, randomBytes, onOver: () => void refresh() });

  const refresh = async (options?: { readonly all?: boolean }): Promise<boolean> => {
    const endsBefore = new Map(endByRoom);
    const heard = await inbox.refresh(options);
    if (isClosed) return false;
    if (heard === "later") {
      refreshRetry.fail();
      return false;
    }
    refreshRetry.reset();
    if (!heard) return false;
    await Promise.all(
      heard.map(async ({ id, head }) => {
        const end = endsBefore.get(id);
        const { segments } = logByRoom.get(id)?.state.value ?? { segments: [] };
        const comparison =
          end && compareToHead(head, { end, eventIdAt: (place) => eventIdAt(segments, place) });
        if (comparison === "forked") await logOf(id).rebuild("The server has another event at a room's end.");
      }),
    );
    const { rooms } = inbox.state.value;
    for (const [id, log] of logByRoom) if (rooms.has(id)) log.wake();
    await Promise.all([...knownRooms()].filter((id) => !rooms.has(id)).map(erase));
    if (isPolling()) await pollRooms();
    scheduleCatchUp();
    return true;
  };

  /** Reads by HTTP the rooms that somebody watches, and those whose acknowledged commands have not arrived yet. */
  const pollRooms = async (): Promise<void> => {
    const due = [...inbox.state.value.rooms.keys()].filter(
      (id) => logByRoom.get(id)?.isFollowed === true || ackedIn(outbox.inRoom(id).value).length > 0,
    );
    for (const id of due) {
      if (isClosed) return;
      const log = logOf(id);
      await log.poll().catch((cause: unknown) => {
        const { reason, message } = toEdVoyageError(cause);
        // The next poll tries again.
        if (!isTransient(reason) && !isSessionOver(reason)) report({ kind: "fault", message, cause });
      });
      await closeUnlessOpened(id, log);
    }
  };

  const closeUnlessOpened = async (roomId: RoomId, log: RoomLog): Promise<void> => {
    if (opened.has(roomId)) return;
    logByRoom.delete(roomId);
    await log.close();
  };

  /** Returns the rooms that have data on the device. */
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
      // The next answer of the inbox tries again.
      report({ kind: "not-kept", message: "The copy of a room could not be deleted.", cause });
    }
  };

  /** Finds out why a room is forbidden: the student has left it, or the server was restored to a state before the segment. */
  const checkForbidden = async (roomId: RoomId): Promise<void> => {
    const isAnswered = await refresh({ all: true });
    if (!isAnswered || !inbox.state.value.rooms.has(roomId) || !endByRoom.get(roomId)) return;
    await logOf(roomId).rebuild("The server does not have the newest segment of a room.");
  };

  /** Returns rooms whose copy is incomplete or whose own messages are not in the log yet, except rooms that wait for a retry. */
  const roomsBehind = (): readonly RoomId[] =>
    [...inbox.state.value.rooms.values()].flatMap(({ id, head }) => {
      if (refusalsByRoom.get(id)?.isWaiting) return [];
      const end = endByRoom.get(id);
      const isBehind = end
        ? comparePositions(end, head) < 0
        : end === null || wanted.has(id) || ackedIn(outbox.inRoom(id).value).length > 0;
      return isBehind ? [id] : [];
    });

  const scheduleCatchUp = (): void => {
    if (isPolling() || !tabs.isLeader.value || roomsBehind().length === 0) return;
    // A hidden tab catches up for those that are seen, and its timers are late.
    const delayMs = account.peers?.peers.isHidden?.() ? 0 : CATCH_UP_MS;
    cancelCatchUp ??= clock.after(delayMs, () => {
      // A run in progress starts the next one itself when it ends.
      if (!isCatchingUp) void catchUp();
    });
  };

  /** Catches up one room after the other, so that the room on screen has the network almost to itself. */
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
      await closeUnlessOpened(roomId, log);
      if (!isDone && sockets.state.value === "offline") break;
    }
    isCatchingUp = false;
    if (cancelCatchUp) void catchUp();
  };

  return {
    stored: async (subject) => {
      const prefix = tabs.isLeader.value ? WANT : ROOM;
      if (!subject.startsWith(prefix)) return;
      const roomId = subject.slice(prefix.length) as RoomId;
      if (!tabs.isLeader.value) return logByRoom.get(roomId)?.reload();
      wanted.add(roomId);
      scheduleCatchUp();
    },
    heard: () => {
      for (const log of logByRoom.values()) log.wake();
      if (isPolling()) void pollRooms();
      scheduleCatchUp();
    },
    open: (roomId) => {
      opened.add(roomId);
      return logOf(roomId);
    },
    refresh: async (options) => {
      await refresh(options);
    },
    close: async () => {
      isClosed = true;
      stopWatching();
      refreshRetry.reset();
      for (const refusals of refusalsByRoom.values()) refusals.reset();
      cancelCatchUp?.();
      await Promise.all([...logByRoom.values()].map((log) => log.close()));
    },
  };
};
