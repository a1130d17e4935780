import type { Limits, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import type { Connection, ConnectionHandler } from "./connection.ts";
import type { Documents } from "./documents.ts";
import type { UpdateSource } from "./loaded-documents.ts";
import { INBOX_FRAME, stepOneFrame, stepTwoFrame, updateFrame } from "./frames.ts";
import { createPresence, receivePresence, broadcastPresence, type Presence } from "./presence.ts";
import type { SyncMetrics } from "./log-access.ts";

/** The open sockets of user documents. */
export interface DocumentChannels {
  /** Returns the handler of a socket of a student's own document. The caller has checked access. */
  open(userId: UserId): ConnectionHandler;
  /** Sends a committed update to the student's other devices. */
  stored(userId: UserId, update: Uint8Array, source: UpdateSource): void;
  /** Tells a student's devices to call `inbox.changes`: immediately, but at most twice a second. */
  inboxChanged(userId: UserId): void;
  /** Whether any of a student's devices is connected to this node. */
  isOpen(userId: UserId): boolean;
  /** Sends changes of presence and delayed inbox hints. Called a few times a second. */
  tick(): void;
  readonly size: number;
}

interface Channel {
  readonly connections: Set<Connection>;
  readonly presence: Presence<Connection>;
  inboxHintedAt: number;
  isInboxHintDue: boolean;
}

const INBOX_INTERVAL_MS = 500;
/** The state vector of an empty document. */
const EMPTY_STATE_VECTOR = new Uint8Array([0]);

/** Hides presence from nobody: all sockets of a user document belong to one student. */
const NOBODY: ReadonlySet<UserId> = new Set();

export const createDocumentChannels = (deps: {
  readonly documents: Pick<Documents, "read" | "apply">;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly metrics: Pick<SyncMetrics, "framesDelivered" | "lagged">;
}): DocumentChannels => {
  const { documents, clock, random, limits, metrics } = deps;
  const channelByUser = new Map<UserId, Channel>();

  const channelOf = (userId: UserId): Channel => {
    let channel = channelByUser.get(userId);
    if (!channel) {
      const presence = createPresence<Connection>({
        random,
        maxStateBytes: limits.awarenessBytes,
        hiddenFrom: () => NOBODY,
      });
      const connections = new Set<Connection>();
      channel = { connections, presence, inboxHintedAt: Number.NEGATIVE_INFINITY, isInboxHintDue: false };
      channelByUser.set(userId, channel);
    }
    return channel;
  };

  const sendInboxHint = (channel: Channel): void => {
    const now = clock.monotonicNow();
    channel.isInboxHintDue = now - channel.inboxHintedAt < INBOX_INTERVAL_MS;
    if (channel.isInboxHintDue) return;
    channel.inboxHintedAt = now;
    for (const connection of channel.connections) connection.send(INBOX_FRAME);
  };

  const answerStepOne = async (
    userId: UserId,
    connection: Connection,
    stateVector: Uint8Array,
  ): Promise<void> => {
    const missing = await documents.read(userId, stateVector);
    connection.send(stepTwoFrame(missing.update));
    metrics.framesDelivered("user", 1);
    connection.send(stepOneFrame(missing.stateVector));
  };

  return {
    open: (userId) => {
      return {
        // Create the channel only now; otherwise a refused socket would leave an empty channel behind.
        onOpen: (connection) => {
          channelOf(userId).connections.add(connection);
        },
        onMessage: async (connection, message) => {
          switch (message.type) {
            case "step-one":
              return answerStepOne(userId, connection, message.stateVector);
            case "update": {
              const { state } = await documents.apply(userId, message.update, connection);
              // Not an error: an unmodified client sends its edits before the handshake is over.
              if (state === "gap")
                connection.send(stepOneFrame((await documents.read(userId, EMPTY_STATE_VECTOR)).stateVector));
              return undefined;
            }
            default: {
              const channel = channelByUser.get(userId);
              if (channel) receivePresence(channel.presence, connection, message);
              return undefined;
            }
          }
        },
        // Every update was sent, or the socket was closed: there is nothing to catch up on.
        onDrain: () => {},
        onClose: (connection) => {
          const channel = channelByUser.get(userId);
          channel?.connections.delete(connection);
          channel?.presence.leave(connection);
          if (channel?.connections.size === 0) channelByUser.delete(userId);
        },
      };
    },
    stored: (userId, update, { origin, at }) => {
      const channel = channelByUser.get(userId);
      if (!channel) return;
      const frame = updateFrame(update);
      let frames = 0;
      for (const connection of channel.connections) {
        if (connection === origin) continue;
        connection.send(frame);
        frames += 1;
      }
      if (frames === 0) return;
      metrics.framesDelivered("user", frames);
      if (at !== undefined) metrics.lagged("user", clock.now() - at);
    },
    inboxChanged: (userId) => {
      const channel = channelByUser.get(userId);
      if (channel) sendInboxHint(channel);
    },
    isOpen: (userId) => channelByUser.has(userId),
    tick: () => {
      for (const channel of channelByUser.values()) {
        broadcastPresence(channel.presence, channel.connections);
        if (channel.isInboxHintDue) sendInboxHint(channel);
      }
    },
    get size() {
      return channelByUser.size;
    },
  };
};
