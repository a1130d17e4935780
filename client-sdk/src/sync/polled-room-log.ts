import { comparePositions, type Position, type RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { isEdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, derive } from "../runtime/observable.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { ackedIn } from "./acknowledged.ts";
import { isSuperseded, withHistory, withNewest, withOlder, type RoomHistory } from "./room-history.ts";
import type { RoomBounds, RoomLog } from "./room-log.ts";
import { createRoomRecords } from "./room-records.ts";

/** A room's log that can also be read by HTTP. */
export interface PolledRoomLog extends RoomLog {
  /** Whether the room is followed now. */
  readonly isFollowed: boolean;
  /** Reads what the inbox knows to be new, and removes own commands that have arrived. Throws `offline` and the server's errors. */
  poll(): Promise<void>;
}

export interface PolledRoomLogDeps {
  readonly roomId: RoomId;
  readonly account: StudentContext;
  readonly log: RoomLog;
  readonly bounds: () => RoomBounds | undefined;
  /** Whether HTTP is the transport. */
  readonly isPolling: () => boolean;
  /** Called when the room is followed while HTTP is the transport. */
  readonly onFollow: () => void;
}

const PAGE_SIZE = 50;
/** The most pages of one read; a room with more news continues from the newest messages. */
const MAX_PAGES = 4;

/** Extends a room's log. Asks the server only when it is told to. */
export const createPolledRoomLog = (deps: PolledRoomLogDeps): PolledRoomLog => {
  const { roomId, account, log, bounds } = deps;
  const { records, outbox, report, rpc } = account;
  const roomRecords = createRoomRecords(roomId, account);
  const runSerially = createSerialQueue();
  const history = createSubject<RoomHistory | undefined>(undefined);
  const state = derive([log.state, history], () => withHistory(log.state.value, history.value));
  let loading: Promise<void> | undefined;
  let followers = 0;

  const load = async (): Promise<void> => {
    loading ??= roomRecords.history().then(history.set, (error: unknown) => {
      loading = undefined;
      throw toEdVoyageError(error);
    });
    await loading;
    await log.load();
  };

  /** Reads messages before a position, back to `until` if that is not too far. Default: one page. */
  const read = async (from: Position | null, until: Position | undefined) => {
    const messages: RoomHistory["messages"][] = [];
    let next = from;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await rpc.chat.history.query({ roomId, before: next, limit: PAGE_SIZE });
      messages.unshift([...answer.items].reverse());
      next = answer.nextCursor;
      if (next === null || !until || comparePositions(next, until) <= 0) break;
    }
    return { messages: messages.flat(), next };
  };

  const poll = async (): Promise<void> => {
    await load();
    const head = bounds()?.head;
    if (!head) return;
    const { end } = state.value;
    const isKnown = end && comparePositions(end, head) >= 0;
    const next = isKnown
      ? history.value
      : withNewest(history.value, { ...(await read(null, end)), head }, end);
    const arrived = ackedIn(outbox.inRoom(roomId).value).filter(
      ({ answer }) => comparePositions(answer.position, head) <= 0,
    );
    // The copies alone settle what they have.
    if (!next || (isKnown && arrived.length === 0)) return;
    history.set(next);
    const changes = [roomRecords.putHistory(next), roomRecords.putEnd(next.head)];
    if (arrived.length > 0)
      await outbox.forget(
        arrived.map(({ id }) => id),
        changes,
      );
    else await records.write(changes);
  };

  const drop = async (): Promise<void> => {
    const { value } = history;
    history.set(undefined);
    if (value) await records.write([roomRecords.putHistory(undefined)]);
  };

  const stopWatching = log.state.subscribe(() => {
    const { value } = history;
    if (!value || !log.state.value.isCurrent || !isSuperseded(log.state.value, value)) return;
    runSerially(drop).catch((cause: unknown) =>
      report({ kind: "not-kept", message: "The messages read by HTTP could not be deleted.", cause }),
    );
  });

  /** Keeps the student's own messages as candidates before the history is dropped. */
  const dropAfterFork = async (): Promise<void> => {
    const { value } = history;
    if (!value) return;
    const lost = await roomRecords.lost();
    const own = value.messages.flatMap(({ id, authorId, text, replyTo, position: { segment } }) =>
      authorId === account.userId && text !== null ? [{ id, text, replyTo, segment }] : [],
    );
    await records.write([
      roomRecords.putHistory(undefined),
      roomRecords.putLost({ candidates: [...(lost?.candidates ?? []), ...own] }),
    ]);
    history.set(undefined);
  };

  const loadOlderByHttp = async (): Promise<boolean> => {
    const [first] = state.value.segments;
    // Not the inbox's head: what is newer than the device's end has not been read.
    const head = state.value.end;
    if (!first || !head || !state.value.hasOlder) return false;
    const before = { segment: first.segment, index: first.rows[0]?.index ?? 0 };
    const older = await read(before, undefined);
    const current = history.value ?? { messages: [], head, next: null, isAlone: false };
    history.set(withOlder(current, older));
    return older.messages.length > 0;
  };

  return {
    ...log,
    state,
    load,
    get isFollowed() {
      return followers > 0;
    },
    follow: () => {
      followers += 1;
      const unfollow = log.follow();
      if (deps.isPolling()) deps.onFollow();
      let isOver = false;
      return () => {
        if (!isOver) followers -= 1;
        isOver = true;
        unfollow();
      };
    },
    poll: () => runSerially(poll),
    loadOlder: async () => {
      await load();
      if (!history.value?.isAlone) {
        try {
          return await log.loadOlder();
        } catch (error) {
          if (!deps.isPolling() || !isEdVoyageError(error) || error.reason !== "offline") throw error;
        }
      }
      return runSerially(loadOlderByHttp);
    },
    rebuild: async (reason) => {
      await runSerially(dropAfterFork);
      await log.rebuild(reason);
    },
    erase: async () => {
      await runSerially(drop);
      await log.erase();
    },
    close: async () => {
      stopWatching();
      await log.close();
    },
  };
};
