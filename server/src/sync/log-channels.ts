import { CLOSE_CODES, type Limits, type LogId, type SessionId, type UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/crypto.ts";
import type { Connection, ConnectionHandler } from "./connection.ts";
import { awarenessFrame, stepTwoFrame, updateFrame } from "./frames.ts";
import { createBlockFilter } from "./hiding.ts";
import { encodeLogUpdate, splitStretch, type LogStretch } from "./log-encoder.ts";
import type { RoomLogs, ReaderPosition, SegmentState } from "./room-logs.ts";
import { createPresence, receivePresence, broadcastPresence, type Presence } from "./presence.ts";
import type { LogAccess, SyncMetrics } from "./log-access.ts";
import { checkStateVector } from "./update-check.ts";

/** The open segments of logs and their readers. It keeps no entries in memory: everything that it sends comes from rows. */
export interface LogChannels {
  /** Returns the handler of a socket of one segment. The caller has checked access. */
  open(address: SegmentAddress): ConnectionHandler;
  /** Sends the readers of a log what they lack, at the end of this turn of the event loop. */
  changed(id: LogId): void;
  /** Whether a session has a socket of any segment of a log on this node. */
  hasOpen(sessionId: SessionId, id: LogId): boolean;
  /** Closes a student's sockets of a log. */
  close(id: LogId, userId: UserId): void;
  /**
   * Closes the sockets of students who may no longer read their log, and reads all blocks again. For the case that changes
   * were missed.
   */
  recheckReaders(): Promise<void>;
  /** Call when a student's blocks may have changed: updates from whom their presence is hidden, in all rooms. */
  blocksChanged(userId: UserId): void;
  /** Sends changes of presence since the last call, and retries failed reads. Called a few times a second. */
  tick(): void;
}

/** One segment of a log. */
export interface SegmentAddress {
  readonly id: LogId;
  readonly segment: number;
}

export interface LogChannelsDeps {
  readonly logs: Pick<RoomLogs, "segment" | "read" | "formerWriters">;
  readonly access: LogAccess;
  /** Reads the students who must not see a student's presence. */
  readonly hiddenFrom: (userId: UserId) => Promise<readonly UserId[]>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly metrics: Pick<SyncMetrics, "framesDelivered" | "entriesDelivered" | "lagged">;
  /** Runs a task that no reply waits for. */
  readonly background: (task: Promise<unknown>) => void;
}

interface Reader {
  readonly connection: Connection;
  /** True from its first step 1 on. */
  isListening: boolean;
  /** Its position when it became too busy to be sent more; `undefined` while it is up to date. */
  behind: ReaderPosition | undefined;
}

interface Channel extends SegmentAddress {
  /**
   * The state up to which all readers were sent, except those behind; `undefined` until the first reader was sent
   * something.
   */
  sent: SegmentState | undefined;
  readonly readers: Map<Connection, Reader>;
  readonly presence: Presence<Connection>;
}

/** How long forked copies of a student and log are counted; see `FORKS_BEFORE_REFUSAL`. */
const FORK_MEMORY_MS = 60_000;
/** After this many forked copies the client is refused; a client that cannot drop its copy would retry for ever. */
const FORKS_BEFORE_REFUSAL = 3;
const MAX_FORKS_REMEMBERED = 10_000;

/** The bytes of one frame of a log: a line of 4 kB/s delivers it in four seconds, and clients give up after 30 without any. */
const FRAME_BYTES = 16 * 1024;

export const createLogChannels = (deps: LogChannelsDeps): LogChannels => {
  const { logs, access, clock, random, limits, metrics, background } = deps;
  const channelsByLog = new Map<LogId, Map<number, Channel>>();
  const forksByReader = new Map<string, number[]>();
  let dirty = new Set<LogId>();
  const flushing = new Set<LogId>();
  /** Logs whose rows could not be read. */
  const failed = new Set<LogId>();
  /** Readers that could not catch up because of a failed read, with their channels. */
  const stalled = new Map<Reader, Channel>();

  const blocks = createBlockFilter({
    hiddenFrom: deps.hiddenFrom,
    background,
    onChange: ({ userId, hidden }) => {
      for (const segments of channelsByLog.values()) {
        for (const { presence, readers } of segments.values()) {
          const removal = presence.reannounce(userId);
          if (!removal) continue;
          for (const connection of readers.keys()) {
            if (hidden.has(connection.userId)) connection.send(awarenessFrame(removal));
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
        hiddenFrom: blocks.hiddenFrom,
      });
      segments.set(segment, (channel = { id, segment, sent: undefined, readers: new Map(), presence }));
    }
    return channel;
  };

  const leave = (channel: Channel, connection: Connection): void => {
    if (channel.readers.delete(connection)) blocks.leave(connection.userId);
    channel.presence.leave(connection);
    if (channel.readers.size > 0) return;
    const segments = channelsByLog.get(channel.id);
    if (segments?.get(channel.segment) === channel) segments.delete(channel.segment);
    if (segments?.size === 0) channelsByLog.delete(channel.id);
  };

  /** Whether the copy behind a state vector has content that was never in these rows. */
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
    const now = clock.monotonicNow();
    const key = `${connection.userId} ${id}`;
    const recent = (forksByReader.get(key) ?? []).filter((at) => now - at < FORK_MEMORY_MS);
    if (forksByReader.size >= MAX_FORKS_REMEMBERED) forksByReader.clear();
    forksByReader.set(key, [...recent, now]);
    if (recent.length + 1 < FORKS_BEFORE_REFUSAL)
      return connection.close(
        CLOSE_CODES.forked,
        "This copy belongs to another history of this log: drop it",
      );
    forksByReader.delete(key);
    connection.close(
      CLOSE_CODES.forbidden,
      "This copy belongs to another history of this log, and the client did not drop it",
    );
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
    // Listen before reading the rows: a commit in between then arrives twice instead of never.
    reader.isListening = true;
    const before = await logs.segment(channel.id, channel.segment);
    if (!before)
      return connection.close(CLOSE_CODES.forbidden, "There is no such document, or it is not yours");
    if (await isForked(channel, before, clockByClient)) return refuseFork(connection, channel.id);
    const length = clockByClient.get(before.writerId) ?? 0;
    const { state, stretch } = await logs.read(channel.id, channel.segment, {
      length,
      redactionRevision: undefined,
    });
    // Check access after reading the rows: who may read now could read them then, too.
    const first = await access.firstReadableSegment(channel.id, connection.userId);
    if (first === undefined || channel.segment < first)
      return connection.close(CLOSE_CODES.forbidden, "There is no such document, or it is not yours");
    const parts = splitStretch(stretch, FRAME_BYTES);
    for (const [index, part] of parts.entries()) {
      const frameOf = index < parts.length - 1 ? updateFrame : stepTwoFrame;
      connection.send(frameOf(encodeLogUpdate(part)));
    }
    noteDelivery(stretch, 1);
    const others = channel.presence.others(connection);
    if (others) connection.send(awarenessFrame(others));
    if (channel.sent) return;
    // For the first reader: a commit since its rows were read was sent to nobody, so check again.
    channel.sent = state;
    changed(channel.id);
  };

  /** Sends a reader what it missed while it was busy. */
  const catchUp = async (channel: Channel, reader: Reader): Promise<void> => {
    try {
      await sendMissed(channel, reader);
    } catch (error) {
      // Nothing else is sent to it meanwhile, so its socket never emits drain again: retry at the next tick.
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
    // Check after reading the rows: no student gets a row that came after they left.
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
    // Do not count readers that are behind: that would measure how slow they are.
    metrics.lagged("room", clock.now() - since);
  };

  const flush = async (id: LogId): Promise<void> => {
    // One flush at a time for each log: two that overlap would each treat the other's rows as sent.
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
    // Send everything that this turn's commits wrote together.
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
        // Create the channel only now; otherwise a refused socket would leave an empty channel behind.
        onOpen: (connection) => {
          channelOf(address).readers.set(connection, { connection, isListening: false, behind: undefined });
          blocks.enter(connection.userId);
        },
        onMessage: async (connection, message) => {
          const channel = openChannel();
          const reader = channel?.readers.get(connection);
          if (!channel || !reader) return;
          if (message.type === "step-one") return answerStepOne(channel, reader, message.stateVector);
          // Ignore it: only the server writes a log. Not an error: an unmodified client answers step 1 with its state.
          if (message.type === "update") return;
          // Send nothing about the student before it is known who must not see it.
          await blocks.ready(connection.userId);
          if (channel.readers.has(connection)) receivePresence(channel.presence, connection, message);
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
      blocks.recheck();
      for (const id of channelsByLog.keys()) {
        for (const userId of await access.formerReaders(id)) close(id, userId);
      }
    },
    blocksChanged: blocks.blocksChanged,
    tick: () => {
      blocks.tick();
      for (const id of failed) changed(id);
      failed.clear();
      const retries = [...stalled];
      stalled.clear();
      for (const [reader, channel] of retries) {
        if (channel.readers.has(reader.connection)) background(catchUp(channel, reader));
      }
      for (const segments of channelsByLog.values()) {
        for (const { presence, readers } of segments.values()) broadcastPresence(presence, readers.keys());
      }
    },
  };
};
