import { CLOSE_CODES, type Limits, type LogId, type SessionId, type UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import type { Connection, ConnectionHandler } from "./connection.ts";
import { awarenessFrame, stepTwoFrame, updateFrame } from "./frames.ts";
import { createBlockFilter } from "./hiding.ts";
import { encodeLogUpdate, type LogStretch } from "./log-encoder.ts";
import type { RoomLogs, ReaderPosition, SegmentState } from "./room-logs.ts";
import { createPresence, hearPresence, tellPresence, type Presence } from "./presence.ts";
import type { LogAccess, SyncMetrics } from "./sync.ts";
import { checkStateVector } from "./update-check.ts";

/** The open segments of logs and who reads them. It holds no entry: whatever is sent comes from rows. */
export interface LogChannels {
  /** Handles a socket's messages about one segment. Access was decided before. */
  open(address: SegmentAddress): ConnectionHandler;
  /** Sends the readers of a log what they lack, once this turn of the event loop is over. */
  changed(id: LogId): void;
  /** Whether a session has a socket of any segment of a log, here. */
  hasOpen(sessionId: SessionId, id: LogId): boolean;
  /** Closes a student's sockets of a log. */
  close(id: LogId, userId: UserId): void;
  /**
   * Closes the sockets of those who may no longer read their log, and reads again from whom students hide: changes may have
   * been missed.
   */
  recheckReaders(): Promise<void>;
  /** Whom a student blocks may have changed: her presence is hidden from them, in all rooms. */
  blocksChanged(userId: UserId): void;
  /** Sends what became of presence since the last call, and what could not be read before; a few times a second. */
  tick(): void;
}

/** Which segment of which log. */
export interface SegmentAddress {
  readonly id: LogId;
  readonly segment: number;
}

export interface LogChannelsDeps {
  readonly logs: Pick<RoomLogs, "segment" | "read" | "formerWriters">;
  readonly access: LogAccess;
  /** Those who are to see nothing of a student's presence. */
  readonly hiddenFrom: (userId: UserId) => Promise<readonly UserId[]>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly metrics: Pick<SyncMetrics, "framesDelivered" | "entriesDelivered" | "lagged">;
  /** Runs what no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
}

interface Reader {
  readonly connection: Connection;
  /** From its first step 1 on. */
  isListening: boolean;
  /** Set while it is too busy to be sent more: where it stood then. */
  behind: ReaderPosition | undefined;
}

interface Channel extends SegmentAddress {
  /** What all readers that are not behind have been sent; `undefined` until the first has been. */
  sent: SegmentState | undefined;
  readonly readers: Map<Connection, Reader>;
  readonly presence: Presence<Connection>;
}

/** Copies that turned out forked, by student and log, within this time; see `FORKS_BEFORE_REFUSAL`. */
const FORK_MEMORY_MS = 60_000;
/** A client that cannot drop its copy would come back for ever. */
const FORKS_BEFORE_REFUSAL = 3;
const MAX_FORKS_REMEMBERED = 10_000;

export const createLogChannels = (deps: LogChannelsDeps): LogChannels => {
  const { logs, access, clock, random, limits, metrics, background } = deps;
  const channelsByLog = new Map<LogId, Map<number, Channel>>();
  const forksByReader = new Map<string, number[]>();
  let dirty = new Set<LogId>();
  const flushing = new Set<LogId>();
  /** Whose rows could not be read. */
  const failed = new Set<LogId>();
  /** Readers that could not be brought up to date because of that, with their channels. */
  const stalled = new Map<Reader, Channel>();

  const hiding = createBlockFilter({
    hiddenFrom: deps.hiddenFrom,
    background,
    onChange: ({ userId, hidden }) => {
      for (const segments of channelsByLog.values()) {
        for (const { presence, readers } of segments.values()) {
          const gone = presence.renew(userId);
          if (!gone) continue;
          for (const connection of readers.keys()) {
            if (hidden.has(connection.userId)) connection.send(awarenessFrame(gone));
          }
        }
      }
    },
  });

  const channelOf = ({ id, segment }: SegmentAddress): Channel => {
    let segments = channelsByLog.get(id);
    if (!segments) channelsByLog.set(id, (segments = new Map()));
    let channel = segments.get(segment);
    if (!channel) {
      const presence = createPresence<Connection>({
        random,
        maxStateBytes: limits.awarenessBytes,
        hiddenFrom: hiding.from,
      });
      segments.set(segment, (channel = { id, segment, sent: undefined, readers: new Map(), presence }));
    }
    return channel;
  };

  const leave = (channel: Channel, connection: Connection): void => {
    if (channel.readers.delete(connection)) hiding.leave(connection.userId);
    channel.presence.leave(connection);
    if (channel.readers.size > 0) return;
    const segments = channelsByLog.get(channel.id);
    if (segments?.get(channel.segment) === channel) segments.delete(channel.segment);
    if (segments?.size === 0) channelsByLog.delete(channel.id);
  };

  /** Whether the copy that a state vector speaks of has what was never in these rows. */
  const isForked = async (
    { id, segment }: SegmentAddress,
    state: SegmentState,
    clockByClient: ReadonlyMap<number, number>,
  ): Promise<boolean> => {
    if ((clockByClient.get(state.writerId) ?? 0) > state.length) return true;
    const others = [...clockByClient.keys()].filter((client) => client !== state.writerId);
    if (others.length === 0) return false;
    const former = await logs.formerWriters(id, segment);
    return others.some((client) => former.includes(client));
  };

  const refuseFork = (connection: Connection, id: LogId): void => {
    const now = clock.now();
    const key = `${connection.userId} ${id}`;
    const recent = (forksByReader.get(key) ?? []).filter((at) => now - at < FORK_MEMORY_MS);
    if (forksByReader.size >= MAX_FORKS_REMEMBERED) forksByReader.clear();
    forksByReader.set(key, [...recent, now]);
    if (recent.length + 1 < FORKS_BEFORE_REFUSAL)
      return connection.close(CLOSE_CODES.forked, "This copy is not of this log: drop it");
    forksByReader.delete(key);
    connection.close(CLOSE_CODES.forbidden, "This copy is not of this log, and was not dropped");
  };

  const noteDelivery = ({ entries }: LogStretch, frames: number): void => {
    metrics.framesDelivered("room", frames);
    metrics.entriesDelivered(entries.length * frames);
  };

  const answerStepOne = async (channel: Channel, reader: Reader, bytes: Uint8Array): Promise<void> => {
    const { connection } = reader;
    const checked = checkStateVector(bytes, limits.logStateVectorEntries);
    if (checked.state !== "fine")
      return connection.close(CLOSE_CODES[checked.state], "Not a state vector for a log");
    const { clockByClient } = checked;
    // It listens before it is told what there is: what is committed in between reaches it twice, but reaches it.
    reader.isListening = true;
    const before = await logs.segment(channel.id, channel.segment);
    if (!before) return connection.close(CLOSE_CODES.forbidden, "Not yours, or not there");
    if (await isForked(channel, before, clockByClient)) return refuseFork(connection, channel.id);
    const length = clockByClient.get(before.writerId) ?? 0;
    const { state, stretch } = await logs.read(channel.id, channel.segment, {
      length,
      redactionRevision: undefined,
    });
    // Asked after the rows were read: whoever may read now could read when they were.
    const first = await access.firstReadableSegment(channel.id, connection.userId);
    if (first === undefined || channel.segment < first)
      return connection.close(CLOSE_CODES.forbidden, "Not yours, or not there");
    connection.send(stepTwoFrame(encodeLogUpdate(stretch)));
    noteDelivery(stretch, 1);
    const others = channel.presence.others(connection);
    if (others) connection.send(awarenessFrame(others));
    if (channel.sent) return;
    // The first: what was committed since its rows were read had nobody to go to.
    channel.sent = state;
    changed(channel.id);
  };

  /** Brings a reader up to date that was too busy before. */
  const catchUp = async (channel: Channel, reader: Reader): Promise<void> => {
    try {
      await sendMissed(channel, reader);
    } catch (error) {
      // It is sent nothing else meanwhile, so its socket never drains again.
      if (channel.readers.has(reader.connection)) stalled.set(reader, channel);
      throw error;
    }
  };

  const sendMissed = async (channel: Channel, reader: Reader): Promise<void> => {
    while (reader.behind) {
      const { state, stretch } = await logs.read(channel.id, channel.segment, reader.behind);
      reader.connection.send(updateFrame(encodeLogUpdate(stretch)));
      noteDelivery(stretch, 1);
      const hasMissed =
        channel.sent !== undefined &&
        (channel.sent.length > state.length || channel.sent.redactionRevision > state.redactionRevision);
      reader.behind = hasMissed ? state : undefined;
      if (reader.connection.isBusy()) return;
    }
  };

  const flushChannel = async (channel: Channel): Promise<void> => {
    const { sent } = channel;
    if (!sent) return;
    const { state, stretch, since } = await logs.read(channel.id, channel.segment, sent);
    if (stretch.entries.length === 0 && stretch.redacted.length === 0) return;
    // After the rows were read: nobody gets a row that came after she left.
    for (const userId of await access.formerReaders(channel.id)) close(channel.id, userId);
    channel.sent = state;
    const frame = updateFrame(encodeLogUpdate(stretch));
    let frames = 0;
    for (const reader of channel.readers.values()) {
      if (reader.behind || !reader.isListening) continue;
      if (reader.connection.isBusy()) {
        reader.behind = sent;
        continue;
      }
      reader.connection.send(frame);
      frames += 1;
    }
    if (frames === 0) return;
    noteDelivery(stretch, frames);
    // Not counted for those who are behind: that would be how slow they are.
    metrics.lagged("room", clock.now() - since);
  };

  const flush = async (id: LogId): Promise<void> => {
    // One at a time a log: two that overlap would each take the other's rows for sent.
    if (flushing.has(id)) return void dirty.add(id);
    flushing.add(id);
    try {
      for (const channel of channelsByLog.get(id)?.values() ?? []) await flushChannel(channel);
    } catch (error) {
      failed.add(id);
      throw error;
    } finally {
      flushing.delete(id);
      if (dirty.has(id)) schedule();
    }
  };

  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    // All that this turn's commits wrote goes out together.
    setImmediate(() => {
      isScheduled = false;
      const ids = dirty;
      dirty = new Set();
      for (const id of ids) background(flush(id));
    });
  };

  const changed = (id: LogId): void => {
    if (!channelsByLog.has(id)) return;
    dirty.add(id);
    if (!flushing.has(id)) schedule();
  };

  const close = (id: LogId, userId: UserId): void => {
    for (const channel of channelsByLog.get(id)?.values() ?? []) {
      for (const { connection } of channel.readers.values()) {
        if (connection.userId === userId) connection.close(CLOSE_CODES.forbidden, "No longer a member");
      }
    }
  };

  return {
    open: (address) => {
      const openChannel = (): Channel | undefined => channelsByLog.get(address.id)?.get(address.segment);
      return {
        // Not before: a socket that is refused after all would leave an empty channel behind.
        onOpen: (connection) => {
          channelOf(address).readers.set(connection, { connection, isListening: false, behind: undefined });
          hiding.enter(connection.userId);
        },
        onMessage: async (connection, message) => {
          const channel = openChannel();
          const reader = channel?.readers.get(connection);
          if (!channel || !reader) return;
          if (message.type === "step-one") return answerStepOne(channel, reader, message.stateVector);
          // A log is written by the server alone. Not even an offence: a stock client answers step 1 with what it has.
          if (message.type === "update") return;
          // Not a frame of hers goes out before it is known who is not to see it.
          await hiding.known(connection.userId);
          if (channel.readers.has(connection)) hearPresence(channel.presence, connection, message);
        },
        onDrain: (connection) => {
          const channel = openChannel();
          const reader = channel?.readers.get(connection);
          if (channel && reader?.behind) background(catchUp(channel, reader));
        },
        onClose: (connection) => {
          const channel = openChannel();
          if (channel) leave(channel, connection);
        },
      };
    },
    changed,
    hasOpen: (sessionId, id) => {
      for (const { readers } of channelsByLog.get(id)?.values() ?? []) {
        for (const connection of readers.keys()) if (connection.sessionId === sessionId) return true;
      }
      return false;
    },
    close,
    recheckReaders: async () => {
      hiding.recheck();
      for (const id of channelsByLog.keys()) {
        for (const userId of await access.formerReaders(id)) close(id, userId);
      }
    },
    blocksChanged: hiding.changed,
    tick: () => {
      hiding.tick();
      for (const id of failed) changed(id);
      failed.clear();
      const again = [...stalled];
      stalled.clear();
      for (const [reader, channel] of again) {
        if (channel.readers.has(reader.connection)) background(catchUp(channel, reader));
      }
      for (const segments of channelsByLog.values()) {
        for (const { presence, readers } of segments.values()) tellPresence(presence, readers.keys());
      }
    },
  };
};
