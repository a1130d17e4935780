import type { CommandId } from "@edvoyage/protocol";
import { createBackoffTimer } from "../runtime/backoff-timer.ts";
import type { Clock } from "../runtime/clock.ts";
import { toEdVoyageError } from "../runtime/errors.ts";
import type { RandomBytes } from "../runtime/ids.ts";
import { putJson, remove, type Records } from "../storage/records.ts";
import { sequenceKey, sequenceOf } from "../storage/sequence.ts";
import type { Change, Peers } from "../storage/storage.ts";
import type { CommandList } from "./command-list.ts";
import { endOf, SETTLED_PREFIX, type Ended, type Settlements } from "./settlements.ts";
import { OUTBOX_PREFIX, toPending, toSending, type Item, type StoredEntry } from "./stored-entry.ts";

/** A change of the outbox: written together, all or nothing. */
export interface Step {
  readonly changed?: readonly Item[];
  readonly gone?: readonly Item[];
  /** Commands that end with this step; those of `changed` that have ended need not be here. */
  readonly ended?: readonly Ended[];
  /** Other changes of the store. */
  readonly changes?: readonly Change[];
}

/** The outbox's records: writes steps, shows them in the list, and tells other programs and those who wait for an end. */
export interface OutboxDisk {
  /** Returns the key of the next command. */
  nextKey(id: CommandId): string;
  /** Writes first, then shows: apps only see what is stored. Throws `device/full`, `device/failed`, `closed`. */
  write(step: Step): Promise<void>;
  /**
   * Shows a step even if it cannot be written: the server has decided it, and to send the command again would not help. It is
   * written with the next step, or after a growing wait. A row of failures is reported once.
   */
  writeLater(step: Step): Promise<void>;
  /** Writes what could not be written before. */
  retry(): Promise<void>;
  /** Reads the commands with these keys, or all of them, into the list. */
  load(sending: ReadonlySet<CommandId>, keys?: readonly string[]): Promise<void>;
  /** Calls the listener with the keys that another program has changed; `undefined` means any. Returns a function that stops. */
  onPeerChange(listener: (keys: readonly string[] | undefined) => void): () => void;
  close(): void;
}

const isOwnKey = (key: string): boolean => key.startsWith(OUTBOX_PREFIX) || key.startsWith(SETTLED_PREFIX);

/** Beyond this many, other programs read everything instead. */
const MAX_KEYS_IN_TOPIC = 32;

export const createOutboxDisk = (deps: {
  readonly records: Records;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly list: CommandList;
  readonly settlements: Pick<Settlements, "store" | "announce">;
  readonly peers?: { readonly name: string; readonly peers: Peers } | undefined;
  readonly onFault: (error: unknown) => void;
  /** Called when it is time for `retry`. */
  readonly onOver: () => void;
}): OutboxDisk => {
  const { records, list, settlements, peers } = deps;
  const topic = `outbox ${peers?.name}`;
  const failures = createBackoffTimer(deps);
  /** Changes that could not be written, by key. */
  const unwritten = new Map<string, Change>();
  let lastSequence = 0;
  let isClosed = false;

  const writeAll = async (changes: readonly Change[]): Promise<void> => {
    const earlier = [...unwritten.values()];
    await records.write([...earlier, ...changes]);
    for (const change of earlier) if (unwritten.get(change.key) === change) unwritten.delete(change.key);
    failures.reset();
    const keys = [...earlier, ...changes].map(({ key }) => key).filter(isOwnKey);
    if (keys.length > MAX_KEYS_IN_TOPIC) peers?.peers.broadcast(topic);
    else if (keys.length > 0) peers?.peers.broadcast([topic, ...keys].join("\n"));
  };

  const endsIn = ({ changed = [], ended = [] }: Step): readonly Ended[] => [
    ...ended,
    ...changed.flatMap(({ entry }) => endOf(entry)),
  ];

  const toChanges = (step: Step) => [
    ...(step.gone ?? []).map(({ key }) => remove(key)),
    ...(step.changed ?? []).map(({ key, entry, faults }) =>
      putJson(key, {
        entry: entry.state === "pending" ? toPending(entry) : entry,
        faults,
      } satisfies StoredEntry),
    ),
    ...endsIn(step).flatMap(([id, outcome]) => settlements.store(id, outcome)),
    ...(step.changes ?? []),
  ];

  const show = (step: Step): void => {
    list.change(step.changed ?? [], step.gone);
    for (const [id, outcome] of endsIn(step)) settlements.announce(id, outcome);
  };

  const isUnwritten = (key: string): boolean => unwritten.has(key);

  return {
    nextKey: (id) => {
      lastSequence += 1;
      return sequenceKey(OUTBOX_PREFIX, lastSequence, id);
    },
    write: async (step) => {
      try {
        await writeAll(toChanges(step));
      } catch (error) {
        throw toEdVoyageError(error);
      }
      show(step);
    },
    writeLater: async (step) => {
      const changes = toChanges(step);
      try {
        await writeAll(changes);
      } catch (error) {
        if (isClosed) return;
        for (const change of changes) unwritten.set(change.key, change);
        if (failures.failures === 0) deps.onFault(error);
        failures.fail();
      }
      show(step);
    },
    retry: async () => {
      if (unwritten.size > 0 && !isClosed) await writeAll([]).catch(() => failures.fail());
    },
    load: async (sending, keys) => {
      const read = async (key: string) => {
        const value = await records.getJson<StoredEntry>(key);
        return value ? [{ key, value }] : [];
      };
      const stored = keys
        ? (await Promise.all(keys.filter((key) => key.startsWith(OUTBOX_PREFIX)).map(read))).flat()
        : await records.listJson<StoredEntry>(OUTBOX_PREFIX);
      const found = stored
        .filter(({ key }) => !isUnwritten(key))
        .map(({ key, value: { entry, faults } }): Item => ({
          key,
          entry: sending.has(entry.id) && entry.state === "pending" ? toSending(entry) : entry,
          faults,
        }));
      for (const { key } of found) lastSequence = Math.max(lastSequence, sequenceOf(OUTBOX_PREFIX, key));
      const foundKeys = new Set(found.map(({ key }) => key));
      const gone = [...list.items()].filter(
        ({ key }) => !foundKeys.has(key) && !isUnwritten(key) && (keys?.includes(key) ?? true),
      );
      list.change(found, gone);
    },
    onPeerChange: (listener) =>
      peers?.peers.subscribe((heard) => {
        const [name, ...keys] = heard.split("\n");
        if (name === topic) listener(keys.length > 0 ? keys : undefined);
      }) ?? (() => {}),
    close: () => {
      isClosed = true;
      failures.reset();
    },
  };
};
