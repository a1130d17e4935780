import type { Database, UnitOfWork } from "@edvoyage/db";
import type { MessageId, NotificationId, PushProviderName, RoomId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { addDeliveries, devicesInRoom, outboxQueries as queries, settleEvents } from "./outbox.store.ts";

/**
 * What happened and devices are to be told of. Whoever causes it writes one row in her own transaction, however many it
 * is for; deliveries are made of it afterwards.
 */
export interface PushOutbox {
  /** Belongs to the unit of work that sends the message. */
  messageSent(tx: UnitOfWork, id: MessageId, now: number): Promise<void>;
  /** Belongs to the unit of work that adds the notification. */
  notified(
    tx: UnitOfWork,
    notification: { readonly userId: UserId; readonly id: NotificationId },
    now: number,
  ): Promise<void>;
  /** Makes deliveries of some of it, for devices of these providers; returns whether there was anything. */
  expand(providers: readonly PushProviderName[]): Promise<boolean>;
}

export interface PushOutboxDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Without it nothing is written: nobody would ever send it. */
  readonly isOn: boolean;
  /** Told after the commit that there is something to expand. */
  readonly onAdded: () => void;
}

/** Events, and members of a room, that one transaction takes: others wait for it. */
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
      if (!(await database.read.first(queries.any, {}))) return false;
      return database.write(async (tx) => {
        // One node at a time: what another has just expanded is gone when this one looks.
        await tx.lock("push:expand");
        const events = await tx.all(queries.next, { limit: MAX_EVENTS });
        const rooms = new Map<string, RoomEvents>();
        const done: string[] = [];
        for (const { id, kind, subject_id, user_id, after_user_id, log_id, ...entry } of events) {
          if (kind === "notification" && user_id !== null) {
            const notification = toNotificationId(subject_id);
            const devices = await tx.all(queries.devicesOf, { userId: user_id, id: notification });
            const keys = devices.filter((one) => providers.includes(one.provider)).map(({ key }) => key);
            const about = { kind, subjectId: notification, from: BEGINNING, now: clock.now() };
            await addDeliveries(tx, keys, about);
          }
          const { segment, position, author_id } = entry;
          if (kind === "notification" || log_id === null || segment === null || position === null) {
            done.push(id);
            continue;
          }
          // Messages of a room go out together, whoever wrote how many.
          const after = after_user_id ?? "";
          const room = rooms.get(`${log_id} ${after}`) ?? { roomId: log_id, after, events: [] };
          room.events.push({ id, segment, position, author_id });
          rooms.set(`${log_id} ${after}`, room);
        }
        if (done.length > 0) await settleEvents(tx, done, undefined);
        for (const room of rooms.values()) await expandRoom(tx, room, providers);
        return events.length > 0;
      });
    },
  };
};

interface RoomEvents {
  readonly roomId: RoomId;
  /** Members up to this one have their deliveries. */
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
