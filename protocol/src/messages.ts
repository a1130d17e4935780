/** The message types, the first number of a frame: those of y-protocols, and two of EdVoyage. */
export const MESSAGE_TYPES = {
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  /** Up to 64 bytes. The server returns them after it has committed all earlier messages of the socket. */
  barrier: 102,
  /** On a user document's socket, without content: the client should call `inbox.changes`. */
  inbox: 103,
} as const;

/** The subprotocol of a socket. The client offers the session's key as a second one, `bearer.<key>`. */
export const SYNC_SUBPROTOCOL = "edvoyage.sync.v1";
/** The prefix of the subprotocol that carries a session's key. */
export const BEARER_SUBPROTOCOL_PREFIX = "bearer.";
