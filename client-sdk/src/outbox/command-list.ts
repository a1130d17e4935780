import type { CommandId, RoomId } from "@edvoyage/protocol";
import { areaOf } from "../rpc/queued-inputs.ts";
import { createSubject, type Observable } from "../runtime/observable.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import type { Item } from "./stored-entry.ts";

/** Entries in the order in which they were added. The array is built when it is read. */
export type Entries = Observable<readonly OutboxEntry[]>;

/**
 * The outbox's commands in memory, in the order in which they were added. A change costs the same however many there are:
 * whoever needs one room or one area subscribes to that alone.
 */
export interface CommandList {
  readonly entries: Entries;
  readonly size: number;
  get(id: CommandId): Item | undefined;
  items(): Iterable<Item>;
  /** Observes the commands with this `roomId` in their input. */
  inRoom(roomId: RoomId): Entries;
  /** Observes the commands of an area, such as "social". */
  inArea(area: string): Entries;
  /** The failed commands. */
  readonly failed: Entries;
  /** Whether any command is pending. */
  readonly hasPending: boolean;
  /** Returns the first pending command of each lane. A lane that had its turn comes last. */
  heads(): Iterable<Item>;
  /** Lets all other lanes go first, because this one's command could not be sent. */
  toEnd(lane: string): void;
  /** Puts and removes items, then calls the listeners of everything that they belong to. */
  change(changed: readonly Item[], gone?: readonly Item[]): void;
  /** Calls the listeners without a change, because something else has ended. */
  notify(): void;
}

export const createCommandList = (): CommandList => {
  const all = createGroup();
  const failed = createGroup();
  const groups = new Map<string, Group>();
  const keyById = new Map<CommandId, string>();
  /** The pending commands of each lane. */
  const lanes = new Map<string, Group>();

  const group = (name: string): Group => {
    const existing = groups.get(name);
    if (existing) return existing;
    const created = createGroup();
    groups.set(name, created);
    return created;
  };

  const groupsOf = ({ entry }: Item): readonly Group[] => [
    all,
    group(`area ${areaOf(entry.procedure)}`),
    ...("roomId" in entry.input ? [group(`room ${entry.input.roomId}`)] : []),
  ];

  const toEnd = (name: string): void => {
    const lane = lanes.get(name);
    if (!lane) return;
    lanes.delete(name);
    if (lane.size > 0) lanes.set(name, lane);
  };

  const leaveLane = ({ key, entry }: Item): void => {
    if (lanes.get(entry.lane)?.drop(key)) toEnd(entry.lane);
  };

  const put = (item: Item): void => {
    const { key, entry } = item;
    for (const one of groupsOf(item)) one.put(item);
    keyById.set(entry.id, key);
    if (entry.state === "failed") failed.put(item);
    else failed.drop(key);
    if (entry.state !== "pending") return leaveLane(item);
    const lane = lanes.get(entry.lane) ?? createGroup();
    lane.put(item);
    lanes.set(entry.lane, lane);
  };

  const drop = (item: Item): void => {
    for (const one of [failed, ...groupsOf(item)]) one.drop(item.key);
    if (keyById.get(item.entry.id) === item.key) keyById.delete(item.entry.id);
    leaveLane(item);
  };

  const change: CommandList["change"] = (changed, gone = []) => {
    for (const item of gone) drop(item);
    for (const item of changed) put(item);
    for (const one of new Set([...gone, ...changed].flatMap(groupsOf))) one.notify();
  };

  return {
    entries: all,
    get size() {
      return all.size;
    },
    get: (id) => all.get(keyById.get(id) ?? ""),
    items: () => all.items(),
    inRoom: (roomId) => group(`room ${roomId}`),
    inArea: (area) => group(`area ${area}`),
    failed,
    get hasPending() {
      return lanes.size > 0;
    },
    heads: function* () {
      for (const lane of lanes.values())
        for (const first of lane.items()) {
          yield first;
          break;
        }
    },
    toEnd,
    change,
    notify: () => {
      for (const one of [all, ...groups.values()]) one.notify();
    },
  };
};

/** Items by key, in the order of the keys. */
interface Group extends Entries {
  readonly size: number;
  get(key: string): Item | undefined;
  items(): Iterable<Item>;
  put(item: Item): void;
  /** Returns whether it was there. */
  drop(key: string): boolean;
  notify(): void;
}

const createGroup = (): Group => {
  let itemByKey = new Map<string, Item>();
  let lastKey = "";
  let entries: readonly OutboxEntry[] | undefined;
  const version = createSubject(0);
  return {
    get value() {
      entries ??= Array.from(itemByKey.values(), ({ entry }) => entry);
      return entries;
    },
    subscribe: version.subscribe,
    get size() {
      return itemByKey.size;
    },
    get: (key) => itemByKey.get(key),
    items: () => itemByKey.values(),
    put: (item) => {
      const isInOrder = itemByKey.has(item.key) || item.key > lastKey;
      itemByKey.set(item.key, item);
      // Another program may have added a command a moment earlier than this one.
      if (!isInOrder) itemByKey = sorted(itemByKey);
      else if (item.key > lastKey) lastKey = item.key;
      entries = undefined;
    },
    drop: (key) => {
      const isThere = itemByKey.delete(key);
      if (isThere) entries = undefined;
      return isThere;
    },
    notify: () => version.set(version.value + 1),
  };
};

const sorted = (items: ReadonlyMap<string, Item>): Map<string, Item> =>
  new Map([...items].sort(([one], [other]) => (one < other ? -1 : 1)));
