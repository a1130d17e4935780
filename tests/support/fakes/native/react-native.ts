import type { ReactNativeAppState } from "@edvoyage/client-sdk/react-native";
import { phone } from "./phone.ts";

/** The parts of `react-native` that the example uses. */
export const AppState: ReactNativeAppState = {
  get currentState() {
    return phone.appState;
  },
  addEventListener: (_type, listener) => {
    const onChange = (): void => listener();
    phone.appStateListeners.add(onChange);
    return { remove: () => void phone.appStateListeners.delete(onChange) };
  },
};

export const Platform = { OS: "ios" } as const;
