import type { CommandId } from "@edvoyage/protocol";
import type { Clock } from "../runtime/clock.ts";
import { waitUntil } from "../runtime/wait-until.ts";
import { EdVoyageError, isSessionOver, isTransient, toEdVoyageError } from "../runtime/errors.ts";
import type { NewId, RandomBytes } from "../runtime/ids.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import { sequenceKey, sequenceOf } from "../storage/sequence.ts";
import type { Change, Peers } from "../storage/storage.ts";
import { createSerialQueue } from "../runtime/serial-queue.ts";
import { createBackoffTimer, type BackoffTimer } from "../runtime/backoff-timer.ts";
import type { QueuedInputs, QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { NewCommand, QueuedCommand } from "./new-command.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import {
  byKey,
  commandToEntry,
  OUTBOX_PREFIX,
  toAcked,
  toFailed,
  toPending,
  toQueuedCommand,
  type Item,
  type StoredEntry,
} from "./stored-entry.ts";

/**
 * A student's commands that the server has not accepted yet. They survive the end of the program at any moment. Each takes
 * effect once: it is sent until the answer is stored on the device, and the server recognizes a repeated command by its id.
 */
export interface Outbox {
  /** In the order in which they were added. */
  readonly entries: Observable<readonly OutboxEntry[]>;
  /**
   * Resolves when the command is stored on the device. Throws `device/full`, `device/failed`, `closed`, `limit/reached`
   * (outboxEntries, 10,000).
   */
  add<P extends QueuedProcedure>(procedure: P, command: NewCommand<P>): Promise<OutboxEntry>;
  /** Adds several commands, all or none, together with other changes of the store. */
  addAll(commands: readonly QueuedCommand[], changes?: readonly Change[]): Promise<void>;
  /** Sends a failed command again, under its id. Throws `not-found`. */
  retry(id: CommandId): Promise<void>;
  /** Deletes a command permanently. Throws `not-found`, and `conflict` while it is being sent. */
  discard(id: CommandId): Promise<void>;
  /**
   * Changes the input of a command; its id and place stay. Returns `false` and does nothing if the command may have been
   * sent, because the server accepts an id with one input only.
   */
  rewrite<P extends QueuedProcedure>(id: CommandId, input: QueuedInputs[P]): Promise<boolean>;
  /** Deletes commands, all or none. Returns `false` and does nothing if any of them may have been sent. */
  withdraw(ids: readonly CommandId[]): Promise<boolean>;
  /** Removes acknowledged commands that the copy of their room contains. `changes` writes that copy in the same step. */
  forget(ids: readonly CommandId[], changes?: readonly Change[]): Promise<void>;
  /** Retries all waiting commands now, except those that the server asked to send later. */
  wake(): void;
  /**
   * Resolves when no command is pending. Throws `outbox/not-empty` when that takes longer than `timeoutMs`.
   */
  flush(options: { readonly timeoutMs: number }): Promise<void>;
  /** Stops sending; pending commands stay stored. */
  close(): void;
}

export interface OutboxDeps {
  readonly records: Records;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  /** Sends a command and returns the server's answer. */
  readonly send: (entry: OutboxEntry) => Promise<unknown>;
  /** Whether there is a session to send with, and a network. */
  readonly canSend: () => boolean;
  /** Called with each answer before its command is removed; called again if removing it could not be written. */
  readonly onAnswer?: (entry: OutboxEntry, answer: unknown) => void;
  readonly onFault: (error: unknown) => void;
  /** Set when several programs share the store: only one of them sends. */
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
}

/** The number of lanes that send at the same time; more would only wait for each other on a phone's network. */
const MAX_LANES = 8;
/** The number of commands that the device stores for one student: some weeks of typing without a network. */
const MAX_ENTRIES = 10_000;
/** After this many server faults in total, a command is no longer sent. */
const MAX_FAULTS = 10;

