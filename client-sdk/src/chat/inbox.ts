import {
  comparePositions,
  type CommandId,
  type InboxMemberRoom,
  type Invitation,
  type Position,
  type RoomHead,
  type RoomId,
} from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { isSessionOver, isTransient, toEdVoyageError } from "../runtime/errors.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import { createDoneWrite, createWrite, type Write } from "../outbox/write.ts";
import { putJson, remove } from "../storage/records.ts";
import type { Change } from "../storage/storage.ts";
import type { AreaChanges } from "../reads/area-changes.ts";
import type { AnswerOf } from "../rpc/server-api.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";

/** A room of the student, as the server last reported it. */
export interface MemberRoom extends Omit<InboxMemberRoom, "state" | "head"> {
  /** The newest event. */
  readonly head: RoomHead;
}

/** The summary of a student's rooms; it does not need their logs. */
export interface InboxState {
  readonly rooms: ReadonlyMap<RoomId, MemberRoom>;
  readonly invitations: readonly Invitation[];
}

/** The device's copy of the answers of `inbox.changes`. */
export interface Inbox {
  readonly state: Observable<InboxState>;
  /**
   * Asks for changes, or for `all` rooms. Returns the rooms in the answer, "later" when the server was not reached, and
   * `undefined` when asking again is pointless until something else changes. Calls during a request share the next request.
   */
  refresh(options?: { readonly all?: boolean }): Promise<readonly MemberRoom[] | "later" | undefined>;
  /** Reads what another tab has stored. Throws the errors of the storage. */
  reload(): Promise<void>;
  /** Queues a read position, unless it is already known, and shows it. Throws the errors of the outbox. */
  markRead(roomId: RoomId, position: Position): Promise<Write>;
  /** Ignores answers that arrive afterwards. */
  close(): void;
}

/** The record beside the rooms, under `inbox`. */
interface Stored {
  /** The server's clock at the last answer. */
  readonly serverNow: number;
  /** The server's clock at the last answer that contained all rooms. */
  readonly allAt?: number | undefined;
  readonly invitations: readonly Invitation[];
  /** The number of rooms. If the device has a different number of records, one was damaged. */
  readonly roomCount: number;
}

type Answer = AnswerOf<"inbox.changes">;

/** The end of a walk through the pages of an answer. */
interface WalkEnd {
  /** The server's clock at the beginning of the walk. */
  readonly serverNow: number;
  /** Whether the pages have all rooms of the student: others are gone. */
  readonly isAll: boolean;
  /** The rooms of the pages before. */
  readonly former: readonly MemberRoom[];
}

const KEY = "inbox";
const ROOMS = "inbox/";
/** The number of rooms on a page: about 10 kB, which takes a few seconds on a slow line. */
const PAGE_ROOMS = 20;
/** Ask again from a little before the last answer: it could not include writes that were in progress. */
const OVERLAP_MS = 10_000;
/** Ask for all rooms this often: a server restored from a backup does not report the rooms in which it lost something. */
const ASK_ALL_AFTER_MS = 24 * 60 * 60_000;

