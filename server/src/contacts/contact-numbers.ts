import type { UnitOfWork } from "@edvoyage/db";
import type { ContactId, Limits, UserId } from "@edvoyage/protocol";
import { DAY_MS, secondsUntil } from "../platform/clock.ts";
import type { CommandSource } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { parseWrittenPhone } from "../numbers/phone.ts";
import { contactNumberQueries as queries, contactQueries, type ContactNumberRow } from "./contacts.store.ts";
import type { ContactChange } from "./contacts.ts";
import type { Matching } from "./matching.ts";

/** Numbers among contacts, whoever has them. */
export interface ContactNumbers {
  /**
   * Adds a number with the command's id as its own, or finds it. The same is done, in the same order, for a number that is a
   * student's and for one that is not. Throws `phone/invalid`, `input/invalid`, `limit/reached`, `rate/limited`.
   */
  add(
    tx: UnitOfWork,
    asking: CommandSource,
    input: {
      readonly phone: string;
      readonly nickname: string | null | undefined;
      readonly now: number;
    },
  ): Promise<{ readonly id: ContactId }>;
  /** Throws `conflict` for a block: there is nobody to be blocked. */
  update(
    tx: UnitOfWork,
    ownerId: UserId,
    change: { readonly row: ContactNumberRow; readonly input: ContactChange; readonly now: number },
  ): Promise<void>;
  phoneOf(tx: UnitOfWork, userId: UserId): Promise<string>;
}

export interface ContactNumbersDeps {
  readonly limits: Pick<Limits, "contactNumbers" | "contactNumberBurst" | "contactNumbersPerDay">;
  readonly newId: NewId;
  readonly matching: Matching;
}

export const createContactNumbers = ({ limits, newId, matching }: ContactNumbersDeps): ContactNumbers => {
  const msPerToken = DAY_MS / limits.contactNumbersPerDay;

  const phoneOf: ContactNumbers["phoneOf"] = async (tx, userId) => {
    const user = await tx.first(contactQueries.user, { id: userId });
    if (!user) throw new AppError("not-found", "There is no such student.");
    return user.phone;
  };

  /** Also for a number that is on the list: it may have a new holder, who is asked after. */
  const takeToken = async (tx: UnitOfWork, ownerId: UserId, now: number): Promise<void> => {
    const known = await tx.first(queries.allowance, { ownerId });
    const fullAt = Math.ceil(Math.max(now, known?.full_at ?? now) + msPerToken);
    const allowedAt = fullAt - limits.contactNumberBurst * msPerToken;
    if (allowedAt > now) {
      throw new AppError("rate/limited", "Too many numbers at once. Add more later.", {
        retryAfterSeconds: secondsUntil(allowedAt, now),
      });
    }
    await tx.all(queries.setAllowance, { ownerId, fullAt });
  };

  const assertMayAdd = async (tx: UnitOfWork, ownerId: UserId, id: ContactId): Promise<void> => {
    const owned = await tx.first(queries.countNumbers, { ownerId });
    if (owned && owned.count >= limits.contactNumbers) {
      throw new AppError("limit/reached", "The list has no place for more numbers.", {
        limit: "contactNumbers",
      });
    }
    if (await tx.first(queries.numberById, { ownerId, id })) {
      throw invalid("commandId", "Already used with another content");
    }
  };

  return {
    phoneOf,

    add: async (tx, { userId: ownerId, commandId }, { phone: written, nickname, now }) => {
      const own = await phoneOf(tx, ownerId);
      const phone = parseWrittenPhone(written, own);
      if (phone === own) throw invalid("phone", "Your own number");
      await matching.lockNumbers(tx, [own, phone]);
      const holderId = (await tx.first(queries.userByPhone, { phone }))?.id ?? null;
      // As many locks for a number that is nobody's.
      await matching.lockLists(tx, [ownerId, holderId ?? phone]);
      await takeToken(tx, ownerId, now);
      const known = await tx.first(queries.numberByPhone, { ownerId, phone });
      const id = known?.id ?? toContactId(commandId ?? newId(now));
      if (!known) {
        await assertMayAdd(tx, ownerId, id);
        const isBound = Number(holderId !== null);
        const kept = { ownerId, id, phone, nickname: nickname ?? null };
        await tx.all(queries.insertNumber, { ...kept, isBound, holderId, now });
      } else if (known.contact_id !== null) {
        if (nickname !== undefined) {
          await tx.all(contactQueries.setNickname, { ownerId, contactId: known.contact_id, nickname, now });
        }
      } else {
        // Whose the number was is gone, and the owner adds it again: now it may be somebody else's.
        const isLost = known.is_bound === 1 && known.holder_id === null;
        await tx.all(queries.updateNumber, {
          ownerId,
          id,
          nickname: nickname === undefined ? known.nickname : nickname,
          isFavourite: known.is_favourite,
          isBound: isLost ? Number(holderId !== null) : known.is_bound,
          holderId: isLost ? holderId : known.holder_id,
          now,
        });
      }
      // As many questions for a number that is nobody's.
      await matching.between(tx, [ownerId, holderId ?? NOBODY], now);
      return { id };
    },

    update: async (tx, ownerId, { row, input: { nickname, favourite, blocked }, now }) => {
      if (blocked === true) {
        throw new AppError("conflict", "A number is not blocked before it is known whose it is.");
      }
      const number = await tx.first(queries.numberById, { ownerId, id: row.id });
      if (!number) return;
      await tx.all(queries.updateNumber, {
        ownerId,
        id: row.id,
        nickname: nickname === undefined ? number.nickname : nickname,
        isFavourite: favourite === undefined ? number.is_favourite : Number(favourite),
        isBound: number.is_bound,
        holderId: number.holder_id,
        now,
      });
    },
  };
};

const NOBODY = "" as UserId;

const toContactId = (text: string): ContactId => text as ContactId;

const invalid = (path: string, message: string) =>
  new AppError("input/invalid", `${message}.`, { issues: [{ path, message }] });
