import type { ReactNativeAppState } from "@edvoyage/client-sdk/react-native";
import { phone } from "./phone.ts";

/** What of `react-native` the example uses. */
export const AppState: ReactNativeAppState = {
  get currentState() {
    return phone.appState;
  },
  addEventListener: (_type, listener) => {
    const heard = (): void => listener();
    phone.appStateListeners.add(heard);
    return { remove: () => void phone.appStateListeners.delete(heard) };
  },
};

export const Platform = { OS: "ios" } as const;
