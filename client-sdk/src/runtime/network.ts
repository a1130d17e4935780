/** Whether the device has a network. It may report a network that does not work, or a lost one too late: use it as a reason to try, never to give up. */
export interface Network {
  /** Returns whether it is worth trying. */
  isOnline(): boolean;
  /** Calls the listener when the answer may have changed; returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void;
  /**
   * Returns whether the server at this URL answers, but does not let this page read the answer. Asked after a failed request.
   * Default: `false`.
   */
  isOriginRefused?(url: string): Promise<boolean>;
}

/** Whether the app is visible to the student. */
export interface AppState {
  /** Returns whether the app is in the foreground. */
  isActive(): boolean;
  /** Calls the listener when the answer may have changed; returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}
