import { useSyncExternalStore } from "react";
import type { SyncStatus } from "../sync/status.ts";
import { useClient } from "./provider.tsx";

/** Returns the state of synchronization between this device and the server. */
export const useSyncStatus = (): SyncStatus => {
  const { sync } = useClient();
  return useSyncExternalStore(
    sync.onStatus,
    () => sync.status,
    () => OFFLINE,
  );
};

const OFFLINE: SyncStatus = {
  connection: "offline",
  transport: "socket",
  auth: "signedOut",
  pending: 0,
  failed: 0,
  lastSyncedAt: null,
  storage: "durable",
};
