import type { CommandId } from "@edvoyage/protocol";
import { waitUntil } from "../runtime/wait-until.ts";
import {
  EdVoyageError,
  isSessionOver,
  isTransient,
  retryAfterMs,
  toEdVoyageError,
} from "../runtime/errors.ts";
import type { Observable } from "../runtime/observable.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import type { Outbox, OutboxDeps } from "./api.ts";
import { isBackground, isMoot, isObsolete } from "./command-kinds.ts";
import { createCommandList } from "./command-list.ts";
import { createLanes } from "./lanes.ts";
import { createOutboxDisk, type Step } from "./outbox-disk.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { DISCARDED, endOf, openSettlements, outcomeOf, toError, type Ended } from "./settlements.ts";
import {
  commandToEntry,
  toAcked,
  toFailed,
  toPending,
  toQueuedCommand,
  toSending,
  type Item,
} from "./stored-entry.ts";

/** The number of commands that the device stores for one student: some weeks of typing without a network. */
const MAX_ENTRIES = 10_000;
/** After this many server faults in total, a command is no longer sent. */
const MAX_FAULTS = 10;

/** Loads the stored commands and starts to send them. */
export const createOutbox = async (deps: OutboxDeps): Promise<Outbox> => {
  const { records, clock, randomBytes, newId } = deps;
  const inTurn = createSerialQueue();
  const list = createCommandList();
  const settlements = await openSettlements(records);
  const lanes = createLanes({ clock, randomBytes, onOver: () => pump() });
  const disk = createOutboxDisk({
    ...deps,
    list,
    settlements,
    onOver: () => void inTurn(() => disk.retry()),
  });
  const sending = new Set<CommandId>();
  /** Commands that certainly were never sent: this program added them while it was the sender. */
  const unsent = new Set<CommandId>();
  /** Commands that are being changed; they must not be sent before the change is stored. */
  const changing = new Set<CommandId>();
  let wakes = 0;
  let isSender = !deps.peers;
  let isClosed = false;

  const find = (id: CommandId): Item => {
    const item = list.get(id);
    if (!item) throw new EdVoyageError("not-found", "There is no such command in the outbox.");
    return item;
  };

  const assertOpen = (): void => {
    if (isClosed) throw new EdVoyageError("closed", "This student's store is closed.");
  };

  const isUnsent = ({ entry }: Item): boolean => unsent.has(entry.id);

  const commit = async (step: Step): Promise<void> => {
    assertOpen();
    await disk.write(step);
  };

  /** Like `commit` for what the server has decided already: it counts even if the device cannot write it yet. */
  const record = disk.writeLater;

  const addAll: Outbox["addAll"] = (commands, changes = []) =>
    inTurn(async () => {
      if (list.size + commands.length > MAX_ENTRIES) {
        throw new EdVoyageError("limit/reached", "The outbox is full.", {
          details: { limit: "outboxEntries" },
        });
      }
      const added = commands.map((command): Item => {
        const entry = commandToEntry(command, { id: command.id ?? newId(), now: clock.now() });
        return { key: disk.nextKey(entry.id), entry, faults: 0 };
      });
      // Do not remove a command that may have been sent: a late copy of it would take effect after its replacement.
      const replaced = commands.flatMap(({ replaces }, place) => {
        const item = replaces && list.get(replaces);
        const by = added[place];
        return item && by && (item.entry.state === "acked" || isUnsent(item)) ? [{ item, by }] : [];
      });
      // If another program is the sender, it may have sent the command already, even if it then ends or stalls.
      for (const { entry } of added) if (isSender && entry.state === "pending") unsent.add(entry.id);
      await commit({
        changed: added,
        gone: replaced.map(({ item }) => item),
        ended: replaced.flatMap(({ item, by }): readonly Ended[] =>
          item.entry.state === "pending" ? [[item.entry.id, { replacedBy: by.entry.id }]] : [],
        ),
        changes,
      });
      pump();
    });

  const changeUnsent = (
    ids: readonly CommandId[],
    change: (found: readonly Item[]) => Promise<void>,
  ): Promise<boolean> =>
    inTurn(async () => {
      const found = ids.flatMap((id) => list.get(id) ?? []);
      if (found.length < ids.length || !found.every(isUnsent)) return false;
      for (const id of ids) changing.add(id);
      try {
        await change(found);
      } finally {
        for (const id of ids) changing.delete(id);
        pump();
      }
      return true;
    });

  const finish = (id: CommandId, change: (item: Item) => Promise<void>): Promise<void> =>
    inTurn(async () => {
      sending.delete(id);
      const item = isClosed ? undefined : list.get(id);
      if (item) await change(item);
    });

  const handleAnswer = (entry: OutboxEntry, answer: unknown): Promise<void> =>
    finish(entry.id, async (item) => {
      lanes.pass(entry);
      deps.onAnswer?.(entry, answer);
      const obsolete = list.failed.value.flatMap(({ id }) => {
        const other = list.get(id);
        return other && isObsolete(other.entry, entry, other.key < item.key) ? other : [];
      });
      const acked = toAcked(item.entry, answer);
      if (acked) return record({ changed: [{ ...item, entry: acked }], gone: obsolete });
      await record({
        gone: [item, ...obsolete],
        ended: [
          [entry.id, entry.procedure === "document.edit" ? { replacedBy: answer as CommandId } : { answer }],
        ],
      });
    });

  /** Ends a command that is not sent again. Nobody can act on the failure of a background command, so it does not stay. */
  const giveUp = (item: Item, error: EdVoyageError): Promise<void> => {
    const { entry } = item;
    const failed = toFailed(entry, error);
    if (isMoot(entry, error.reason))
      return record({ gone: [item], ended: [[entry.id, { answer: undefined }]] });
    if (isBackground(entry)) return record({ gone: [item], ended: endOf(failed) });
    return record({ changed: [{ ...item, entry: failed }] });
  };

  const handleFailure = (
    entry: OutboxEntry,
    { error, wakesBefore, passedBefore }: Request & { readonly error: EdVoyageError },
  ): Promise<void> =>
    finish(entry.id, async (item) => {
      const isFault = error.reason === "server/failed" || error.reason === "fault";
      const faults = item.faults + (isFault ? 1 : 0);
      list.change([{ ...item, entry: toPending(item.entry), faults }]);
      list.toEnd(entry.lane);
      if (isSessionOver(error.reason)) return;
      if (!isTransient(error.reason) || faults >= MAX_FAULTS) {
        lanes.pass(entry);
        return giveUp({ ...item, faults }, error);
      }
      if (error.reason === "offline") {
        const isAnswered = typeof error.details["status"] === "number";
        // If the network came back during the request, its failure says nothing about the new network.
        if (!isAnswered && wakesBefore !== wakes) return;
        const atLeastMs = retryAfterMs(error);
        const isRefused = lanes.miss(entry, { isAnswered, passedBefore, atLeastMs });
        // Nobody could send a background command again, so it waits for its lane's next try.
        if (isRefused && !isBackground(entry)) return giveUp(item, createRefusedError(error));
        return;
      }
      lanes.heard();
      lanes.fail(entry.lane, retryAfterMs(error));
      if (faults !== item.faults) await record({ changed: [{ ...item, faults }] });
    });

  const send = async (item: Item): Promise<void> => {
    const { entry } = item;
    const request = { wakesBefore: wakes, passedBefore: lanes.passed };
    unsent.delete(entry.id);
    sending.add(entry.id);
    list.change([{ ...item, entry: toSending(entry) }]);
    try {
      const outcome = await deps.send(entry).then(
        (answer) => () => handleAnswer(entry, answer),
        (error: unknown) => () => handleFailure(entry, { ...request, error: toEdVoyageError(error) }),
      );
      await outcome();
    } catch (error) {
      if (!isClosed) deps.onFault(error);
    }
    pump();
  };

  /** Sends the first command of every lane that is not already sending. */
  const pump = (): void => {
    if (isClosed || !isSender || !deps.canSend()) return;
    const ready: Item[] = [];
    for (const item of list.heads()) {
      const { id, lane } = item.entry;
      if (sending.size + ready.length >= lanes.atOnce) break;
      if (!sending.has(id) && !changing.has(id) && lanes.mayAct(lane)) ready.push(item);
    }
    for (const item of ready) void send(item);
  };

  const settled = async (id: CommandId): Promise<unknown> => {
    assertOpen();
    const item = list.get(id);
    if (item?.entry.state === "pending" || deps.isPendingEdit?.(id)) return settlements.wait(id);
    const outcome = (item && outcomeOf(item.entry)) ?? (await settlements.read(id));
    if (!outcome) throw new EdVoyageError("not-found", "This device has no such command.");
    if ("replacedBy" in outcome) return settled(outcome.replacedBy);
    if ("failure" in outcome) throw toError(outcome.failure);
    return outcome.answer;
  };

  /** Tells outcomes that another program has stored. */
  const checkAwaited = async (): Promise<void> => {
    for (const id of settlements.awaited()) {
      const entry = list.get(id)?.entry;
      const outcome = entry ? outcomeOf(entry) : await settlements.read(id);
      if (outcome) settlements.announce(id, outcome);
    }
  };

  /** Takes in what another program has stored: some commands, or everything. */
  const takeIn = (keys?: readonly string[]): void => {
    inTurn(async () => {
      if (isClosed) return;
      await disk.load(sending, keys);
      await checkAwaited();
      pump();
    }).catch(deps.onFault);
  };

  const outbox: Outbox = {
    entries: list.entries,
    get isDurable() {
      return deps.isDurable?.() ?? true;
    },
    get: (id) => list.get(id)?.entry,
    inRoom: list.inRoom,
    inArea: list.inArea,
    settled: (id) => {
      const settling = settled(id);
      settling.catch(() => {});
      return settling;
    },
    add: async (procedure, command) => {
      const id: CommandId = command.id ?? newId();
      await addAll([toQueuedCommand(procedure, { ...command, id })]);
      return find(id).entry;
    },
    addAll,
    retry: (id) =>
      inTurn(async () => {
        const item = find(id);
        if (item.entry.state !== "failed") return;
        await commit({ changed: [{ ...item, faults: 0, entry: toPending(item.entry) }] });
        lanes.clear(item.entry);
        pump();
      }),
    discard: (id) =>
      inTurn(async () => {
        const item = find(id);
        if (sending.has(id)) throw new EdVoyageError("conflict", "This command is on its way to the server.");
        await commit({ gone: [item], ended: [[id, DISCARDED]] });
        pump();
      }),
    rewrite: (id, input) =>
      changeUnsent([id], ([item]) =>
        commit({ changed: item ? [{ ...item, entry: { ...item.entry, input } as OutboxEntry }] : [] }),
      ),
    withdraw: (ids) =>
      changeUnsent(ids, (gone) =>
        commit({ gone, ended: gone.map(({ entry }): Ended => [entry.id, DISCARDED]) }),
      ),
    forget: (ids, changes = []) =>
      inTurn(async () => {
        const gone = ids.flatMap((id) => list.get(id) ?? []).filter(({ entry }) => entry.state === "acked");
        await commit({ gone, changes });
      }),
    reached: (id, answer) =>
      inTurn(async () => {
        const item = isClosed ? undefined : list.get(id);
        if (item?.entry.state === "failed") await record({ gone: [item], ended: [[id, { answer }]] });
      }),
    endEdits: (ids, changes) =>
      inTurn(() => commit({ changes, ended: ids.map((id): Ended => [id, { answer: null }]) })),
    wake: () => {
      wakes += 1;
      lanes.hurry();
      pump();
    },
    flush: async ({ timeoutMs }) => {
      outbox.wake();
      const hasPending: Observable<boolean> = {
        get value() {
          return list.hasPending && !isClosed;
        },
        subscribe: list.entries.subscribe,
      };
      await waitUntil(hasPending, (has) => !has, { clock, timeoutMs });
      const left = list.entries.value.filter(
        (entry) => entry.state === "pending" && (isClosed || !isBackground(entry)),
      );
      if (left.length > 0) throw createNotEmptyError(left.length);
    },
    close: (reason = "closed") => {
      isClosed = true;
      for (const stop of unsubscribes) stop();
      lanes.close();
      disk.close();
      settlements.close(reason);
      // Notifies pending `flush` calls that the outbox is closed.
      list.notify();
    },
  };

  await disk.load(sending);
  const unsubscribes = deps.peers
    ? [
        disk.onPeerChange(takeIn),
        deps.peers.peers.acquire(`outbox ${deps.peers.name}`, (lost) => {
          isSender = true;
          lost?.addEventListener("abort", () => {
            isSender = false;
            unsent.clear();
          });
          takeIn();
        }),
      ]
    : [];
  pump();
  return outbox;
};

/** The state of the outbox when a request was sent. */
interface Request {
  readonly wakesBefore: number;
  readonly passedBefore: number;
}

/** Creates the error of `flush` for the number of changes that are left. */
export const createNotEmptyError = (left: number): EdVoyageError =>
  new EdVoyageError("outbox/not-empty", "Some changes have not reached the server yet.", {
    details: { left },
  });

const createRefusedError = ({ details }: EdVoyageError): EdVoyageError =>
  new EdVoyageError(
    "refused-on-the-way",
    "Something between this device and the server refuses this command.",
    { details },
  );
