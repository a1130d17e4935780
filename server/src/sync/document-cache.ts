import type { UserId } from "@edvoyage/protocol";

/** Keeps documents in use in memory; those unused for longest go when there are too many bytes of them. */
export interface DocumentCache<Held> {
  get(userId: UserId): Held | undefined;
  set(userId: UserId, held: Held): void;
  drop(userId: UserId): void;
  /** Drops what was not used since an instant. */
  dropUnusedSince(at: number): void;
}

export const createDocumentCache = <Held>({
  maxBytes,
  sizeOf,
  now,
}: {
  readonly maxBytes: number;
  readonly sizeOf: (held: Held) => number;
  readonly now: () => number;
}): DocumentCache<Held> => {
  // The order of a Map is that of insertion: the first was used longest ago.
  const entryByUser = new Map<
    UserId,
    { readonly held: Held; readonly sizeBytes: number; readonly usedAt: number }
  >();
  let totalBytes = 0;

  const drop = (userId: UserId): void => {
    totalBytes -= entryByUser.get(userId)?.sizeBytes ?? 0;
    entryByUser.delete(userId);
  };
  const set = (userId: UserId, held: Held): void => {
    drop(userId);
    const sizeBytes = sizeOf(held);
    entryByUser.set(userId, { held, sizeBytes, usedAt: now() });
    totalBytes += sizeBytes;
    for (const oldest of entryByUser.keys()) {
      if (totalBytes <= maxBytes) break;
      drop(oldest);
    }
  };
  return {
    get: (userId) => {
      const held = entryByUser.get(userId)?.held;
      if (held) set(userId, held);
      return held;
    },
    set,
    drop,
    dropUnusedSince: (at) => {
      for (const [userId, { usedAt }] of entryByUser) {
        if (usedAt >= at) break;
        drop(userId);
      }
    },
  };
};
