import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Limits, LogId, SessionId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import type { Logger } from "../platform/logger.ts";
import type { SignedIn } from "../sessions/sessions.ts";
import { createDocumentChannels } from "./document-channels.ts";
import type { Documents } from "./documents.ts";
import type { UpdateSource } from "./loaded-documents.ts";
import { createInboxHints } from "./inbox-hints.ts";
import { createLogChannels } from "./log-channels.ts";
import type { RoomLogs } from "./room-logs.ts";
import { createSockets } from "./sockets.ts";
import type { LogAccess, SyncMetrics } from "./log-access.ts";

/**
 * Hints from features to the open sockets, sent after the commit. A lost hint costs time, never data, because readers are
 * served from rows.
 */
export interface SyncHints {
  /** A log has new entries or redactions: sends them to its readers, and tells its members that their inbox changed. */
  logChanged(id: LogId): void;
  /** A student may no longer read a log: closes their sockets of it with 4403. */
  readerGone(id: LogId, userId: UserId): void;
  /** The result of `inbox.changes` changed for a student without a change of a log, for example by their read position. */
  inboxChanged(userId: UserId): void;
  /** A student's blocks may have changed: hides or shows their presence accordingly. */
  blocksChanged(userId: UserId): void;
}

/** The sockets of `/sync/…` and the documents served on them. */
export interface Sync {
  readonly hints: SyncHints;
  attach(server: HttpServer): void;
  /** A session has ended: closes its sockets with 4401. */
  sessionEnded(id: SessionId): void;
  /** The sessions with open sockets on this node. */
  openSessions(): readonly SessionId[];
  /** An update of a user document was committed: sends it to all devices except `origin`, which has it already. */
  documentStored(userId: UserId, update: Uint8Array, source: UpdateSource): void;
  /** Whether a session has a log open on this node. */
  hasOpen(sessionId: SessionId, id: LogId): boolean;
  /** The number of open sockets. */
  countSockets(): number;
  /** Closes all sockets with 1012. */
  close(): Promise<void>;
}

export interface SyncDeps {
  readonly authenticate: (keyHash: string) => Promise<SignedIn>;
  readonly logs: RoomLogs;
  readonly access: LogAccess;
  /** Reads the students who must not see a student's presence. */
  readonly hiddenFrom: (userId: UserId) => Promise<readonly UserId[]>;
  readonly documents: Pick<Documents, "read" | "apply">;
  readonly isAllowedOrigin: (origin: string) => boolean;
  readonly addressOf: (request: IncomingMessage) => string;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly log: Logger;
  readonly background: (task: Promise<unknown>) => void;
  readonly metrics: SyncMetrics;
  /** Whether other processes write to the same database; if so, their changes are polled. */
  readonly hasOtherWriters: boolean;
}

/**
 * How often presence and delayed hints are sent. Each of 200 students who connect at once then gets five frames a
 * second.
 */
const TICK_MS = 200;
const TEND_EVERY_MS = 1_000;
/** How often changes by other nodes are polled, and how far back: a commit may come later than the instant in its row. */
const NOTICE_EVERY_MS = 400;
const NOTICE_OVERLAP_MS = 20_000;

export const createSync = (deps: SyncDeps): Sync => {
  const { logs, access, documents, clock, random, limits, metrics, background } = deps;
  const logChannels = createLogChannels(deps);
  const documentChannels = createDocumentChannels({ documents, clock, random, limits, metrics });
  const inboxHints = createInboxHints({ access, channels: documentChannels, clock, background });
  const sockets = createSockets({
    ...deps,
    onClosed: metrics.socketClosed,
    handlerOf: async (address, { user }) => {
      if (address.kind === "user") {
        return address.userId === user.id ? documentChannels.open(user.id) : undefined;
      }
      const { roomId: id, segment } = address;
      const first = await access.firstReadableSegment(id, user.id);
      if (first === undefined || segment < first || !(await logs.segment(id, segment))) return undefined;
      return logChannels.open({ id, segment });
    },
  });

  const logChanged = (id: LogId): void => {
    logChannels.changed(id);
    inboxHints.logChanged(id);
  };

  let noticed: ReadonlyMap<LogId, string> = new Map();
  /** When all changes were last noticed; `undefined` when some may have been missed. */
  let noticedAt: number | undefined = clock.now();
  const noticeChanges = async (): Promise<void> => {
    const now = clock.now();
    const elapsedMs = noticedAt === undefined ? Infinity : now - noticedAt;
    const mayHaveMissed = elapsedMs < 0 || elapsedMs >= NOTICE_OVERLAP_MS;
    if (sockets.size > 0) {
      const changes = await logs.changedSince(now - NOTICE_OVERLAP_MS);
      for (const [id, change] of changes) {
        if (noticed.get(id) !== change) logChanged(id);
      }
      noticed = changes;
    }
    noticedAt = now;
    if (!mayHaveMissed) return;
    // Otherwise a removed member could keep reading a room if this node was paused at the removal.
    await logChannels.recheckReaders().catch((error: unknown) => {
      noticedAt = undefined;
      throw error;
    });
  };

  const timers = [
    clock.every(TEND_EVERY_MS, () => sockets.tend()),
    clock.every(TICK_MS, () => {
      logChannels.tick();
      inboxHints.tick();
      documentChannels.tick();
    }),
    ...(deps.hasOtherWriters ? [clock.every(NOTICE_EVERY_MS, () => background(noticeChanges()))] : []),
  ];

  return {
    hints: {
      logChanged,
      readerGone: (id, userId) => logChannels.close(id, userId),
      inboxChanged: (userId) => documentChannels.inboxChanged(userId),
      blocksChanged: (userId) => logChannels.blocksChanged(userId),
    },
    attach: (server) => sockets.attach(server),
    sessionEnded: (id) => sockets.closeSession(id),
    openSessions: () => sockets.sessions(),
    documentStored: (userId, update, source) => documentChannels.stored(userId, update, source),
    hasOpen: (sessionId, id) => logChannels.hasOpen(sessionId, id),
    countSockets: () => sockets.size,
    close: async () => {
      for (const stop of timers) stop();
      await sockets.close();
    },
  };
};
