import type { SessionId } from "@edvoyage/protocol";
import type { SessionRow } from "./sessions.store.ts";

/** A session in memory. `lastSeenAt` may be ahead of its row by less than a minute. */
export interface CachedSession {
  readonly row: SessionRow;
  lastSeenAt: number;
}

/**
 * Keeps sessions in memory, so that requests need no query. Holds at most `maxEntries`; the one unused for longest is
 * evicted.
 */
export interface SessionCache {
  get(keyHash: string): CachedSession | undefined;
  /** Returns when the session was last used as far as memory knows, also after `distrust`; 0 when it is not in memory. */
  lastSeenAt(keyHash: string): number;
  add(row: SessionRow): CachedSession;
  /** Marks a session as recently used. Once a minute for each session is exact enough for the eviction. */
  markUsed(keyHash: string): void;
  evict(id: SessionId): void;
  /** Makes `get` return nothing until the rows are added again. */
  distrust(): void;
}

export const createSessionCache = (maxEntries: number): SessionCache => {
  const sessionByKeyHash = new Map<string, CachedSession>();
  let trusted = new WeakSet<CachedSession>();
  const keyHashById = new Map<SessionId, string>();

  const lastSeenAt = (keyHash: string): number => sessionByKeyHash.get(keyHash)?.lastSeenAt ?? 0;

  const remove = (keyHash: string): void => {
    const cached = sessionByKeyHash.get(keyHash);
    if (!cached) return;
    sessionByKeyHash.delete(keyHash);
    keyHashById.delete(cached.row.id);
  };

  return {
    get: (keyHash) => {
      const cached = sessionByKeyHash.get(keyHash);
      return cached && trusted.has(cached) ? cached : undefined;
    },
    lastSeenAt,
    add: (row) => {
      // The write of its last activity may still be pending.
      const cached = { row, lastSeenAt: Math.max(row.last_seen_at, lastSeenAt(row.key_hash)) };
      trusted.add(cached);
      sessionByKeyHash.set(row.key_hash, cached);
      keyHashById.set(row.id, row.key_hash);
      if (sessionByKeyHash.size > maxEntries) {
        const longestUnused = sessionByKeyHash.keys().next();
        if (!longestUnused.done) remove(longestUnused.value);
      }
      return cached;
    },
    markUsed: (keyHash) => {
      const cached = sessionByKeyHash.get(keyHash);
      if (!cached) return;
      sessionByKeyHash.delete(keyHash);
      sessionByKeyHash.set(keyHash, cached);
    },
    evict: (id) => {
      const keyHash = keyHashById.get(id);
      if (keyHash !== undefined) remove(keyHash);
    },
    distrust: () => {
      trusted = new WeakSet();
    },
  };
};
