import type { Database, UnitOfWork } from "@edvoyage/db";
import type { MessageId, NotificationId, PushProviderName, RoomId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { addDeliveries, devicesInRoom, outboxQueries as queries, settleEvents } from "./outbox.store.ts";

/**
 * Events that devices are to be told of. The unit of work that causes an event adds one row, however many devices it is
 * for; `expand` makes deliveries from it afterwards.
 */
export interface PushOutbox {
  /** Adds an event for a message. Call it in the unit of work that sends the message. */
  messageSent(tx: UnitOfWork, id: MessageId, now: number): Promise<void>;
  /** Adds an event for a notification. Call it in the unit of work that adds the notification. */
  notified(
    tx: UnitOfWork,
    notification: { readonly userId: UserId; readonly id: NotificationId },
    now: number,
  ): Promise<void>;
  /** Makes deliveries from a batch of events, for devices of these providers; returns whether there were any events. */
  expand(providers: readonly PushProviderName[]): Promise<boolean>;
}

export interface PushOutboxDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  /** `false` when no provider is configured. Nothing is written then, because nothing would ever send it. */
  readonly isOn: boolean;
  /** Called after the commit, when there is something to expand. */
  readonly onAdded: () => void;
}

/** The most events, and members of a room, that one transaction handles: other writes wait for it. */
const MAX_EVENTS = 200;
const MAX_MEMBERS = 64;

export const createPushOutbox = (deps: PushOutboxDeps): PushOutbox => {
  const { database, clock, newId, isOn, onAdded } = deps;

  const expandRoom = async (
    tx: UnitOfWork,
    { roomId, events, after }: RoomEvents,
    providers: readonly PushProviderName[],
  ): Promise<void> => {
    const page = await tx.all(queries.membersAfter, { roomId, after, limit: MAX_MEMBERS });
    const authors = new Set(events.map(({ author_id }) => author_id));
    const [onlyAuthor] = authors.size === 1 ? authors : [];
    const userIds = page.map((row) => row.user_id).filter((userId) => userId !== onlyAuthor);
    const places = events.map(({ segment, position }) => ({ segment, position })).sort(comparePlaces);
    const [from, newest] = [places[0], places.at(-1)];
    if (from && newest && userIds.length > 0) {
      const devices = await devicesInRoom(tx, { roomId, userIds, newest, providers });
      const about = { kind: "message", subjectId: roomId, from, now: clock.now() } as const;
      await addDeliveries(
        tx,
        devices.map(({ key }) => key),
        about,
      );
    }
    const last = page.length === MAX_MEMBERS ? page.at(-1)?.user_id : undefined;
    await settleEvents(
      tx,
      events.map(({ id }) => id),
      last,
    );
  };

  return {
    messageSent: async (tx, subjectId, now) => {
      if (!isOn) return;
      if (await tx.first(queries.addMessage, { id: newId(now), subjectId })) tx.onCommit(onAdded);
    },

    notified: async (tx, { userId, id: subjectId }, now) => {
      if (!isOn) return;
      if (await tx.first(queries.addNotification, { id: newId(now), subjectId, userId }))
        tx.onCommit(onAdded);
    },

    expand: async (providers) => {
      if (!(await database.read.first(queries.anyEvent, {}))) return false;
      return database.write(async (tx) => {
        // One node at a time: otherwise two nodes would expand the same events.
        await tx.lock("push:expand");
        const events = await tx.all(queries.oldestEvents, { limit: MAX_EVENTS });
        const rooms = new Map<string, RoomEvents>();
        const settledIds: string[] = [];
        for (const { id, kind, subject_id, user_id, after_user_id, log_id, ...entry } of events) {
          if (kind === "notification" && user_id !== null) {
            const notification = toNotificationId(subject_id);
            const devices = await tx.all(queries.devicesOf, { userId: user_id, id: notification });
            const keys = devices.filter(({ provider }) => providers.includes(provider)).map(({ key }) => key);
            const about = { kind, subjectId: notification, from: BEGINNING, now: clock.now() };
            await addDeliveries(tx, keys, about);
          }
          const { segment, position, author_id } = entry;
          if (kind === "notification" || log_id === null || segment === null || position === null) {
            settledIds.push(id);
            continue;
          }
          // Group the messages of a room, whoever wrote them: a device gets one delivery for all of them.
          const after = after_user_id ?? "";
          const room = rooms.get(`${log_id} ${after}`) ?? { roomId: log_id, after, events: [] };
          room.events.push({ id, segment, position, author_id });
          rooms.set(`${log_id} ${after}`, room);
        }
        if (settledIds.length > 0) await settleEvents(tx, settledIds, undefined);
        for (const room of rooms.values()) await expandRoom(tx, room, providers);
        return events.length > 0;
      });
    },
  };
};

interface RoomEvents {
  readonly roomId: RoomId;
  /** Members up to this one already have their deliveries. */
  readonly after: string;
  readonly events: {
    readonly id: string;
    readonly segment: number;
    readonly position: number;
    readonly author_id: string | null;
  }[];
}

interface Place {
  readonly segment: number;
  readonly position: number;
}

const BEGINNING: Place = { segment: 0, position: 0 };

const comparePlaces = (one: Place, other: Place): number =>
  one.segment - other.segment || one.position - other.position;

const toNotificationId = (id: string): NotificationId => id as NotificationId;
