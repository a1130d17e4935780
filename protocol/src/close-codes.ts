/**
 * Why the server closes a socket. y-websocket 3.1 gives up on 4400 to 4499 and tries again after any other.
 * A socket is always accepted first: a refusal by HTTP status is invisible to a browser and retried for ever.
 */
export const CLOSE_CODES = {
  /** No session, or one that is over: sign in first. */
  noSession: 4401,
  /** Not this student's, or not there: nobody learns which. */
  forbidden: 4403,
  /** A frame or the document that it would make is too large. */
  tooLarge: 4413,
  /** Bytes that no honest client sends. */
  malformed: 4422,
  /** The client does not read what it is sent; what it missed waits for it in the rows. */
  tooSlow: 4508,
  /** The client's copy is not of this log's making: drop it, then come back. */
  forked: 4509,
  /** More frames than the limits allow. */
  tooFast: 4529,
  /** The server restarts. */
  restarting: 1012,
  /** The server has no room now. */
  overloaded: 1013,
} as const;

/** One of the codes with which the server closes a socket. */
export type CloseCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];
