import { comparePositions, type Position, type RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import type { Observable, Subject } from "../runtime/observable.ts";
import { ackedIn } from "./acknowledged.ts";
import type { LogState } from "./log-state.ts";
import { isSuperseded, withHistory, withNewest, withOlder, type RoomHistory } from "./room-history.ts";
import type { RoomBounds, RoomLog } from "./room-log.ts";
import type { RoomRecords } from "./room-records.ts";

/** Reads a room's messages by HTTP, and shows them as part of its log. Make only one call at a time. */
export interface RoomPolling {
  /** Returns the log with the messages that were read by HTTP. */
  show(log: LogState): LogState;
  /** Whether the copies have everything that was read by HTTP. */
  isSuperseded(): boolean;
  /** Reads what the inbox knows to be new, and removes own commands that have arrived. */
  poll(): Promise<void>;
  /** Reads a page of older messages. Returns whether there was any. */
  loadOlder(): Promise<boolean>;
  /** Deletes what was read, and keeps the student's own messages as candidates for lost ones. */
  dropAfterFork(): Promise<void>;
}

export interface RoomPollingDeps {
  readonly roomId: RoomId;
  readonly account: StudentContext;
  readonly log: RoomLog;
  readonly bounds: () => RoomBounds | undefined;
  readonly roomRecords: RoomRecords;
  /** The messages that were read by HTTP. */
  readonly history: Subject<RoomHistory | undefined>;
  /** The log as it is shown. */
  readonly state: Observable<LogState>;
}

const PAGE_SIZE = 50;
/** The most pages of one read; a room with more news continues from the newest messages. */
const MAX_PAGES = 4;

/** Creates the reads of one room; it asks nothing by itself. */
export const createRoomPolling = ({
  roomId,
  account,
  log,
  bounds,
  roomRecords,
  history,
  state,
}: RoomPollingDeps): RoomPolling => {
  const { records, outbox, rpc } = account;

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

  return {
    show: (shown) => withHistory(shown, history.value),
    isSuperseded: () => history.value !== undefined && isSuperseded(log.state.value, history.value),
    poll: async () => {
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
    },
    loadOlder: async () => {
      const [first] = state.value.segments;
      // Not the inbox's head: what is newer than the device's end has not been read.
      const head = state.value.end;
      if (!first || !head || !state.value.hasOlder) return false;
      const before = { segment: first.segment, index: first.rows[0]?.index ?? 0 };
      const older = await read(before, undefined);
      const current = history.value ?? { messages: [], head, next: null, isAlone: false };
      history.set(withOlder(current, older));
      return older.messages.length > 0;
    },
    dropAfterFork: async () => {
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
    },
  };
};