/** Opens the device's copy; does not ask the server. */
export const createInbox = async ({
  records,
  outbox,
  rpc,
  report,
  newId,
  areas,
  onStored = () => {},
}: Pick<StudentContext, "records" | "outbox" | "rpc" | "report" | "newId"> & {
  readonly areas: Pick<AreaChanges, "take" | "reload">;
  /** Called after an answer was stored. */
  readonly onStored?: () => void;
}): Promise<Inbox> => {
  const inTurn = createSerialQueue();
  const stored = await records.getJson<Stored>(KEY);
  const kept = await records.listJson<MemberRoom>(ROOMS);
  const state = createSubject<InboxState>({
    rooms: new Map(kept.map(({ value }) => [value.id, value])),
    invitations: stored?.invitations ?? [],
  });
  /** The rooms as they are stored on the device. */
  let onDevice = state.value.rooms;
  let serverNow = stored?.roomCount === kept.length ? stored.serverNow : undefined;
  let allAt = stored?.allAt;
  /** Rooms with a pending read position that the server may not have known at the last request. */
  let marked = new Set<RoomId>();
  let wantsAll = false;
  let isClosed = false;
  let asking: Promise<unknown> = Promise.resolve();
  let next: ReturnType<Inbox["refresh"]> | undefined;

  const reportNotKept = (cause: unknown): void =>
    report({ kind: "not-kept", message: "The list of rooms could not be stored.", cause });

  const waitingMarks = (roomId?: RoomId): readonly OutboxEntry<"chat.markRead">[] =>
    (roomId === undefined ? outbox.inArea("chat") : outbox.inRoom(roomId)).value.filter(
      (entry): entry is OutboxEntry<"chat.markRead"> =>
        entry.procedure === "chat.markRead" && entry.state === "pending",
    );

  const ask = async (): Promise<readonly MemberRoom[] | undefined> => {
    const asksAll = wantsAll || serverNow === undefined;
    const since = asksAll || serverNow === undefined ? null : Math.max(0, serverNow - OVERLAP_MS);
    wantsAll = false;
    marked = new Set(waitingMarks().map(({ input }) => input.roomId));
    return walk(since).catch((error: unknown) => {
      wantsAll ||= asksAll;
      throw error;
    });
  };

  /** Asks page by page, and shows each at once. `since` is the start of the changes; `null` stands for all rooms. */
  const walk = async (since: number | null): Promise<readonly MemberRoom[] | undefined> => {
    let answer = await rpc.inbox.changes.query({ since, limit: PAGE_ROOMS });
    const { serverNow: startedAt, hasMore: hasPages } = answer;
    // If the server's clock was set back, `since` no longer selects the right changes.
    const isPlausible = startedAt >= (since ?? 0) && startedAt - (allAt ?? 0) <= ASK_ALL_AFTER_MS;
    if (since !== null && !isPlausible) {
      wantsAll = true;
      return ask();
    }
    const heard: MemberRoom[] = [];
    let isComplete = since !== null || !hasPages;
    for (;;) {
      const page = answer;
      const isEnd = !page.hasMore && isComplete;
      const end = { serverNow: startedAt, isAll: since === null, former: heard };
      const taken = await inTurn(() => take(page, isEnd ? end : undefined));
      if (!taken) return undefined;
      heard.push(...taken);
      if (isEnd) return heard;
      // A room that changed during the walk is before its first page now.
      isComplete ||= !page.hasMore;
      answer = await rpc.inbox.changes.query(
        page.hasMore
          ? { cursor: page.cursor, limit: PAGE_ROOMS }
          : { since: Math.max(0, startedAt - OVERLAP_MS) },
      );
    }
  };

  /** Takes in a page. `end` is set for the last one, and makes it the start of the next walk. */
  const take = async (
    answer: Answer,
    end: WalkEnd | undefined,
  ): Promise<readonly MemberRoom[] | undefined> => {
    if (isClosed) return undefined;
    const before = state.value.rooms;
    const rooms = new Map(before);
    const heard: MemberRoom[] = [];
    for (const room of answer.rooms) {
      if (room.state === "left") rooms.delete(room.id);
      else {
        const { state: _, ...reported } = room;
        const previous = before.get(room.id);
        const read = marked.has(room.id) && previous ? previous.readPosition : reported.readPosition;
        const updated = withRead({ ...reported, head: { ...reported.head, roomId: room.id } }, read);
        rooms.set(room.id, previous && isSame(previous, updated) ? previous : updated);
        heard.push(updated);
      }
    }
    if (end?.isAll) {
      const memberIds = new Set([...end.former, ...heard].map(({ id }) => id));
      for (const id of before.keys()) if (!memberIds.has(id)) rooms.delete(id);
    }
    // Store the changed areas before `serverNow`: if the program ends in between, the server reports them again.
    const { areas: changed, unreadNotifications } = answer;
    await areas.take({ areas: changed, unreadNotifications }).catch(reportNotKept);
    serverNow = end?.serverNow ?? serverNow;
    if (end?.isAll) allAt = serverNow;
    const { invitations: invited } = state.value;
    const invitations = isSame(invited, answer.invitations) ? invited : answer.invitations;
    state.set({ rooms, invitations });
    try {
      await records.write([
        ...[...rooms.values()].filter((room) => onDevice.get(room.id) !== room).map(putRoom),
        ...[...onDevice.keys()].filter((id) => !rooms.has(id)).map((id) => remove(ROOMS + id)),
        ...(serverNow === undefined
          ? []
          : [putJson(KEY, { serverNow, allAt, invitations, roomCount: rooms.size } satisfies Stored)]),
      ]);
      onDevice = rooms;
      onStored();
    } catch (cause) {
      // The write after the next answer includes these changes.
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
      inTurn(async () => {
        const room = state.value.rooms.get(roomId);
        const id: CommandId = newId();
        if (room && comparePositions(position, room.readPosition) <= 0) return createDoneWrite(id);
        const read = room && withRead(room, position);
        const [waiting] = waitingMarks(roomId);
        await outbox.addAll(
          [
            {
              id,
              procedure: "chat.markRead",
              input: { roomId, position },
              lane: `read/${roomId}`,
              replaces: waiting?.id,
            },
          ],
          read ? [putRoom(read)] : [],
        );
        marked.add(roomId);
        if (read) {
          onDevice = new Map(onDevice).set(roomId, read);
          state.set({ ...state.value, rooms: new Map(state.value.rooms).set(roomId, read) });
        }
        return createWrite(outbox, id);
      }),
    reload: () =>
      inTurn(async () => {
        await areas.reload();
        const [next, listed] = [
          await records.getJson<Stored>(KEY),
          await records.listJson<MemberRoom>(ROOMS),
        ];
        if (isClosed || !next || next.roomCount !== listed.length) return;
        const { rooms: before } = state.value;
        const rooms = new Map(
          listed.map(({ value }) => {
            const former = before.get(value.id);
            return [value.id, former && isSame(former, value) ? former : value] as const;
          }),
        );
        ({ serverNow, allAt } = next);
        onDevice = rooms;
        state.set({ rooms, invitations: next.invitations });
      }),
    close: () => {
      isClosed = true;
    },
  };
};

/** Returns the room with a new read position, which never moves back. */
const withRead = (room: MemberRoom, position: Position): MemberRoom => {
  if (comparePositions(position, room.readPosition) <= 0) return room;
  const isAllRead = comparePositions(position, room.head) >= 0;
  return { ...room, readPosition: position, unread: isAllRead ? 0 : room.unread };
};

const putRoom = (room: MemberRoom): Change => putJson(ROOMS + room.id, room);

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
