import type { UserId } from "@edvoyage/protocol";

/** Keeps documents in memory. Above `maxBytes` it drops the least recently used ones. */
export interface DocumentCache<Cached> {
  get(userId: UserId): Cached | undefined;
  set(userId: UserId, cached: Cached): void;
  drop(userId: UserId): void;
  /** Drops the documents that were last used before an instant. */
  dropUnusedSince(at: number): void;
}

export const createDocumentCache = <Cached>({
  maxBytes,
  sizeOf,
  now,
}: {
  readonly maxBytes: number;
  readonly sizeOf: (cached: Cached) => number;
  readonly now: () => number;
}): DocumentCache<Cached> => {
  // A Map keeps the order of insertion: the first entry is the least recently used.
  const entryByUser = new Map<
    UserId,
    { readonly cached: Cached; readonly sizeBytes: number; readonly usedAt: number }
  >();
  let totalBytes = 0;

  const drop = (userId: UserId): void => {
    totalBytes -= entryByUser.get(userId)?.sizeBytes ?? 0;
    entryByUser.delete(userId);
  };
  const set = (userId: UserId, cached: Cached): void => {
    drop(userId);
    const sizeBytes = sizeOf(cached);
    entryByUser.set(userId, { cached, sizeBytes, usedAt: now() });
    totalBytes += sizeBytes;
    for (const oldest of entryByUser.keys()) {
      if (totalBytes <= maxBytes) break;
      drop(oldest);
    }
  };
  return {
    get: (userId) => {
      const cached = entryByUser.get(userId)?.cached;
      if (cached) set(userId, cached);
      return cached;
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
