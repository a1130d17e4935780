import type { SessionRow } from "./sessions.store.ts";

/** A session in memory; `lastSeenAt` may be ahead of its row by less than a minute. */
export interface CachedSession {
  readonly row: SessionRow;
  lastSeenAt: number;
}

/** Saves the query for sessions in use. Holds at most `maxEntries`; the one unused for longest goes. */
export interface SessionCache {
  get(keyHash: string): CachedSession | undefined;
  add(row: SessionRow): CachedSession;
  /** Called at most once a minute a session, which is exact enough to know which is unused. */
  markUsed(keyHash: string): void;
  evict(keyHash: string): void;
}

export const createSessionCache = (maxEntries: number): SessionCache => {
  const sessionByKeyHash = new Map<string, CachedSession>();
  return {
    get: (keyHash) => sessionByKeyHash.get(keyHash),
    add: (row) => {
      const cached = { row, lastSeenAt: row.last_seen_at };
      sessionByKeyHash.set(row.key_hash, cached);
      if (sessionByKeyHash.size > maxEntries) {
        const longestUnused = sessionByKeyHash.keys().next();
        if (!longestUnused.done) sessionByKeyHash.delete(longestUnused.value);
      }
      return cached;
    },
    markUsed: (keyHash) => {
      const cached = sessionByKeyHash.get(keyHash);
      if (!cached) return;
      sessionByKeyHash.delete(keyHash);
      sessionByKeyHash.set(keyHash, cached);
    },
    evict: (keyHash) => {
      sessionByKeyHash.delete(keyHash);
    },
  };
};
