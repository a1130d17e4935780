import type { UserId } from "@edvoyage/protocol";

/**
 * Tells from whom the connected students are hidden because of blocks. It reads the blocks when a socket opens and when a
 * block changes, and answers for every frame from memory.
 */
export interface BlockFilter {
  /** Call when a socket of the student has opened. */
  enter(userId: UserId): void;
  /** Call when a socket of the student has closed. */
  leave(userId: UserId): void;
  /** Resolves when the student's blocks are read; show none of their presence before. Rejects when the read fails. */
  ready(userId: UserId): Promise<void>;
  /** The students who must not see this student's presence; nearly always nobody. */
  hiddenFrom(userId: UserId): ReadonlySet<UserId>;
  /** Call when the student's blocks may have changed. */
  blocksChanged(userId: UserId): void;
  /** Reads the blocks of all connected students again, because changes may have been missed. */
  recheck(): void;
  /** Retries failed reads. Called a few times a second. */
  tick(): void;
}

/** A change of the students from whom one student is hidden. */
export interface HidingChange {
  readonly userId: UserId;
  /** The students from whom this student is newly hidden. */
  readonly hidden: ReadonlySet<UserId>;
}

export interface HidingDeps {
  readonly hiddenFrom: (userId: UserId) => Promise<readonly UserId[]>;
  readonly onChange: (change: HidingChange) => void;
  readonly background: (task: Promise<unknown>) => void;
}

interface Entry {
  sockets: number;
  from: ReadonlySet<UserId>;
  /** The latest read; the result of an older one that ends later is ignored. */
  reading: Promise<void>;
}

const NOBODY: ReadonlySet<UserId> = new Set();

export const createBlockFilter = ({ hiddenFrom, onChange, background }: HidingDeps): BlockFilter => {
  const entryByUser = new Map<UserId, Entry>();
  const failed = new Set<UserId>();

  const read = async (userId: UserId, entry: Entry, isCurrent: () => boolean): Promise<void> => {
    const next = new Set(await hiddenFrom(userId));
    if (!isCurrent()) return;
    const before = entry.from;
    entry.from = next;
    const hidden = new Set([...next].filter((otherId) => !before.has(otherId)));
    if (hidden.size > 0 || [...before].some((otherId) => !next.has(otherId))) onChange({ userId, hidden });
  };

  const refresh = (userId: UserId, entry: Entry): void => {
    const reading: Promise<void> = read(userId, entry, () => entry.reading === reading);
    entry.reading = reading;
    background(
      reading.catch((error: unknown) => {
        if (entryByUser.get(userId) === entry) failed.add(userId);
        throw error;
      }),
    );
  };

  const blocksChanged = (userId: UserId): void => {
    const entry = entryByUser.get(userId);
    if (entry) refresh(userId, entry);
  };

  return {
    enter: (userId) => {
      const existing = entryByUser.get(userId);
      if (existing) {
        existing.sockets += 1;
        return;
      }
      const entry: Entry = { sockets: 1, from: NOBODY, reading: Promise.resolve() };
      entryByUser.set(userId, entry);
      refresh(userId, entry);
    },
    leave: (userId) => {
      const entry = entryByUser.get(userId);
      if (!entry) return;
      entry.sockets -= 1;
      if (entry.sockets > 0) return;
      entryByUser.delete(userId);
      failed.delete(userId);
    },
    ready: async (userId) => entryByUser.get(userId)?.reading,
    hiddenFrom: (userId) => entryByUser.get(userId)?.from ?? NOBODY,
    blocksChanged,
    recheck: () => {
      for (const userId of entryByUser.keys()) blocksChanged(userId);
    },
    tick: () => {
      const retries = [...failed];
      failed.clear();
      for (const userId of retries) blocksChanged(userId);
    },
  };
};
