import type { RoomId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { isEdVoyageError, toEdVoyageError } from "../runtime/errors.ts";
import { loadOnDemand } from "../runtime/load-on-demand.ts";
import { createSubject, derive } from "../runtime/observable.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import type { RoomHistory } from "./room-history.ts";
import type { RoomBounds, RoomLog } from "./room-log.ts";
import type { RoomPolling } from "./room-polling.ts";
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

/**
 * Extends a room's log. Asks the server only when it is told to. The code for that is loaded once the network lets no WebSocket
 * through, or if it did not earlier; as long as it cannot be loaded, only the copies are shown.
 */
export const createPolledRoomLog = (deps: PolledRoomLogDeps): PolledRoomLog => {
  const { account, log } = deps;
  const { records, report } = account;
  const roomRecords = createRoomRecords(deps.roomId, account);
  const runSerially = createSerialQueue();
  /** Has a value only once `polling` is there to show it. */
  const history = createSubject<RoomHistory | undefined>(undefined);
  let polling: RoomPolling | undefined;
  const state = derive([log.state, history], () => polling?.show(log.state.value) ?? log.state.value);
  let loading: Promise<void> | undefined;
  let followers = 0;

  const open = async (): Promise<RoomPolling> => {
    const { createRoomPolling } = await loadOnDemand(() => import("./room-polling.ts"));
    return (polling ??= createRoomPolling({ ...deps, roomRecords, history, state }));
  };

  const loadHistory = async (): Promise<void> => {
    const stored = await roomRecords.history();
    if (!stored) return;
    const opened = await open().catch(() => undefined);
    if (opened) history.set(stored);
    else loading = undefined;
  };

  const load = async (): Promise<void> => {
    loading ??= loadHistory().catch((error: unknown) => {
      loading = undefined;
      throw toEdVoyageError(error);
    });
    await loading;
    await log.load();
  };

  const drop = async (): Promise<void> => {
    const { value } = history;
    history.set(undefined);
    if (value) await records.write([roomRecords.putHistory(undefined)]);
  };

  const stopWatching = log.state.subscribe(() => {
    if (!log.state.value.isCurrent || !polling?.isSuperseded()) return;
    runSerially(drop).catch((cause: unknown) =>
      report({ kind: "not-kept", message: "The messages read by HTTP could not be deleted.", cause }),
    );
  });

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
    poll: () =>
      runSerially(async () => {
        const { poll } = await open();
        await load();
        await poll();
      }),
    loadOlder: async () => {
      await load();
      if (!history.value?.isAlone) {
        try {
          return await log.loadOlder();
        } catch (error) {
          if (!deps.isPolling() || !isEdVoyageError(error) || error.reason !== "offline") throw error;
        }
      }
      return runSerially(async () => (await open()).loadOlder());
    },
    rebuild: async (reason) => {
      await runSerially(async () => polling?.dropAfterFork());
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
