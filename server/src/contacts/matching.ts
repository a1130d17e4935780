import type { UnitOfWork } from "@edvoyage/db";
import type { ContactId, UserId } from "@edvoyage/protocol";
import type { Areas } from "../inbox/areas.ts";
import { contactNumberQueries as queries } from "./contact-numbers.store.ts";
import { contactQueries } from "./contacts.store.ts";

/**
 * Decides when a number in a student's contacts shows who holds it: when both students have each other's number, or when the
 * holder is findable. It never does so while the holder has blocked the owner of the list. An entry that was shown once stays
 * shown, whatever the holder changes later: the owner knows it already, and the holder can still block the owner.
 */
export interface Matching {
  /** Locks these numbers against other decisions about them. Take it before every other lock of the unit of work. */
  lockNumbers(tx: UnitOfWork, phones: readonly string[]): Promise<void>;
  /** Locks the contact lists of these owners. Take it after the locks of numbers. */
  lockLists(tx: UnitOfWork, owners: readonly string[]): Promise<void>;
  /**
   * Gives a number that students added before anybody held it to the first student who registers with it. Later holders of
   * the number do not get these entries.
   */
  registered(tx: UnitOfWork, user: { readonly id: UserId; readonly phone: string }): Promise<void>;
  /** Shows a student, who is findable from now on, to everybody who already has their number. */
  becameFindable(tx: UnitOfWork, userId: UserId, now: number): Promise<void>;
  /**
   * Shows each of two students to the other if that is now allowed. The caller holds the locks of both numbers and both
   * lists.
   */
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
      if (!shown) throw new Error("A contact is missing right after it was written");
      await tx.all(queries.setContact, {
        ...pair,
        id,
        nickname: shown.nickname,
        isFavourite: shown.is_favourite,
      });
      await areas.touch(tx, ownerId, { area: "contacts", now });
    }
  };

  /** Returns 1 for a findable student, otherwise 0. */
  const findableFlag = async (tx: UnitOfWork, userId: UserId): Promise<number> =>
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
      const holder = { holderId: userId, isFindable: 1 };
      const hidden = await tx.all(queries.matchableOf, holder);
      await lockLists(
        tx,
        hidden.map((entry) => entry.owner_id),
      );
      // Read the entries again: one may have been removed while this waited for the locks.
      await show(tx, userId, { entries: await tx.all(queries.matchableOf, holder), now });
    },

    between: async (tx, [first, second], now) => {
      for (const [ownerId, holderId] of [
        [first, second],
        [second, first],
      ] as const) {
        const isHolderFindable = await findableFlag(tx, holderId);
        const entries = await tx.all(queries.matchablePair, {
          ownerId,
          holderId,
          isFindable: isHolderFindable,
        });
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
