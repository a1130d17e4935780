import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openDatabase, StorageError } from "@edvoyage/db";
import {
  defaultLimits,
  roomDocumentName,
  type LimitName,
  type LogId,
  type SessionId,
  type UserId,
} from "@edvoyage/protocol";
import {
  createLogger,
  createRoomLogs,
  createNewId,
  createSync,
  sha256,
  systemRandom,
} from "@edvoyage/server/app";
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { expect, onTestFinished } from "vitest";
import { serverDatabase, type TestDialect } from "../databases/databases.ts";
import { createFakeClock } from "../fakes/fake-clock.ts";
import type { connectRaw } from "../network/sync-client.ts";

/** A key whose lookup in the database never ends. */
export const NEVER_ANSWERED = "never-answered";

/** Serves a log on real sockets. The test decides who is signed in and who may read: sync knows neither. */
export const createSyncScene = async (
  dialect: TestDialect,
  changed: Partial<Record<LimitName, number>> = {},
) => {
  const clock = createFakeClock();
  const limits = { ...defaultLimits, ...changed };
  const database = await openDatabase(await serverDatabase(dialect));
  const logs = createRoomLogs({
    read: database.read,
    limits,
    newId: createNewId(systemRandom),
    random: systemRandom,
  });
  const id = randomUUID() as LogId;
  await database.write((tx) => logs.create(tx, id, clock.now()));
  const userByKeyHash = new Map<string, UserId>();
  const firstSegmentByUser = new Map<UserId, number>();
  const former = new Set<UserId>();
  const failures: unknown[] = [];
  let failingReads = 0;
  const sync = createSync({
    hiddenFrom: async () => [],
    authenticate: async (keyHash) => {
      if (keyHash === sha256(NEVER_ANSWERED)) return new Promise(() => {});
      const userId = userByKeyHash.get(keyHash) ?? expect.fail("an unknown key");
      const session = {
        id: keyHash as SessionId,
        deviceName: null,
        platform: "other" as const,
        appVersion: null,
        createdAt: 0,
        lastSeenAt: 0,
        expiresAt: clock.now() + 24 * 3_600_000,
      };
      return { session, user: { id: userId, phone: "+910000000000", createdAt: 0 } };
    },
    logs: {
      ...logs,
      read: async (...from) => {
        failingReads -= 1;
        if (failingReads >= 0) throw new StorageError("unavailable", "The database cannot be reached");
        return logs.read(...from);
      },
    },
    access: {
      firstReadableSegment: async (_id, userId) => firstSegmentByUser.get(userId),
      formerReaders: async () => [...former],
      readers: async () => [...firstSegmentByUser.keys()],
    },
    documents: {
      read: async () => expect.fail("no document is read here"),
      apply: async () => expect.fail("no document is written here"),
    },
    isAllowedOrigin: (origin) => origin === "http://localhost:8081",
    addressOf: () => "127.0.0.1",
    clock,
    random: systemRandom,
    limits,
    log: createLogger("error"),
    background: (task) => void task.catch((error: unknown) => failures.push(error)),
    metrics: {
      socketClosed: () => {},
      framesDelivered: () => {},
      entriesDelivered: () => {},
      lagged: () => {},
    },
    hasOtherWriters: false,
  });
  const http = createServer();
  sync.attach(http);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(async () => {
    await sync.close();
    http.close();
    await database.close();
    expect(failures).toEqual([]);
  });
  /**
   * Makes this many reads of rows fail, as in an outage. Returns a function that returns the reported failures and
   * clears them.
   */
  const failReads = (reads: number) => {
    failingReads = reads;
    return () => failures.splice(0);
  };
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const append = async (...texts: readonly string[]) => {
    await database.write(async (tx) => {
      for (const text of texts) {
        const entryId = randomUUID();
        await logs.append(tx, id, {
          id: entryId,
          kind: "message",
          event: [1, "message", entryId, "author", clock.now(), text, null],
          authorId: null,
          subjectId: null,
          at: clock.now(),
        });
      }
    });
    sync.hints.logChanged(id);
  };
  const redact = async (segment: number, index: number) => {
    await database.write((tx) => logs.redact(tx, id, { places: [{ segment, index }], now: clock.now() }));
    sync.hints.logChanged(id);
  };
  /** Creates a student who can read the log from a segment on, or not at all with `null`. */
  const student = (firstSegment: number | null = 0) => {
    const [token, userId] = [randomUUID(), randomUUID() as UserId];
    userByKeyHash.set(sha256(token), userId);
    if (firstSegment !== null) firstSegmentByUser.set(userId, firstSegment);
    return { url, token, userId };
  };
  const name = (segment = 0): string => roomDocumentName(id, segment);
  /** Returns all bytes of a segment, as a new reader gets them. */
  const bytesOf = async (segment = 0) => {
    const { stretch } = await logs.read(id, segment, { length: 0, redactionRevision: undefined });
    return JSON.stringify(stretch);
  };
  return {
    clock,
    database,
    logs,
    id,
    sync,
    former,
    firstSegmentByUser,
    append,
    redact,
    failReads,
    student,
    name,
    bytesOf,
  };
};

/** The first sync message of a client that has nothing. */
export const STEP_ONE_OF_NOTHING = [0, 0, 1, 0];

/** Sends a message of these types, whose body has its length in front. */
export const sendFrame = (
  raw: Awaited<ReturnType<typeof connectRaw>>,
  types: readonly number[],
  body: Uint8Array,
): void => {
  const message = createEncoder();
  for (const type of types) writeVarUint(message, type);
  writeVarUint8Array(message, body);
  raw.send(toUint8Array(message));
};

/** Sockets in front of logs and a database. */
export type SyncScene = Awaited<ReturnType<typeof createSyncScene>>;
