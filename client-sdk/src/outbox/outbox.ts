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
import type { OutboxEntry, QueuedInputs, QueuedProcedure } from "./outbox-entry.ts";
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

/** A command to be kept and sent. */
export interface NewCommand<P extends QueuedProcedure> {
  readonly input: QueuedInputs[P];
  /** Commands of one lane are sent one after the other, in the order in which they came. */
  readonly lane: string;
  /**
   * One that has become pointless, as it was never sent or is acknowledged: it goes in the same step. One that may be on its
   * way stays.
   */
  readonly replaces?: CommandId | undefined;
  /** Kept as failed at once, not sent. */
  readonly failure?: EdVoyageError;
  /** Unless told, a new one. */
  readonly id?: CommandId;
}

/**
 * The commands of one student that the server has not taken yet. They survive the end of the program at any moment,
 * and take effect once: the server knows a command by its id, and it is sent until the answer is on this disk.
 */
export interface Outbox {
  /** In the order in which they were added. */
  readonly entries: Observable<readonly OutboxEntry[]>;
  /**
   * Resolves when the command is on the disk. Throws `device/full`, `device/failed`, `closed`, `limit/reached` (outboxEntries,
   * 10,000).
   */
  add<P extends QueuedProcedure>(procedure: P, command: NewCommand<P>): Promise<OutboxEntry>;
  /** The same for several at once, all or none, together with other changes of the store. */
  addAll(commands: readonly QueuedCommand[], changes?: readonly Change[]): Promise<void>;
  /** Sends a failed one again, under its id. Throws `not-found`. */
  retry(id: CommandId): Promise<void>;
  /** Drops one for good. Throws `not-found`, and `conflict` while it is on its way. */
  discard(id: CommandId): Promise<void>;
  /**
   * Changes what a command says, under its id and at its place. `false`, and nothing is done, when it may have been sent:
   * the server takes an id with one content only.
   */
  rewrite<P extends QueuedProcedure>(id: CommandId, input: QueuedInputs[P]): Promise<boolean>;
  /** Drops commands, all or none. `false`, and nothing is done, when any of them may have been sent. */
  withdraw(ids: readonly CommandId[]): Promise<boolean>;
  /** Drops acknowledged commands that the copy of their room has; to be written with that copy. */
  forget(ids: readonly CommandId[], changes?: readonly Change[]): Promise<void>;
  /** Sends now whatever waits for a better moment, but for what the server has asked to come later. */
  wake(): void;
  /**
   * Resolves when nothing waits any more. Throws `outbox/not-empty` when that takes longer than `timeoutMs`.
   */
  flush(options: { readonly timeoutMs: number }): Promise<void>;
  /** Stops sending; what waits stays on the disk. */
  close(): void;
}

/** A command with the name of its procedure. */
export type QueuedCommand = {
  readonly [P in QueuedProcedure]: { readonly procedure: P } & NewCommand<P>;
}[QueuedProcedure];

export interface OutboxDeps {
  readonly records: Records;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly newId: NewId;
  /** Sends a command and returns the server's answer. */
  readonly send: (entry: OutboxEntry) => Promise<unknown>;
  /** Whether there is a session to send with, and a network. */
  readonly canSend: () => boolean;
  /** Called with each answer, before its command goes: more than once when that could not be written. */
  readonly onAnswer?: (entry: OutboxEntry, answer: unknown) => void;
  readonly onFault: (error: unknown) => void;
  /** For programs that share the store: one of them sends. */
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
}

/** Lanes that are sent at once; more would only wait for each other on a phone's network. */
const MAX_LANES = 8;
/** Commands that one student's device keeps: some weeks of typing without a network. */
const MAX_ENTRIES = 10_000;
/** Faults of the server, in all, after which a command is no longer sent. */
const MAX_FAULTS = 10;

