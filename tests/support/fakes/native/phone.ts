import { mkdirSync } from "node:fs";
import { WebSocket } from "ws";

/** State that the fakes of a phone's modules share: its folder, network and app state, and their listeners. */
export const phone = {
  folder: process.env["PHONE_FOLDER"] ?? "",
  isConnected: true,
  networkListeners: new Set<(state: { readonly isConnected: boolean }) => void>(),
  appState: "active",
  appStateListeners: new Set<() => void>(),
};
mkdirSync(phone.folder, { recursive: true });
// React Native has WebSocket, but no BroadcastChannel.
Object.assign(globalThis, { WebSocket, BroadcastChannel: undefined });

/** Makes one call over the bridge, which is answered in a later turn. */
export const asNativeCall = async <T>(task: () => T): Promise<T> => {
  await new Promise((resolve) => setImmediate(resolve));
  return task();
};
