import { mkdirSync } from "node:fs";
import { WebSocket } from "ws";

/** What the fakes of a phone's modules share: where it keeps things, and who is told of what happens to it. */
export const phone = {
  folder: process.env["PHONE_FOLDER"] ?? "",
  isConnected: true,
  networkListeners: new Set<(state: { readonly isConnected: boolean }) => void>(),
  appState: "active",
  appStateListeners: new Set<() => void>(),
};
mkdirSync(phone.folder, { recursive: true });
// React Native has one, and no channel between programs.
Object.assign(globalThis, { WebSocket, BroadcastChannel: undefined });

/** One call over the bridge: answered in a later turn. */
export const asNativeCall = async <T>(task: () => T): Promise<T> => {
  await new Promise((resolve) => setImmediate(resolve));
  return task();
};
