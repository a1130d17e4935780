import type { UnitOfWork } from "@edvoyage/db";
import type { ContactId, UserId } from "@edvoyage/protocol";
import type { Areas } from "../inbox/areas.ts";
import { contactNumberQueries as queries, contactQueries } from "./contacts.store.ts";

/**
 * Decides when a number in a list shows whose it is: when both have each other's number, or whoever has it lets herself be
 * found; never while she has blocked the owner. What was shown once stays, whatever she changes later: it cannot be
 * untold, and the one who is to see nothing more is blocked.
 */
export interface Matching {
  /** Waits until nothing else decides about one of these numbers. Before any other lock of the unit. */
  lockNumbers(tx: UnitOfWork, phones: readonly string[]): Promise<void>;
  /** Waits until nobody else changes the contacts of these. After those of numbers. */
  lockLists(tx: UnitOfWork, owners: readonly string[]): Promise<void>;
  /** Numbers that were added before there was anybody with them are of the first who registers, and of nobody after. */
  registered(tx: UnitOfWork, user: { readonly id: UserId; readonly phone: string }): Promise<void>;
  /** She lets herself be found from now on: she is, by all who have her number already. */
  becameFindable(tx: UnitOfWork, userId: UserId, now: number): Promise<void>;
  /** Something changed between two: each that may see the other from now on does. Both numbers and lists are locked. */
  between(tx: UnitOfWork, pair: readonly [UserId, UserId], now: number): Promise<void>;
}

export const createMatching = ({ areas }: { readonly areas: Pick<Areas, "touch"> }): Matching => {
  const show = async (
    tx: UnitOfWork,
    holderId: UserId,
    { entries, now }: { readonly entries: readonly Matchable[]; readonly now: number },
  ): Promise<void> => {
    for (const { owner_id: ownerId, id, nickname, is_favourite: isFavourite } of entries) {
      const pair = { ownerId, contactId: holderId };
      const shown = await tx.first(queries.addMatched, { ...pair, id, nickname, isFavourite, now });
      if (!shown) throw new Error("A contact is gone as soon as it was written");
      await tx.all(queries.setContact, {
        ...pair,
        id,
        nickname: shown.nickname,
        isFavourite: shown.is_favourite,
      });
      await areas.touch(tx, ownerId, { area: "contacts", now });
    }
  };

  const isFindable = async (tx: UnitOfWork, userId: UserId): Promise<number> =>
    (await tx.first(queries.findable, { userId }))?.findable ?? 0;

  const lockAll = async (tx: UnitOfWork, keys: readonly string[]): Promise<void> => {
    for (const key of [...new Set(keys)].sort()) await tx.lock(key);
  };

  const lockNumbers: Matching["lockNumbers"] = (tx, phones) =>
    lockAll(
      tx,
      phones.map((phone) => `contact-number:${phone}`),
    );

  const lockLists: Matching["lockLists"] = (tx, owners) =>
    lockAll(
      tx,
      owners.map((owner) => `contacts:${owner}`),
    );

  return {
    lockNumbers,
    lockLists,

    registered: async (tx, { id, phone }) => {
      await lockNumbers(tx, [phone]);
      await tx.all(queries.bind, { phone, holderId: id });
    },

    becameFindable: async (tx, userId, now) => {
      const user = await tx.first(contactQueries.user, { id: userId });
      if (!user) return;
      await lockNumbers(tx, [user.phone]);
      const param = { holderId: userId, isFindable: 1 };
      const waiting = await tx.all(queries.matchableOf, param);
      await lockLists(
        tx,
        waiting.map((entry) => entry.owner_id),
      );
      // Again: an entry may have gone while its list was waited for.
      await show(tx, userId, { entries: await tx.all(queries.matchableOf, param), now });
    },

    between: async (tx, [one, other], now) => {
      for (const [ownerId, holderId] of [
        [one, other],
        [other, one],
      ] as const) {
        const isOpen = await isFindable(tx, holderId);
        const entries = await tx.all(queries.matchablePair, { ownerId, holderId, isFindable: isOpen });
        await show(tx, holderId, { entries, now });
      }
    },
  };
};

interface Matchable {
  readonly owner_id: UserId;
  readonly id: ContactId;
  readonly nickname: string | null;
  readonly is_favourite: number;
}
