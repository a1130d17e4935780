import { createRoomAccess } from "../chat/room-access.ts";
import { createOriginCheck } from "../http/allowed-origins.ts";
import { createAddressReader } from "../http/client-address.ts";
import { createDocuments, type Documents } from "../sync/documents.ts";
import { createRoomLogs, type RoomLogs } from "../sync/room-logs.ts";
import { createSync, type Sync, type SyncDeps } from "../sync/sync.ts";
import type { Frame } from "./frame.ts";

/** Everything that devices see live: room logs, user documents, and the sockets that serve both. */
export interface LiveSync {
  readonly logs: RoomLogs;
  readonly documents: Documents;
  readonly sync: Sync;
}

export const createLiveSync = (
  frame: Frame,
  deps: Pick<SyncDeps, "authenticate" | "hiddenFrom">,
): LiveSync => {
  const { config, database } = frame;
  const { read, dialect } = database;
  const logs = createRoomLogs({ ...frame, read });
  const documents = createDocuments({
    ...frame,
    onStored: (userId, update, source) => sync.documentStored(userId, update, source),
  });
  const sync: Sync = createSync({
    ...frame,
    ...deps,
    logs,
    documents,
    access: createRoomAccess({ read }),
    isAllowedOrigin: createOriginCheck(config),
    addressOf: createAddressReader(config.trustedProxies),
    hasOtherWriters: dialect === "postgres",
  });
  return { logs, documents, sync };
};
