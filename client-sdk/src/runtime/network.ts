/** Whether the device has a network. It often reports one that does not work, so use it as a reason to try, never to give up. */
export interface Network {
  isOnline(): boolean;
  /** Calls the listener when the answer may have changed; returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}

/** Whether the app is visible to the student. */
export interface AppState {
  isActive(): boolean;
  /** Calls the listener when the answer may have changed; returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}
