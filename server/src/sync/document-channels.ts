import type { Limits, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import type { Connection, ConnectionHandler } from "./connection.ts";
import type { Documents, UpdateSource } from "./documents.ts";
import { INBOX_FRAME, stepOneFrame, stepTwoFrame, updateFrame } from "./frames.ts";
import { createPresence, hearPresence, tellPresence, type Presence } from "./presence.ts";
import type { SyncMetrics } from "./sync.ts";

/** The open sockets of user documents. */
export interface DocumentChannels {
  /** Handles a socket's messages about a student's own document. Access was decided before. */
  open(userId: UserId): ConnectionHandler;
  /** Passes what was committed on to the student's other devices. */
  stored(userId: UserId, update: Uint8Array, source: UpdateSource): void;
  /** Tells a student's devices that `inbox.changes` has something: at once, and at most twice a second. */
  inboxChanged(userId: UserId): void;
  /** Whether any of a student's devices is here. */
  isOpen(userId: UserId): boolean;
  /** Sends what became of presence, and the hints that had to wait; a few times a second. */
  tick(): void;
  readonly size: number;
}

interface Channel {
  readonly connections: Set<Connection>;
  readonly presence: Presence<Connection>;
  inboxToldAt: number;
  isInboxDue: boolean;
}

const INBOX_INTERVAL_MS = 500;
/** The state vector of who has nothing. */
const NOTHING = new Uint8Array([0]);

/** All sockets of a user document are one student's. */
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
      channel = { connections, presence, inboxToldAt: Number.NEGATIVE_INFINITY, isInboxDue: false };
      channelByUser.set(userId, channel);
    }
    return channel;
  };

  const tellInbox = (channel: Channel): void => {
    const now = clock.now();
    channel.isInboxDue = now - channel.inboxToldAt < INBOX_INTERVAL_MS;
    if (channel.isInboxDue) return;
    channel.inboxToldAt = now;
    for (const connection of channel.connections) connection.send(INBOX_FRAME);
  };

  const answerStepOne = async (
    userId: UserId,
    connection: Connection,
    stateVector: Uint8Array,
  ): Promise<void> => {
    const has = await documents.read(userId, stateVector);
    connection.send(stepTwoFrame(has.update));
    metrics.framesDelivered("user", 1);
    connection.send(stepOneFrame(has.stateVector));
  };

  return {
    open: (userId) => {
      return {
        // Not before: a socket that is refused after all would leave an empty channel behind.
        onOpen: (connection) => {
          channelOf(userId).connections.add(connection);
        },
        onMessage: async (connection, message) => {
          switch (message.type) {
            case "step-one":
              return answerStepOne(userId, connection, message.stateVector);
            case "update": {
              const { state } = await documents.apply(userId, message.update, connection);
              // No offence: a stock client sends what it edits before the handshake is over.
              if (state === "gap")
                connection.send(stepOneFrame((await documents.read(userId, NOTHING)).stateVector));
              return undefined;
            }
            default: {
              const channel = channelByUser.get(userId);
              if (channel) hearPresence(channel.presence, connection, message);
              return undefined;
            }
          }
        },
        // Its updates were all sent or the socket was closed: nothing to catch up.
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
      if (channel) tellInbox(channel);
    },
    isOpen: (userId) => channelByUser.has(userId),
    tick: () => {
      for (const channel of channelByUser.values()) {
        tellPresence(channel.presence, channel.connections);
        if (channel.isInboxDue) tellInbox(channel);
      }
    },
    get size() {
      return channelByUser.size;
    },
  };
};