/** Loads what is on the disk and begins to send it. */
export const createOutbox = async (deps: OutboxDeps): Promise<Outbox> => {
  const { records, clock, randomBytes, newId, onFault } = deps;
  const turn = createSerialQueue();
  const topic = deps.peers && `outbox ${deps.peers.name}`;
  let items: readonly Item[] = [];
  let lastSequence = 0;
  const sending = new Set<CommandId>();
  /** Added by this program while it was the one that sends, and never sent. Of others nobody knows. */
  const unsent = new Set<CommandId>();
  /** Being changed: not to be sent before that is on the disk. */
  const held = new Set<CommandId>();
  /** The server was not reached: that concerns all lanes alike. */
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

  /** Writes, then shows: what an app sees is on the disk. */
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
    turn(async () => {
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
      // What may have been sent is sent to its end: a late copy of it would else take effect after what replaced it.
      const gone = items.filter(
        (item) => replaced.has(item.entry.id) && (item.entry.state === "acked" || isUnsent(item)),
      );
      // One that another program sends may be on its way, also when that program ends or stands still.
      for (const { entry } of added) if (isSender && entry.state === "pending") unsent.add(entry.id);
      await commit(added, { gone, changes });
      pump();
    });

  const changeUnsent = (
    ids: readonly CommandId[],
    change: (found: readonly Item[]) => Promise<void>,
  ): Promise<boolean> =>
    turn(async () => {
      const found = items.filter(({ entry }) => ids.includes(entry.id));
      if (found.length < ids.length || !found.every(isUnsent)) return false;
      for (const id of ids) held.add(id);
      try {
        await change(found);
      } finally {
        for (const id of ids) held.delete(id);
        pump();
      }
      return true;
    });

  const settle = (id: CommandId, change: (item: Item) => Promise<void>): Promise<void> =>
    turn(async () => {
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

  const answered = (entry: OutboxEntry, answer: unknown): Promise<void> =>
    settle(entry.id, async (item) => {
      stopWaiting(entry.lane);
      server.reset();
      deps.onAnswer?.(entry, answer);
      const acked = toAcked(item.entry, answer);
      await (acked ? commit([{ ...item, entry: acked }]) : commit([], { gone: [item] }));
    });

  const failed = (
    entry: OutboxEntry,
    { error, wakesBefore }: { readonly error: EdVoyageError; readonly wakesBefore: number },
  ): Promise<void> =>
    settle(entry.id, async (item) => {
      const isFault = error.reason === "server/failed" || error.reason === "fault";
      const faults = item.faults + (isFault ? 1 : 0);
      if (isSessionOver(error.reason)) return show(items);
      if (!isTransient(error.reason) || faults >= MAX_FAULTS) {
        server.reset();
        return commit([{ ...item, faults, entry: toFailed(item.entry, error) }]);
      }
      // What was on its way when the network came back says nothing of it.
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
        (answer) => () => answered(entry, answer),
        (error: unknown) => () => failed(entry, { error: toEdVoyageError(error), wakesBefore }),
      );
      await outcome();
    } catch (error) {
      // The answer could not be written: the command is still there, and is sent again under its id.
      if (isClosed) return;
      waitForLane(entry.lane);
      onFault(error);
    }
    pump();
  };

  /** Sends the first of every lane that has nothing on its way. */
  const pump = (): void => {
    if (isClosed || !isSender || server.isWaiting || !deps.canSend()) return;
    const seen = new Set<string>();
    for (const { entry } of items) {
      if (entry.state !== "pending" || seen.has(entry.lane)) continue;
      seen.add(entry.lane);
      if (sending.size >= MAX_LANES) return;
      if (sending.has(entry.id) || held.has(entry.id) || waitByLane.get(entry.lane)?.isWaiting) continue;
      void send(entry);
    }
  };

  const leave: (() => void)[] = [];
  const outbox: Outbox = {
    entries,
    add: async (procedure, command) => {
      const id: CommandId = command.id ?? newId();
      await addAll([toQueuedCommand(procedure, { ...command, id })]);
      return find(id).entry;
    },
    addAll,
    retry: (id) =>
      turn(async () => {
        const item = find(id);
        if (item.entry.state !== "failed") return;
        await commit([{ ...item, faults: 0, entry: toPending(item.entry) }]);
        stopWaiting(item.entry.lane);
        pump();
      }),
    discard: (id) =>
      turn(async () => {
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
      turn(async () => {
        const known = new Set(ids);
        const gone = items.filter(({ entry }) => entry.state === "acked" && known.has(entry.id));
        await commit([], { gone, changes });
      }),
    wake: () => {
      wakes += 1;
      // What the server has asked to wait for it would only refuse again.
      for (const wait of waitByLane.values()) wait.hurry();
      server.reset();
      pump();
    },
    flush: async ({ timeoutMs }) => {
      outbox.wake();
      const pending = () => entries.value.filter(({ state }) => state === "pending").length;
      const isOver = () => isClosed || pending() === 0;
      if ((await waitUntil(entries, isOver, { clock, timeoutMs })) && pending() === 0) return;
      throw notEmpty(pending());
    },
    close: () => {
      isClosed = true;
      for (const stop of leave) stop();
      for (const wait of waitByLane.values()) wait.reset();
      server.reset();
      // Whoever waits hears that it is over.
      show([...items]);
    },
  };

  await load();
  if (deps.peers) {
    const { peers } = deps.peers;
    const reload = () => {
      turn(async () => {
        if (isClosed) return;
        await load();
        pump();
      }).catch(onFault);
    };
    leave.push(
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

/** What `flush` throws when so much is left. */
export const notEmpty = (left: number): EdVoyageError =>
  new EdVoyageError("outbox/not-empty", "Not all has reached the server yet.", { details: { left } });

const retryAfterMs = ({ details }: EdVoyageError): number => {
  const seconds = details["retryAfterSeconds"];
  return typeof seconds === "number" ? seconds * 1_000 : 0;
};
