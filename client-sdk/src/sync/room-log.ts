import { CLOSE_CODES, roomDocumentName, type RoomHead, type RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { waitUntil } from "../runtime/wait-until.ts";
import type { BackoffTimer } from "../runtime/backoff-timer.ts";
import { EdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable, type Unsubscribe } from "../runtime/observable.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { createDoc } from "./create-doc.ts";
import { fetchDoc } from "./fetch-doc.ts";
import { firstSegmentOf, type LostMessages } from "./lost-messages.ts";
import { createCopy, createRoomCopies, type Copy } from "./room-copies.ts";
import type { Segment } from "./segment.ts";
import type { DocumentSocket, Sockets } from "./sockets.ts";
import { createTyping, type Typing } from "./typing.ts";

/** A room's log: what the device has of it, and how it comes by more. */
export interface RoomLog {
  readonly state: Observable<LogState>;
  readonly typing: Typing;
  /** Reads the newest of the device's copies, once. Throws `device/failed`. */
  load(): Promise<void>;
  /** Puts one more segment before the first. `false` where the log begins for this student. Throws `offline`. */
  loadOlder(): Promise<boolean>;
  /** Keeps the newest segment connected until the last who asked for it has left, and a little longer. */
  follow(): Unsubscribe;
  /** Fetches what is new and keeps it. Returns whether that was done. */
  catchUp(): Promise<boolean>;
  /** Drops the copies, fetches the log afresh, and keeps own messages that it has no more as failed ones. */
  rebuild(why: string): Promise<void>;
  /** Deletes all that the device has of the room. */
  erase(): Promise<void>;
  /** The inbox knows more of the room. */
  wake(): void;
  /** Writes what is not kept yet. */
  close(): Promise<void>;
}

/** A stretch of a log without a hole that ends with the newest segment known. */
export interface LogState {
  /** Oldest first; empty while nothing is known. */
  readonly segments: readonly Segment[];
  /** The newest event, but for one that only ends a segment. */
  readonly end: RoomHead | undefined;
  /** There is something before the first. */
  readonly hasOlder: boolean;
  /** All that the server has is here, and what comes will be. */
  readonly isCurrent: boolean;
  /** Copies were dropped: what was lost with them is not decided yet. */
  readonly isRebuilding: boolean;
}

/** Where a room's log can be read. */
export interface RoomBounds {
  readonly head: RoomHead;
  /** The first segment that the student may read. */
  readonly fromSegment: number;
}

export interface RoomLogDeps {
  readonly roomId: RoomId;
  readonly account: StudentContext;
  readonly sockets: Sockets;
  /** Counts how often the server has refused the room; `wake` is called when the wait is over. */
  readonly refusals: BackoffTimer;
  /** As the inbox knows it. */
  readonly whereabouts: () => RoomBounds | undefined;
  /** Asks the inbox; `wake` is called when it knows. */
  readonly seek: () => void;
  /** The server says that a segment is not hers, or not there. */
  readonly onForbidden: () => void;
  /** Copies were dropped: what the inbox knows of the room may be of the same history. */
  readonly onDropped: () => void;
}

interface Live {
  readonly copy: Copy;
  readonly socket: DocumentSocket;
  readonly stop: () => void;
}

/** More segments than this are not worth fetching one after the other: older ones come when they are asked for. */
const MAX_MISSING = 8;
/** How long what came may wait for more before it is written. */
const KEEP_MS = 250;
/** How long a room stays connected that nobody looks at: a screen that is turned is closed and opened. */
const LINGER_MS = 5_000;
const CATCH_UP_MS = 10_000;
const ROGUE = "A copy of a room had what the server never wrote.";
const NOTHING: LogState = {
  segments: [],
  end: undefined,
  hasOlder: false,
  isCurrent: false,
  isRebuilding: false,
};

/** Opens nothing and reads nothing before it is asked to. */
export const createRoomLog = (deps: RoomLogDeps): RoomLog => {
  const { roomId, account, sockets, refusals, whereabouts } = deps;
  const { clock, report, outbox, randomBytes } = account;
  const copies = createRoomCopies(roomId, account);
  const typing = createTyping(account);
  /** What reads and writes copies waits for what did before. */
  const turn = createSerialQueue();
  const state = createSubject(NOTHING);
  let live: Live | undefined;
  let loading: Promise<void> | undefined;
  /** Not before the device was read, nor while its copies are dropped, nor when all is over. */
  let mayConnect = false;
  let isDropping = false;
  const over = new AbortController();
  let holds = 0;
  let cancelLinger: (() => void) | undefined;
  let cancelKeep: (() => void) | undefined;

  const fromSegment = (): number => whereabouts()?.fromSegment ?? 0;

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
    loading ??= turn(copies.load).then(
      () => {
        mayConnect = !over.signal.aborted;
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

  const keep = async ({ isClosing = false } = {}): Promise<void> => {
    cancelKeep?.();
    cancelKeep = undefined;
    try {
      await turn(() => copies.write({ isCurrent: state.value.isCurrent, isClosing }));
      publish();
      checkArrivals();
    } catch (cause) {
      // It is tried again with what comes next.
      report({ kind: "not-kept", message: "A room's messages could not be kept.", cause });
    }
  };

  const scheduleKeep = (): void => {
    cancelKeep ??= clock.after(KEEP_MS, () => void keep());
  };

  /** An acknowledged command goes from the outbox when its event is here. */
  const checkArrivals = (): void => {
    if (!mayConnect) return;
    const arrivals = copies.arrivals();
    if (arrivals.includes("undone")) void rebuild("The server has something else where a message was.");
    else if (arrivals.includes("arrived")) scheduleKeep();
  };
  const stopChecking = outbox.entries.subscribe(checkArrivals);

  const disconnect = (): void => {
    live?.stop();
    live?.socket.close();
    live = undefined;
    typing.attach(undefined);
  };

  const connect = (): void => {
    if (live || holds === 0 || !mayConnect || isDropping || refusals.isWaiting) return;
    const { newest } = copies;
    const segment = nextSegment(newest?.content, { lost: copies.lost, place: whereabouts() });
    if (segment === undefined) return deps.seek();
    const copy = newest?.content.segment === segment ? newest : createCopy(segment, createDoc(randomBytes));
    const changed = (): void => {
      copy.isKept = false;
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
    if (!copy.isKept || copies.lost) scheduleKeep();
  };

  const refused = (code: number): void => {
    disconnect();
    // Another history is dropped: what is asked for next is another thing.
    if (code !== CLOSE_CODES.forked) refusals.fail();
    publish();
    if (code === CLOSE_CODES.forked) void rebuild("The server has another history of a room.");
    else if (code === CLOSE_CODES.forbidden) deps.onForbidden();
    else if (refusals.failures === 1)
      report({ kind: "fault", message: `The server refused a room's socket with ${code}.` });
  };

  /** Nothing connects meanwhile: what came would be of what is dropped. */
  const dropping = async (drop: () => Promise<void>): Promise<void> => {
    isDropping = true;
    disconnect();
    try {
      await load();
      await turn(drop);
    } finally {
      isDropping = false;
      publish();
    }
  };

  const rebuild = async (why: string): Promise<void> => {
    if (isDropping) return;
    try {
      await dropping(copies.drop);
      report({ kind: "room-rebuilt", message: why });
      deps.onDropped();
      connect();
    } catch (cause) {
      report({ kind: "not-kept", message: "A room's copies could not be dropped.", cause });
    }
  };

  const loadOlder = async (): Promise<boolean> => {
    const first = copies.segments[0]?.segment;
    if (first === undefined) throw new EdVoyageError("offline", "The newest messages are not here yet.");
    if (first <= fromSegment()) return false;
    const name = roomDocumentName(roomId, first - 1);
    const kept = await copies.read(first - 1);
    const older =
      kept && !kept.content.isRogue
        ? kept
        : createCopy(first - 1, await fetchDoc(name, { sockets, clock, randomBytes, over: over.signal }));
    // A segment far ahead may have taken the place of all meanwhile.
    if (copies.segments[0]?.segment === first) copies.prepend(older);
    publish();
    scheduleKeep();
    return true;
  };

  const release = (): void => {
    holds -= 1;
    if (holds > 0) return;
    cancelLinger = clock.after(LINGER_MS, () => {
      cancelLinger = undefined;
      if (holds > 0) return;
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
        return await turn(loadOlder);
      } catch (error) {
        throw toEdVoyageError(error);
      }
    },

    follow: () => {
      holds += 1;
      cancelLinger?.();
      cancelLinger = undefined;
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
      holds += 1;
      connect();
      const isOver = (now: LogState): boolean => now.isCurrent || refusals.isWaiting || over.signal.aborted;
      await waitUntil(state, isOver, { clock, timeoutMs: CATCH_UP_MS });
      const { isCurrent } = state.value;
      await keep();
      holds -= 1;
      // Not a little longer: of many rooms that are caught up, one is connected at a time.
      if (holds === 0 && !cancelLinger) {
        disconnect();
        publish();
      }
      return isCurrent;
    },

    rebuild,
    erase: () => dropping(copies.erase),

    wake: () => {
      if (!mayConnect) return;
      publish();
      connect();
    },

    close: async () => {
      over.abort();
      mayConnect = false;
      stopChecking();
      cancelLinger?.();
      typing.say(false);
      disconnect();
      // Whoever waits hears that it is over.
      publish();
      await keep({ isClosing: true });
    },
  };
};

/** Where the log goes on after the newest copy; where it begins when there is none, or it is too far away. */
const nextSegment = (
  newest: Segment | undefined,
  { lost, place }: { readonly lost: LostMessages | undefined; readonly place: RoomBounds | undefined },
): number | undefined => {
  // What is rebuilt is fetched whole: what was lost is known only then.
  const isNear = lost || !place || !newest || place.head.segment - newest.segment <= MAX_MISSING;
  if (newest && isNear) return newest.isSealed ? newest.segment + 1 : newest.segment;
  if (!place) return undefined;
  const first = (lost && firstSegmentOf(lost)) ?? place.head.segment;
  return Math.max(place.fromSegment, Math.min(first, place.head.segment));
};
