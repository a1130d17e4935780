/** What the first number of a frame says: y-protocols' own, and two of ours. */
export const MESSAGE_TYPES = {
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  /** Up to 64 bytes that the server returns after the commit of all that came before on that socket. */
  barrier: 102,
  /** On a user document's socket, empty: ask `inbox.changes`. */
  inbox: 103,
} as const;

/** The subprotocol of a socket; the key travels beside it as `bearer.<key>`. */
export const SYNC_SUBPROTOCOL = "edvoyage.sync.v1";
/** What the subprotocol that carries a session's key starts with. */
export const BEARER_SUBPROTOCOL_PREFIX = "bearer.";
