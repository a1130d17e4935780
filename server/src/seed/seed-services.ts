import type { Database, UnitOfWork } from "@edvoyage/db";
import { defaultLimits, type Limits } from "@edvoyage/protocol";
import { createAdmissions } from "../applications/admissions.ts";
import { createApplications } from "../applications/applications.ts";
import type { Auth } from "../auth/auth.ts";
import { createChat } from "../chat/chat.ts";
import type { Clock } from "../platform/clock.ts";
import { createCommands } from "../commands/commands.ts";
import { createContacts } from "../contacts/contacts.ts";
import type { NewId, Random } from "../platform/crypto.ts";
import { createFavourites } from "../favourites/favourites.ts";
import { createAreas } from "../inbox/areas.ts";
import { createNotifications } from "../notifications/notifications.ts";
import { createProfiles } from "../profile/profile.ts";
import type { SeedServices } from "./action.ts";
import { createFictionalPhones } from "./phones.ts";
import { createSocial } from "../social/social.ts";
import { createDocuments } from "../sync/documents.ts";
import { createRoomLogs } from "../sync/room-logs.ts";

/** Weeks are done in seconds: what bounds how fast a student is bounds nobody here. */
const NEVER = 2 ** 31;
const UNHURRIED = {
  messageBurst: NEVER,
  postBurst: NEVER,
  commentBurst: NEVER,
  reactionBurst: NEVER,
  directRoomsWithStrangersPerDay: NEVER,
} satisfies Partial<Limits>;

/**
 * Puts the features together once more, for what seeded students do: inside one unit of work, at the instant of another
 * clock, without a word to sockets, phones or the audit log. How storage is laid out stays as it is configured; what students
 * may do is as by default, so that a world is the same wherever it is made.
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
    const inside: Database = { ...database, read: queue, write: (unit) => unit(queue) };
    const limits: Limits = { ...defaultLimits, ...UNHURRIED, segmentEvents, segmentBytes };
    const { read } = inside;
    const audit = { record: async () => {} };
    const commands = createCommands({ database: inside, clock });
    const areas = createAreas({ read, clock, inboxChanged: () => {} });
    const notifications = createNotifications({
      database: inside,
      commands,
      areas,
      push: { notified: async () => {} },
      newId,
    });
    const contacts = createContacts({ database: inside, commands, areas, newId, limits });
    const documents = createDocuments({
      database: inside,
      clock,
      limits,
      random,
      // A compaction, which nothing of so few updates needs.
      background: () => {},
      onStored: () => {},
    });
    const nextPhone = createFictionalPhones(queue);
    return {
      register: async ({ id, at }) => auth.register(queue, { id, phone: await nextPhone(), now: at }),
      profiles: createProfiles({
        read,
        clock,
        commands,
        areas,
        isBlocked: contacts.isBlocked,
        becameFindable: contacts.becameFindable,
      }),
      contacts,
      social: createSocial({
        database: inside,
        commands,
        areas,
        notifications,
        audit,
        clock,
        newId,
        limits,
      }),
      chat: createChat({
        database: inside,
        logs: createRoomLogs({ read, limits, newId, random }),
        commands,
        notifications,
        push: { messageSent: async () => {} },
        clock,
        newId,
        limits,
        hints: {
          logChanged: () => {},
          readerGone: () => {},
          inboxChanged: () => {},
          blocksChanged: () => {},
        },
      }),
      applications: createApplications({ database: inside, commands, areas, clock, newId, limits }),
      admissions: createAdmissions({ database: inside, audit, areas, notifications, clock }),
      favourites: createFavourites({ read, documents, commands, clock, limits }),
      notifications,
    };
  };

/** A unit of work that takes one query after the other: features ask a pool for several at once, and it has one connection. */
const createQueue = (tx: UnitOfWork): UnitOfWork => {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const answer = last.then(ask, ask);
    last = answer;
    return answer;
  };
  return {
    get kysely() {
      return tx.kysely;
    },
    all: (query, params) => inTurn(() => tx.all(query, params)),
    first: (query, params) => inTurn(() => tx.first(query, params)),
    lock: (key) => inTurn(() => tx.lock(key)),
    onCommit: tx.onCommit,
  };
};
