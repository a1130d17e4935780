import type { Database } from "@edvoyage/db";
import { defaultLimits } from "@edvoyage/protocol";
import { createErasure, type Erasure } from "./erasure.ts";
import { createAudit } from "../audit/audit.ts";
import { deleteChallenges } from "../auth/auth.store.ts";
import type { Clock } from "../platform/clock.ts";
import { createNewId, type Random } from "../platform/crypto.ts";
import { createNumbers } from "../numbers/numbers.ts";
import { createSessions } from "../sessions/sessions.ts";
import { createPushTokens } from "../push/tokens.ts";
import { createErasureParts } from "./personal-data-parts.ts";
import { createRoomLogs } from "../sync/room-logs.ts";

/** Erases students from a database that no server has open, such as one being restored. It notifies no devices. */
export const createOfflineErasure = ({
  database,
  clock,
  random,
}: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}): Erasure => {
  const { read } = database;
  const limits = defaultLimits;
  const newId = createNewId(random);
  const audit = createAudit({ read, newId });
  const numbers = createNumbers({ database, newId, limits });
  const sessions = createSessions({
    database,
    audit,
    clock,
    newId,
    limits,
    forgetDevice: numbers.forgetDevice,
    pushTokens: createPushTokens({ database, clock }),
    background: () => {},
    metrics: { sessionOpened: () => {}, sessionEnded: () => {} },
    onEnded: () => {},
    openSessions: () => [],
  });
  return createErasure({
    database,
    audit,
    clock,
    steadyClock: clock,
    parts: createErasureParts({
      read,
      logs: createRoomLogs({ read, limits, newId, random }),
      hints: { logChanged: () => {}, readerGone: () => {}, inboxChanged: () => {} },
      newId,
      limits,
    }),
    endSessions: sessions.endAll,
    forgetPhone: async (tx, phone) => {
      await deleteChallenges(tx, phone);
      await numbers.forgetPhone(tx, phone);
    },
  });
};
