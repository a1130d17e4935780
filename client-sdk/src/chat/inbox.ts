import {
  comparePositions,
  type Position,
  type RoomHead,
  type RoomHistory,
  type RoomId,
} from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { isSessionOver, isTransient, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { putJson, remove } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { AreaChanges } from "../reads/area-changes.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import type { Invitation, RoomSummary } from "./api.ts";

/** A room that the student is in, as the server said it last. */
export interface InboxRoom extends RoomSummary {
  readonly history: RoomHistory;
  /** The first segment that she may read. */
  readonly fromSegment: number;
  /** The newest event. */
  readonly head: RoomHead;
}

/** What is known of a student's rooms without reading them. */
export interface InboxState {
  readonly rooms: ReadonlyMap<RoomId, InboxRoom>;
  readonly invitations: readonly Invitation[];
}

/** What `inbox.changes` says, kept on the device. */
export interface Inbox {
  readonly state: Observable<InboxState>;
  /**
   * Asks what changed, or `all` there is. Returns the rooms of which it heard; "later" when the server was not reached, and
   * `undefined` when it will not answer before something else has changed. Calls while one is on its way share the next one.
   */
  refresh(options?: { readonly all?: boolean }): Promise<readonly InboxRoom[] | "later" | undefined>;
  /** Queues that a room is read up to a place, unless it is known to be, and shows it. Throws what the outbox throws. */
  markRead(roomId: RoomId, position: Position): Promise<void>;
  /** An answer that comes later is not heard. */
  close(): void;
}

/** What is kept beside the rooms, under `inbox`. */
interface Stored {
  /** The server's clock at the last answer. */
  readonly serverNow: number;
  /** The same at the last answer that had all rooms. */
  readonly allAt?: number | undefined;
  readonly invitations: readonly Invitation[];
  /** How many rooms there are: another number means that a record was damaged. */
  readonly roomCount: number;
}

const KEY = "inbox";
const ROOMS = "inbox/";
/** What was being written at the last answer was not seen yet. */
const OVERLAP_MS = 10_000;
/** How long it is enough to ask what changed: a server that was put back names no room that it has forgotten something of. */
const ALL_MS = 24 * 60 * 60_000;

/** Reads what the device has; asks nothing. */
export const createInbox = async ({
  records,
  outbox,
  rpc,
  report,
  areas,
}: Pick<StudentContext, "records" | "outbox" | "rpc" | "report"> & {
  readonly areas: Pick<AreaChanges, "take">;
}): Promise<Inbox> => {
  const turn = createSerialQueue();
  const stored = await records.getJson<Stored>(KEY);
  const kept = await records.listJson<InboxRoom>(ROOMS);
  const state = createSubject<InboxState>({
    rooms: new Map(kept.map(({ value }) => [value.id, value])),
    invitations: stored?.invitations ?? [],
  });
  /** Rooms as the device has them. */
  let onDevice = state.value.rooms;
  let serverNow = stored?.roomCount === kept.length ? stored.serverNow : undefined;
  let allAt = stored?.allAt;
  /** Rooms with a mark that the server may not have known when it was asked last. */
  let marked = new Set<RoomId>();
  let wantsAll = false;
  let isClosed = false;
  let asking: Promise<unknown> = Promise.resolve();
  let next: ReturnType<Inbox["refresh"]> | undefined;

  const reportNotKept = (cause: unknown): void =>
    report({ kind: "not-kept", message: "The list of rooms could not be kept.", cause });

  const waitingMarks = (roomId?: RoomId): readonly OutboxEntry<"chat.markRead">[] =>
    outbox.entries.value.filter(
      (entry): entry is OutboxEntry<"chat.markRead"> =>
        entry.procedure === "chat.markRead" &&
        entry.state === "pending" &&
        (roomId === undefined || entry.input.roomId === roomId),
    );

  const ask = async (): Promise<readonly InboxRoom[] | undefined> => {
    const asksAll = wantsAll || serverNow === undefined;
    const since = asksAll || serverNow === undefined ? null : Math.max(0, serverNow - OVERLAP_MS);
    wantsAll = false;
    marked = new Set(waitingMarks().map(({ input }) => input.roomId));
    const answer = await rpc.inbox.changes.query({ since }).catch((error: unknown) => {
      wantsAll ||= asksAll;
      throw error;
    });
    // Where the server's clock was put back, what it counts as later is not what it was.
    const isBelieved = answer.serverNow >= (since ?? 0) && answer.serverNow - (allAt ?? 0) <= ALL_MS;
    if (since !== null && !isBelieved) {
      wantsAll = true;
      return ask();
    }
    return turn(() => take(answer, since === null));
  };

  const take = async (
    answer: Awaited<ReturnType<typeof rpc.inbox.changes.query>>,
    isAll: boolean,
  ): Promise<readonly InboxRoom[] | undefined> => {
    if (isClosed) return undefined;
    const before = state.value.rooms;
    const rooms = new Map(isAll ? [] : before);
    const heard: InboxRoom[] = [];
    for (const room of answer.rooms) {
      if (room.state === "left") rooms.delete(room.id);
      else {
        const { state: _, ...said } = room;
        const known = before.get(room.id);
        const read = marked.has(room.id) && known ? known.readPosition : said.readPosition;
        const shown = withRead({ ...said, head: { ...said.head, roomId: room.id } }, read);
        rooms.set(room.id, known && isSame(known, shown) ? known : shown);
        heard.push(shown);
      }
    }
    // Kept before what it was asked since: what is lost between the two is told again.
    const { areas: changed, unreadNotifications } = answer;
    await areas.take({ areas: changed, unreadNotifications }).catch(reportNotKept);
    ({ serverNow } = answer);
    if (isAll) allAt = serverNow;
    const { invitations: invited } = state.value;
    const invitations = isSame(invited, answer.invitations) ? invited : answer.invitations;
    state.set({ rooms, invitations });
    try {
      await records.write([
        ...[...rooms.values()].filter((room) => onDevice.get(room.id) !== room).map(putRoom),
        ...[...onDevice.keys()].filter((id) => !rooms.has(id)).map((id) => remove(ROOMS + id)),
        putJson(KEY, { serverNow, allAt, invitations, roomCount: rooms.size } satisfies Stored),
      ]);
      onDevice = rooms;
    } catch (cause) {
      // The next answer's write has this one's changes too.
      reportNotKept(cause);
    }
    return heard;
  };

  return {
    state,
    refresh: ({ all = false } = {}) => {
      wantsAll ||= all;
      next ??= asking.then(() => {
        next = undefined;
        const asked = ask().catch((cause: unknown) => {
          const { reason, message } = toEdVoyageError(cause);
          if (isTransient(reason)) return "later";
          if (!isSessionOver(reason)) report({ kind: "fault", message, cause });
          return undefined;
        });
        asking = asked;
        return asked;
      });
      return next;
    },
    markRead: (roomId, position) =>
      turn(async () => {
        const room = state.value.rooms.get(roomId);
        if (room && comparePositions(position, room.readPosition) <= 0) return;
        const read = room && withRead(room, position);
        const [waiting] = waitingMarks(roomId);
        await outbox.addAll(
          [
            {
              procedure: "chat.markRead",
              input: { roomId, position },
              lane: `read/${roomId}`,
              replaces: waiting?.id,
            },
          ],
          read ? [putRoom(read)] : [],
        );
        marked.add(roomId);
        if (!read) return;
        onDevice = new Map(onDevice).set(roomId, read);
        state.set({ ...state.value, rooms: new Map(state.value.rooms).set(roomId, read) });
      }),
    close: () => {
      isClosed = true;
    },
  };
};

/** As it is when so much is read, which never goes back. */
const withRead = (room: InboxRoom, position: Position): InboxRoom => {
  if (comparePositions(position, room.readPosition) <= 0) return room;
  const isAllRead = comparePositions(position, room.head) >= 0;
  return { ...room, readPosition: position, unread: isAllRead ? 0 : room.unread };
};

const putRoom = (room: InboxRoom): Change => putJson(ROOMS + room.id, room);

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
