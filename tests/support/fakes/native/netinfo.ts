import type { NetInfo } from "@edvoyage/client-sdk/react-native";
import { asNativeCall, phone } from "./phone.ts";

/** `@react-native-community/netinfo`: reports the state soon after a listener was added, and at each change. */
const netInfo: NetInfo = {
  addEventListener: (listener) => {
    phone.networkListeners.add(listener);
    void asNativeCall(() => {
      if (phone.networkListeners.has(listener)) listener({ isConnected: phone.isConnected });
    });
    return () => void phone.networkListeners.delete(listener);
  },
};

// oxlint-disable-next-line import/no-default-export -- the module that it stands for has one
export default netInfo;
