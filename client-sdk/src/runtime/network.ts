/** Whether the device has a network. It says no too late and yes too often: a reason to try, never one to give up. */
export interface Network {
  isOnline(): boolean;
  /** Calls when that may have changed; returns how to stop. */
  subscribe(listener: () => void): () => void;
}

/** Whether the student sees the app. */
export interface AppState {
  isActive(): boolean;
  /** Calls when that may have changed; returns how to stop. */
  subscribe(listener: () => void): () => void;
}
