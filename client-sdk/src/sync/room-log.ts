import {
  CLOSE_CODES,
  comparePositions,
  roomDocumentName,
  type RoomHead,
  type RoomId,
} from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { waitUntil } from "../runtime/wait-until.ts";
import type { BackoffTimer } from "../runtime/backoff-timer.ts";
import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { createDoc } from "./create-doc.ts";
import { fetchDoc } from "./fetch-doc.ts";
import type { LogState } from "./log-state.ts";
import { firstSegmentOf, type LostMessages } from "./lost-messages.ts";
import { createCopy, createRoomCopies, type Copy } from "./room-copies.ts";
import type { Segment } from "./segment.ts";
import type { DocumentSocket, Sockets } from "./sockets.ts";
import { createTyping, type Typing } from "./typing.ts";

/** A room's log: the copies on the device, and how more of it is fetched. */
export interface RoomLog {
  readonly state: Observable<LogState>;
  readonly typing: Typing;
  /** Reads the newest copies from the device, once. Throws `device/failed`. */
  load(): Promise<void>;
  /**
   * Loads one more segment before the first. Resolves with `false` where the log begins for this student. Throws
   * `offline`.
   */
  loadOlder(): Promise<boolean>;
  /** Keeps the newest segment connected until the last follower has left, and a few seconds longer. */
  follow(): Unsubscribe;
  /** Fetches and stores new events. Resolves with whether the log is then current. */
  catchUp(): Promise<boolean>;
  /** Drops the copies and fetches the log again. Own messages that it no longer has are kept as failed ones. */
  rebuild(reason: string): Promise<void>;
  /** Deletes everything of the room from the device. */
  erase(): Promise<void>;
  /** Reads the copies again: another tab has stored something. Throws `device/failed`. */
  reload(): Promise<void>;
  /** Call it when the inbox knows more about the room. */
  wake(): void;
  /** Stores unsaved copies and closes the log. */
  close(): Promise<void>;
}

/** The range of a room's log that the student can read. */
export interface RoomBounds {
  readonly head: RoomHead;
  /** The first segment that the student may read. */
  readonly fromSegment: number;
}

export interface RoomLogDeps {
  readonly roomId: RoomId;
  readonly account: StudentContext;
  readonly sockets: Sockets;
  /** Counts how often the server has refused the room. `wake` is called when the wait is over. */
  readonly refusals: BackoffTimer;
  /** Returns the room's bounds as the inbox knows them. */
  readonly bounds: () => RoomBounds | undefined;
  /** Asks the inbox for the bounds. `wake` is called when it knows them. */
  readonly refreshInbox: () => void;
  /** Called when the server says that a segment does not exist, or that the student may not read it. */
  readonly onForbidden: () => void;
  /** Called when copies were dropped: the inbox's knowledge of the room may come from the same history. */
  readonly onDropped: () => void;
  /** Called after copies were stored. */
  readonly onStored: () => void;
}

interface ActiveConnection {
  readonly copy: Copy;
  readonly socket: DocumentSocket;
  readonly stop: () => void;
}

/**
 * The maximum number of missing segments to fetch one after the other. Beyond it, older segments are fetched on
 * demand.
 */
const MAX_MISSING = 8;
/** How long new events may wait for more before they are stored. */
const STORE_DELAY_MS = 250;
/** How long a room stays connected after its last follower left. Rotating a screen closes and reopens it. */
const LINGER_DELAY_MS = 5_000;
/** Long enough for a full segment on a line of 4 kB/s. */
const CATCH_UP_TIMEOUT_MS = 60_000;
const ROGUE = "A copy of a room had events that the server never wrote.";
const EMPTY_STATE: LogState = {
  segments: [],
  end: undefined,
  hasOlder: false,
  isCurrent: false,
  isRebuilding: false,
};

