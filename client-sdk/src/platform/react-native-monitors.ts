import type { AppState, Network } from "../runtime/network.ts";

/** The part of `@react-native-community/netinfo` that is used: its default export, or `import * as NetInfo`. */
export interface NetInfo {
  /** Calls the listener soon afterwards, and after each change. */
  addEventListener(listener: (state: NetInfoState) => void): () => void;
}

/** The part of the state of NetInfo that is used. */
export interface NetInfoState {
  /** `null` while it is unknown. */
  readonly isConnected: boolean | null;
}

/** The part of `react-native`'s `AppState` that is used. */
export interface ReactNativeAppState {
  readonly currentState: string | null;
  /** Calls the listener after each change, until `remove` is called. */
  addEventListener(
    type: "change",
    listener: () => void,
  ): {
    /** Stops the calls. */
    remove(): void;
  };
}

/**
 * Creates a network monitor from NetInfo. It only listens while it has subscribers, and is online until the phone says otherwise.
 * It ignores `isInternetReachable`, which tests the server of a third party that some countries block.
 */
export const createNetInfoNetwork = (NetInfo: NetInfo): Network => {
  let isOnline = true;
  const listeners = new Set<() => void>();
  let stop: (() => void) | undefined;

  const start = (): (() => void) =>
    NetInfo.addEventListener(({ isConnected }) => {
      if (isOnline === (isConnected !== false)) return;
      isOnline = !isOnline;
      for (const listener of listeners) listener();
    });

  return {
    isOnline: () => isOnline,
    subscribe: (listener) => {
      // A new function for each subscription, so that one listener may subscribe twice.
      const heard = (): void => listener();
      listeners.add(heard);
      stop ??= start();
      return () => {
        listeners.delete(heard);
        if (listeners.size > 0) return;
        stop?.();
        stop = undefined;
        // The value is no longer updated.
        isOnline = true;
      };
    },
  };
};

/** Creates a monitor of whether the app is visible. During a call or in the control centre ("inactive") it still is. */
export const createReactNativeAppState = (appState: ReactNativeAppState): AppState => ({
  isActive: () => appState.currentState !== "background",
  subscribe: (listener) => {
    const subscription = appState.addEventListener("change", () => listener());
    return () => subscription.remove();
  },
});
