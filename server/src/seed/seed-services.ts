import type { Database, UnitOfWork } from "@edvoyage/db";
import { defaultLimits, type Limits } from "@edvoyage/protocol";
import type { Auth } from "../auth/auth.ts";
import { createStudentFeatures } from "../composition/student-features.ts";
import type { Clock } from "../platform/clock.ts";
import type { NewId, Random } from "../platform/crypto.ts";
import type { SeedServices } from "./action.ts";
import { createFictionalPhones } from "./phones.ts";
import { createDocuments } from "../sync/documents.ts";
import { createRoomLogs } from "../sync/room-logs.ts";

const UNLIMITED = 2 ** 31;
/** Rate limits that are lifted, because a seeded world does weeks of activity in seconds. */
const UNLIMITED_RATES = {
  messageBurst: UNLIMITED,
  postBurst: UNLIMITED,
  commentBurst: UNLIMITED,
  reactionBurst: UNLIMITED,
  directRoomsWithStrangersPerDay: UNLIMITED,
} satisfies Partial<Limits>;

/**
 * Creates the features once more for seeded students: inside one unit of work, with another clock, and without any
 * effect on sockets, phones or the audit log. Limits of the storage layout are those of the server; all other limits
 * have their default, so that a world is the same wherever it is built.
 */
export const createSeedServices =
  ({
    database,
    auth,
    random,
    limits: { segmentEvents, segmentBytes },
  }: {
    readonly database: Database;
    readonly auth: Pick<Auth, "register">;
    readonly random: Random;
    readonly limits: Limits;
  }) =>
  (tx: UnitOfWork, { clock, newId }: { readonly clock: Clock; readonly newId: NewId }): SeedServices => {
    const queue = createQueue(tx);
    const databaseInUnit: Database = { ...database, read: queue, write: (unit) => unit(queue) };
    const limits: Limits = { ...defaultLimits, ...UNLIMITED_RATES, segmentEvents, segmentBytes };
    const { read } = databaseInUnit;
    const features = createStudentFeatures({
      database: databaseInUnit,
      clock,
      newId,
      limits,
      logs: createRoomLogs({ read, limits, newId, random }),
      documents: createDocuments({
        database: databaseInUnit,
        clock,
        limits,
        random,
        // The only background task is compaction, which documents with so few updates do not need.
        background: () => {},
        onStored: () => {},
      }),
      push: { notified: async () => {}, messageSent: async () => {} },
      hints: {
        logChanged: () => {},
        readerGone: () => {},
        inboxChanged: () => {},
        blocksChanged: () => {},
      },
      audit: { record: async () => {} },
    });
    const nextPhone = createFictionalPhones(queue);
    return {
      ...features,
      register: async ({ id, at }) => auth.register(queue, { id, phone: await nextPhone(), now: at }),
    };
  };

/**
 * Runs the queries of a unit of work one after the other: features send several at once, but it has only one
 * connection.
 */
const createQueue = (tx: UnitOfWork): UnitOfWork => {
  let last: Promise<unknown> = Promise.resolve();
  const enqueue = <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const answer = last.then(ask, ask);
    last = answer;
    return answer;
  };
  return {
    get kysely() {
      return tx.kysely;
    },
    all: (query, params) => enqueue(() => tx.all(query, params)),
    first: (query, params) => enqueue(() => tx.first(query, params)),
    lock: (key) => enqueue(() => tx.lock(key)),
    onCommit: tx.onCommit,
  };
};
