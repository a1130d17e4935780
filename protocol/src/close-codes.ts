/**
 * The codes with which the server closes a socket. y-websocket 3.1 gives up after 4400 to 4499 and retries after any
 * other. The server always accepts a socket first: a browser cannot see a refusal by HTTP status and would retry for ever.
 */
export const CLOSE_CODES = {
  /** There is no session, or it has ended: sign in first. */
  noSession: 4401,
  /** The document does not exist or belongs to somebody else; the code does not tell which. */
  forbidden: 4403,
  /** The frame, or the document that would result from it, is too large. */
  tooLarge: 4413,
  /** The frame is malformed. */
  malformed: 4422,
  /** The client reads too slowly. It can reconnect and get what it missed from the rows. */
  tooSlow: 4508,
  /** The client's copy contains entries that are not in this log: drop the copy, then reconnect. */
  forked: 4509,
  /** The client sends more frames than the limits allow. */
  tooFast: 4529,
  /** The server is restarting. */
  restarting: 1012,
  /** The server is overloaded. */
  overloaded: 1013,
} as const;

/** A code with which the server closes a socket. */
export type CloseCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];