/** Creates a room's log. Opens and reads nothing until it is asked to. */
export const createRoomLog = (deps: RoomLogDeps): RoomLog => {
  const { roomId, account, sockets, refusals, bounds } = deps;
  const { clock, report, outbox, randomBytes } = account;
  const copies = createRoomCopies(roomId, account);
  const typing = createTyping(account);
  /** Reads and writes of copies run one after the other. */
  const runSerially = createSerialQueue();
  const state = createSubject(EMPTY_STATE);
  let live: ActiveConnection | undefined;
  let loading: Promise<void> | undefined;
  /** False before the device was read, and after the log was closed. */
  let mayConnect = false;
  let isDropping = false;
  const closing = new AbortController();
  let followers = 0;
  let cancelLinger: (() => void) | undefined;
  let cancelStore: (() => void) | undefined;

  const fromSegment = (): number => bounds()?.fromSegment ?? 0;

  const publish = (): void => {
    const { segments, newest, end, lost } = copies;
    state.set({
      segments,
      end,
      hasOlder: (segments[0]?.segment ?? 0) > fromSegment(),
      isCurrent: live !== undefined && live.socket.isSynced && live.copy === newest,
      isRebuilding: lost !== undefined,
    });
  };

  const load = (): Promise<void> => {
    loading ??= runSerially(copies.load).then(
      () => {
        mayConnect = !closing.signal.aborted;
        publish();
        if (copies.segments.some(({ isRogue }) => isRogue)) void rebuild(ROGUE);
        else connect();
      },
      (error: unknown) => {
        loading = undefined;
        throw toEdVoyageError(error);
      },
    );
    return loading;
  };

  const store = async ({ isClosing = false } = {}): Promise<void> => {
    cancelStore?.();
    cancelStore = undefined;
    try {
      await runSerially(() => copies.write({ isCurrent: state.value.isCurrent, isClosing }));
      publish();
      deps.onStored();
      checkArrivals();
    } catch (cause) {
      // The next event triggers a retry.
      report({ kind: "not-kept", message: "A room's messages could not be stored.", cause });
    }
  };

  const scheduleStore = (): void => {
    // Other tabs show what this one stores.
    if (account.peers?.peers.isHidden?.()) void store();
    else cancelStore ??= clock.after(STORE_DELAY_MS, () => void store());
  };

  /** Schedules the removal of acknowledged commands from the outbox once their events are here. */
  const checkArrivals = (): void => {
    if (!mayConnect) return;
    for (const { id, receipt } of copies.reached()) void outbox.reached(id, receipt);
    const arrivals = copies.arrivals();
    if (arrivals.includes("undone"))
      void rebuild("The server has something else at the position of a message.");
    else if (arrivals.includes("arrived")) scheduleStore();
  };
  const stopChecking = outbox.inRoom(roomId).subscribe(checkArrivals);

  const disconnect = (): void => {
    live?.stop();
    live?.socket.close();
    live = undefined;
    typing.attach(undefined);
  };

  const connect = (): void => {
    if (live || followers === 0 || !mayConnect || isDropping || refusals.isWaiting) return;
    const { newest } = copies;
    const segment = nextSegment(newest?.content, { lost: copies.lost, bounds: bounds() });
    if (segment === undefined) return deps.refreshInbox();
    const copy = newest?.content.segment === segment ? newest : createCopy(segment, createDoc(randomBytes));
    const changed = (): void => {
      copy.isStored = false;
      take(copy);
    };
    copy.doc.on("update", changed);
    const socket = sockets.open(roomDocumentName(roomId, segment), copy.doc, {
      onSynced: () => {
        if (live?.copy !== copy) return;
        refusals.reset();
        take(copy);
      },
      onRefused: (code) => {
        if (live?.copy === copy) refused(code);
      },
    });
    live = { copy, socket, stop: () => copy.doc.off("update", changed) };
    typing.attach(socket.awareness);
  };

  const take = (copy: Copy): void => {
    copies.take(copy);
    if (copy.content.isRogue) return void rebuild(ROGUE);
    if (copy.content.isSealed) {
      disconnect();
      connect();
    }
    publish();
    if (!copy.isStored || copies.lost) scheduleStore();
  };

  const refused = (code: number): void => {
    disconnect();
    // No wait for a forked history: the copies are dropped, so the next request is a different one.
    if (code !== CLOSE_CODES.forked) refusals.fail();
    publish();
    if (code === CLOSE_CODES.forked) void rebuild("The server has another history of a room.");
    else if (code === CLOSE_CODES.forbidden) deps.onForbidden();
    else if (refusals.failures === 1)
      report({ kind: "fault", message: `The server refused a room's socket with ${code}.` });
  };

  /** Nothing connects in the meantime: new events would belong to the copies that are being dropped. */
  const disconnectAndDrop = async (drop: () => Promise<void>): Promise<void> => {
    isDropping = true;
    disconnect();
    try {
      await load();
      await runSerially(drop);
    } finally {
      isDropping = false;
      publish();
    }
  };

  const rebuild = async (reason: string): Promise<void> => {
    if (isDropping) return;
    try {
      await disconnectAndDrop(copies.drop);
      report({ kind: "room-rebuilt", message: reason });
      deps.onDropped();
      connect();
    } catch (cause) {
      report({ kind: "not-kept", message: "A room's copies could not be dropped.", cause });
    }
  };

  const loadOlder = async (): Promise<boolean> => {
    const first = copies.segments[0]?.segment;
    if (first === undefined)
      throw new EdVoyageError("offline", "The newest messages have not been fetched yet.");
    if (first <= fromSegment()) return false;
    const name = roomDocumentName(roomId, first - 1);
    const stored = await copies.read(first - 1);
    const older =
      stored && !stored.content.isRogue
        ? stored
        : createCopy(
            first - 1,
            await fetchDoc(name, { sockets, clock, randomBytes, signal: closing.signal }),
          );
    // In the meantime, a segment far ahead may have replaced all others.
    if (copies.segments[0]?.segment === first) copies.prepend(older);
    publish();
    scheduleStore();
    return true;
  };

  const release = (): void => {
    followers -= 1;
    if (followers > 0) return;
    cancelLinger = clock.after(LINGER_DELAY_MS, () => {
      cancelLinger = undefined;
      if (followers > 0) return;
      disconnect();
      publish();
    });
  };

  return {
    state,
    typing,
    load,

    loadOlder: async () => {
      await load();
      try {
        return await runSerially(loadOlder);
      } catch (error) {
        throw toEdVoyageError(error);
      }
    },

    follow: () => {
      followers += 1;
      cancelLinger?.();
      cancelLinger = undefined;
      live?.socket.ask();
      load().then(connect, (cause: unknown) =>
        report({ kind: "fault", message: "A room could not be read.", cause }),
      );
      let isOver = false;
      return () => {
        if (!isOver) release();
        isOver = true;
      };
    },

    catchUp: async () => {
      await load();
      followers += 1;
      connect();
      const isOver = (now: LogState): boolean =>
        now.isCurrent || refusals.isWaiting || closing.signal.aborted;
      await waitUntil(state, isOver, { clock, timeoutMs: CATCH_UP_TIMEOUT_MS });
      const { isCurrent } = state.value;
      await store();
      followers -= 1;
      // No lingering: when many rooms catch up, only one is connected at a time.
      if (followers === 0 && !cancelLinger) {
        disconnect();
        publish();
      }
      return isCurrent;
    },

    rebuild,
    erase: () => disconnectAndDrop(copies.erase),

    reload: async () => {
      // Everything is read as it is then, if nothing was read yet. A connected copy is ahead of the device.
      if (!mayConnect || live?.socket.isSynced) return;
      await runSerially(copies.reload);
      publish();
      checkArrivals();
    },

    wake: () => {
      if (!mayConnect) return;
      publish();
      const [head, { end }] = [bounds()?.head, state.value];
      if (head && (!end || comparePositions(end, head) < 0)) live?.socket.ask({ isBehind: true });
      connect();
    },

    close: async () => {
      closing.abort();
      mayConnect = false;
      stopChecking();
      cancelLinger?.();
      typing.say(false);
      disconnect();
      // Wakes those who wait for the state.
      publish();
      await store({ isClosing: true });
    },
  };
};

/**
 * Returns the segment to connect: the one after the newest copy, or where the log begins if there is no copy or it is
 * too far behind.
 */
const nextSegment = (
  newest: Segment | undefined,
  { lost, bounds }: { readonly lost: LostMessages | undefined; readonly bounds: RoomBounds | undefined },
): number | undefined => {
  // A rebuilt log is fetched whole, because only then is it known what was lost.
  const isNear = lost || !bounds || !newest || bounds.head.segment - newest.segment <= MAX_MISSING;
  if (newest && isNear) return newest.isSealed ? newest.segment + 1 : newest.segment;
  if (!bounds) return undefined;
  const first = (lost && firstSegmentOf(lost)) ?? bounds.head.segment;
  return Math.max(bounds.fromSegment, Math.min(first, bounds.head.segment));
};
