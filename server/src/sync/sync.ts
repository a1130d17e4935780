import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Limits, LogId, SessionId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import type { Logger } from "../platform/logger.ts";
import type { SignedIn } from "../sessions/sessions.ts";
import { createDocumentChannels } from "./document-channels.ts";
import type { Documents, UpdateSource } from "./documents.ts";
import { createInboxHints } from "./inbox-hints.ts";
import { createLogChannels } from "./log-channels.ts";
import type { RoomLogs } from "./room-logs.ts";
import { createSockets } from "./sockets.ts";

/**
 * What features tell the open sockets, after the commit. A hint that is lost costs time, never data: readers are
 * served from rows.
 */
export interface SyncHints {
  /** A log has new entries or redactions: its readers get them, and its members are told that their inbox changed. */
  logChanged(id: LogId): void;
  /** A student may no longer read a log: her sockets of it are closed with 4403. */
  readerGone(id: LogId, userId: UserId): void;
  /** What `inbox.changes` tells a student changed by something other than a log, such as her own read position. */
  inboxChanged(userId: UserId): void;
  /** Whom a student blocks may have changed: they no longer see her presence, or see it again. */
  blocksChanged(userId: UserId): void;
}

/** Who may read what, asked of the feature that owns the logs. */
export interface LogAccess {
  /** The first segment that a student may read of a log, or `undefined` when she may read none. */
  firstReadableSegment(id: LogId, userId: UserId): Promise<number | undefined>;
  /** Those who could read it once and cannot now. */
  formerReaders(id: LogId): Promise<readonly UserId[]>;
  /** Those who can read it now. */
  readers(id: LogId): Promise<readonly UserId[]>;
}

/** Counts what happens on the sockets, for `/metrics`. */
export interface SyncMetrics {
  socketClosed(code: number): void;
  /** Frames with what readers lacked were handed to sockets: when they came, later, or once they could take them. */
  framesDelivered(document: SyncedDocument, frames: number): void;
  /** So many entries of rooms were in them, each once a frame. */
  entriesDelivered(entries: number): void;
  /** News was handed to the sockets that wait for it, so long after the instant that its row bears. */
  lagged(document: SyncedDocument, lagMs: number): void;
}

export type SyncedDocument = "room" | "user";

/** The sockets of `/sync/…` and what is served on them. */
export interface Sync {
  readonly hints: SyncHints;
  attach(server: HttpServer): void;
  /** A session is over: its sockets are closed with 4401. */
  sessionEnded(id: SessionId): void;
  /** The sessions that have sockets open here. */
  openSessions(): readonly SessionId[];
  /** A user document has something new, committed; whoever sent it as the source's `origin` has it already. */
  documentStored(userId: UserId, update: Uint8Array, source: UpdateSource): void;
  /** Whether a device has a log open at this node. */
  hasOpen(sessionId: SessionId, id: LogId): boolean;
  /** How many sockets are open. */
  countSockets(): number;
  /** Closes all sockets with 1012. */
  close(): Promise<void>;
}

export interface SyncDeps {
  readonly authenticate: (keyHash: string) => Promise<SignedIn>;
  readonly logs: RoomLogs;
  readonly access: LogAccess;
  /** Those who are to see nothing of a student's presence. */
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
  /** Whether other processes write to the same database: their changes are then looked for. */
  readonly hasOtherWriters: boolean;
}

/** Presence and waiting hints are sent this often: 200 students who come at once cause five frames each. */
const TICK_MS = 200;
const TEND_EVERY_MS = 1_000;
/** What other nodes wrote is looked for this often, and this far back: a commit may come later than its instant. */
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
  /** When all changes were last known; `undefined` when some may have been missed. */
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
    // Nobody stays in a room because this node was paused when the member was removed.
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
