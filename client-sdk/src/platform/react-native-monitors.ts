import type { AppState, Network } from "../runtime/network.ts";

/** What is used of `@react-native-community/netinfo`: its default export, or `import * as NetInfo`. */
export interface NetInfo {
  /** Calls soon after, and at each change. */
  addEventListener(listener: (state: NetInfoState) => void): () => void;
}

export interface NetInfoState {
  /** `null` while it is not known. */
  readonly isConnected: boolean | null;
}

/** What is used of the `AppState` of `react-native`. */
export interface ReactNativeAppState {
  readonly currentState: string | null;
  addEventListener(type: "change", listener: () => void): { remove(): void };
}

/**
 * What the phone says of its network, while anybody is subscribed; online until it has said something.
 * `isInternetReachable` is not asked: it is about somebody else's server, which some countries block.
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
      // One function may listen twice.
      const heard = (): void => listener();
      listeners.add(heard);
      stop ??= start();
      return () => {
        listeners.delete(heard);
        if (listeners.size > 0) return;
        stop?.();
        stop = undefined;
        // Nobody keeps it up to date any more.
        isOnline = true;
      };
    },
  };
};

/** Whether the app is not in the background: under a call or the control centre ("inactive") the student sees it. */
export const createReactNativeAppState = (appState: ReactNativeAppState): AppState => ({
  isActive: () => appState.currentState !== "background",
  subscribe: (listener) => {
    const subscription = appState.addEventListener("change", () => listener());
    return () => subscription.remove();
  },
});