/** Loads the stored commands and starts to send them. */
export const createOutbox = async (deps: OutboxDeps): Promise<Outbox> => {
  const { records, clock, randomBytes, newId, onFault } = deps;
  const inTurn = createSerialQueue();
  const topic = deps.peers && `outbox ${deps.peers.name}`;
  let items: readonly Item[] = [];
  let lastSequence = 0;
  const sending = new Set<CommandId>();
  /** Commands that certainly were never sent: this program added them while it was the sender. */
  const unsent = new Set<CommandId>();
  /** Commands that are being changed; they must not be sent before the change is stored. */
  const changing = new Set<CommandId>();
  /** Delays all lanes while the server cannot be reached. */
  const server = createBackoffTimer({ clock, randomBytes, onOver: () => pump() });
  const waitByLane = new Map<string, BackoffTimer>();
  let wakes = 0;
  let isSender = !deps.peers;
  let isClosed = false;
  const entries = createSubject<readonly OutboxEntry[]>([]);

  const show = (next: readonly Item[]): void => {
    items = next;
    entries.set(
      items.map(({ entry }) =>
        entry.state === "pending" ? { ...entry, isSending: sending.has(entry.id) } : entry,
      ),
    );
  };

  const load = async (): Promise<void> => {
    const stored = await records.listJson<StoredEntry>(OUTBOX_PREFIX);
    lastSequence = Math.max(lastSequence, ...stored.map(({ key }) => sequenceOf(OUTBOX_PREFIX, key)));
    show(stored.map(({ key, value }) => ({ key, ...value })));
  };

  /** Writes first, then shows: apps only see what is stored. */
  const commit = async (
    changed: readonly Item[],
    {
      gone = [],
      changes = [],
    }: { readonly gone?: readonly Item[]; readonly changes?: readonly Change[] } = {},
  ): Promise<void> => {
    if (isClosed) throw new EdVoyageError("closed", "This student's store is closed.");
    try {
      await records.write([
        ...changed.map(({ key, entry, faults }) => putJson(key, { entry, faults } satisfies StoredEntry)),
        ...gone.map(({ key }) => remove(key)),
        ...changes,
      ]);
    } catch (error) {
      throw toEdVoyageError(error);
    }
    const touched = new Set([...changed, ...gone].map(({ key }) => key));
    show([...items.filter(({ key }) => !touched.has(key)), ...changed].sort(byKey));
    if (topic) deps.peers?.peers.broadcast(topic);
  };

  const find = (id: CommandId): Item => {
    const item = items.find(({ entry }) => entry.id === id);
    if (!item) throw new EdVoyageError("not-found", "There is no such command in the outbox.");
    return item;
  };

  const isUnsent = ({ entry }: Item): boolean => unsent.has(entry.id);

  const addAll: Outbox["addAll"] = (commands, changes = []) =>
    inTurn(async () => {
      if (items.length + commands.length > MAX_ENTRIES) {
        throw new EdVoyageError("limit/reached", "The outbox is full.", {
          details: { limit: "outboxEntries" },
        });
      }
      const added = commands.map((command): Item => {
        lastSequence += 1;
        const entry = commandToEntry(command, { id: command.id ?? newId(), now: clock.now() });
        return { key: sequenceKey(OUTBOX_PREFIX, lastSequence, entry.id), entry, faults: 0 };
      });
      const replaced = new Set(commands.map(({ replaces }) => replaces));
      // Do not remove a command that may have been sent: a late copy of it would take effect after its replacement.
      const gone = items.filter(
        (item) => replaced.has(item.entry.id) && (item.entry.state === "acked" || isUnsent(item)),
      );
      // If another program is the sender, it may have sent the command already, even if it then ends or stalls.
      for (const { entry } of added) if (isSender && entry.state === "pending") unsent.add(entry.id);
      await commit(added, { gone, changes });
      pump();
    });

  const changeUnsent = (
    ids: readonly CommandId[],
    change: (found: readonly Item[]) => Promise<void>,
  ): Promise<boolean> =>
    inTurn(async () => {
      const found = items.filter(({ entry }) => ids.includes(entry.id));
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
      if (isClosed) return;
      const item = items.find(({ entry }) => entry.id === id);
      if (item) await change(item);
    });

  const waitForLane = (lane: string, atLeastMs?: number): void => {
    const wait = waitByLane.get(lane) ?? createBackoffTimer({ clock, randomBytes, onOver: pump });
    waitByLane.set(lane, wait);
    wait.fail(atLeastMs);
  };

  const stopWaiting = (lane: string): void => {
    waitByLane.get(lane)?.reset();
    waitByLane.delete(lane);
  };

  const handleAnswer = (entry: OutboxEntry, answer: unknown): Promise<void> =>
    finish(entry.id, async (item) => {
      stopWaiting(entry.lane);
      server.reset();
      deps.onAnswer?.(entry, answer);
      const acked = toAcked(item.entry, answer);
      await (acked ? commit([{ ...item, entry: acked }]) : commit([], { gone: [item] }));
    });

  const handleFailure = (
    entry: OutboxEntry,
    { error, wakesBefore }: { readonly error: EdVoyageError; readonly wakesBefore: number },
  ): Promise<void> =>
    finish(entry.id, async (item) => {
      const isFault = error.reason === "server/failed" || error.reason === "fault";
      const faults = item.faults + (isFault ? 1 : 0);
      if (isSessionOver(error.reason)) return show(items);
      if (!isTransient(error.reason) || faults >= MAX_FAULTS) {
        server.reset();
        return commit([{ ...item, faults, entry: toFailed(item.entry, error) }]);
      }
      // If the network came back during the request, its failure says nothing about the new network.
      if (error.reason === "offline" && wakesBefore === wakes) server.fail();
      if (error.reason !== "offline") waitForLane(entry.lane, retryAfterMs(error));
      if (faults !== item.faults) return commit([{ ...item, faults }]);
      return show(items);
    });

  const send = async (entry: OutboxEntry): Promise<void> => {
    const wakesBefore = wakes;
    unsent.delete(entry.id);
    sending.add(entry.id);
    show(items);
    try {
      const outcome = await deps.send(entry).then(
        (answer) => () => handleAnswer(entry, answer),
        (error: unknown) => () => handleFailure(entry, { error: toEdVoyageError(error), wakesBefore }),
      );
      await outcome();
    } catch (error) {
      // The answer could not be written. The command is still stored and is sent again under its id.
      if (isClosed) return;
      waitForLane(entry.lane);
      onFault(error);
    }
    pump();
  };

  /** Sends the first command of every lane that is not already sending. */
  const pump = (): void => {
    if (isClosed || !isSender || server.isWaiting || !deps.canSend()) return;
    const seen = new Set<string>();
    for (const { entry } of items) {
      if (entry.state !== "pending" || seen.has(entry.lane)) continue;
      seen.add(entry.lane);
      if (sending.size >= MAX_LANES) return;
      if (sending.has(entry.id) || changing.has(entry.id) || waitByLane.get(entry.lane)?.isWaiting) continue;
      void send(entry);
    }
  };

  const unsubscribes: (() => void)[] = [];
  const outbox: Outbox = {
    entries,
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
        await commit([{ ...item, faults: 0, entry: toPending(item.entry) }]);
        stopWaiting(item.entry.lane);
        pump();
      }),
    discard: (id) =>
      inTurn(async () => {
        const item = find(id);
        if (sending.has(id)) throw new EdVoyageError("conflict", "This command is on its way to the server.");
        await commit([], { gone: [item] });
        pump();
      }),
    rewrite: (id, input) =>
      changeUnsent([id], ([item]) =>
        commit(item ? [{ ...item, entry: { ...item.entry, input } as OutboxEntry }] : []),
      ),
    withdraw: (ids) => changeUnsent(ids, (gone) => commit([], { gone })),
    forget: (ids, changes = []) =>
      inTurn(async () => {
        const forgotten = new Set(ids);
        const gone = items.filter(({ entry }) => entry.state === "acked" && forgotten.has(entry.id));
        await commit([], { gone, changes });
      }),
    wake: () => {
      wakes += 1;
      // Keep delays that the server asked for: it would only refuse again.
      for (const wait of waitByLane.values()) wait.hurry();
      server.reset();
      pump();
    },
    flush: async ({ timeoutMs }) => {
      outbox.wake();
      const pending = () => entries.value.filter(({ state }) => state === "pending").length;
      const isEmptyOrClosed = () => isClosed || pending() === 0;
      if ((await waitUntil(entries, isEmptyOrClosed, { clock, timeoutMs })) && pending() === 0) return;
      throw createNotEmptyError(pending());
    },
    close: () => {
      isClosed = true;
      for (const stop of unsubscribes) stop();
      for (const wait of waitByLane.values()) wait.reset();
      server.reset();
      // Notifies pending `flush` calls that the outbox is closed.
      show([...items]);
    },
  };

  await load();
  if (deps.peers) {
    const { peers } = deps.peers;
    const reload = () => {
      inTurn(async () => {
        if (isClosed) return;
        await load();
        pump();
      }).catch(onFault);
    };
    unsubscribes.push(
      peers.subscribe((heard) => {
        if (heard === topic) reload();
      }),
      peers.acquire(`outbox ${deps.peers.name}`, (lost) => {
        isSender = true;
        lost?.addEventListener("abort", () => {
          isSender = false;
          unsent.clear();
        });
        reload();
      }),
    );
  }
  pump();
  return outbox;
};

/** Creates the error of `flush` for the number of changes that are left. */
export const createNotEmptyError = (left: number): EdVoyageError =>
  new EdVoyageError("outbox/not-empty", "Some changes have not reached the server yet.", {
    details: { left },
  });

const retryAfterMs = ({ details }: EdVoyageError): number => {
  const seconds = details["retryAfterSeconds"];
  return typeof seconds === "number" ? seconds * 1_000 : 0;
};
