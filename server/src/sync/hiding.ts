import type { UserId } from "@edvoyage/protocol";

/** From whom students who are here hide: decided when a socket opens and when a block changes, asked at every frame. */
export interface BlockFilter {
  /** A socket of hers has opened. */
  enter(userId: UserId): void;
  /** One has closed. */
  leave(userId: UserId): void;
  /** Resolves when it is known from whom she hides. Before that nothing of her is to be shown. Throws why it cannot be read. */
  known(userId: UserId): Promise<void>;
  /** Nearly always nobody. */
  from(userId: UserId): ReadonlySet<UserId>;
  /** Whom she blocks may have changed. */
  changed(userId: UserId): void;
  /** The same, for everybody who is here: what changed may have been missed. */
  recheck(): void;
  /** Reads again what could not be read; a few times a second. */
  tick(): void;
}

/** What became of whom a student hides from. */
export interface HidingChange {
  readonly userId: UserId;
  /** Those from whom she hides, and did not before. */
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
  /** The last reading that was begun; an older one that ends later tells nothing. */
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
    const hidden = new Set([...next].filter((one) => !before.has(one)));
    if (hidden.size > 0 || [...before].some((one) => !next.has(one))) onChange({ userId, hidden });
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

  const changed = (userId: UserId): void => {
    const entry = entryByUser.get(userId);
    if (entry) refresh(userId, entry);
  };

  return {
    enter: (userId) => {
      const known = entryByUser.get(userId);
      if (known) {
        known.sockets += 1;
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
    known: async (userId) => entryByUser.get(userId)?.reading,
    from: (userId) => entryByUser.get(userId)?.from ?? NOBODY,
    changed,
    recheck: () => {
      for (const userId of entryByUser.keys()) changed(userId);
    },
    tick: () => {
      const again = [...failed];
      failed.clear();
      for (const userId of again) changed(userId);
    },
  };
};
