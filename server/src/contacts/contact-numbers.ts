import type { UnitOfWork } from "@edvoyage/db";
import type { ContactChange, ContactId, Limits, UserId } from "@edvoyage/protocol";
import { DAY_MS, secondsUntil } from "../platform/clock.ts";
import type { CommandSource } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { parseWrittenPhone } from "../numbers/phone.ts";
import { contactNumberQueries as queries, type ContactNumberRow } from "./contact-numbers.store.ts";
import { contactQueries } from "./contacts.store.ts";
import type { Matching } from "./matching.ts";

/** Phone numbers in a student's contacts, whether or not a student holds them. */
export interface ContactNumbers {
  /**
   * Adds a number, with the command's id as the entry's id, or returns the existing entry. It takes the same steps in the same
   * order whether or not a student holds the number, so that timing does not tell who is registered. Throws `phone/invalid`,
   * `input/invalid`, `limit/reached`, `rate/limited`.
   */
  add(
    tx: UnitOfWork,
    source: CommandSource,
    input: {
      readonly phone: string;
      readonly nickname: string | null | undefined;
      readonly now: number;
    },
  ): Promise<{ readonly id: ContactId }>;
  /** Changes the entry of a number. Throws `conflict` for a block, because the entry shows no student to block. */
  update(
    tx: UnitOfWork,
    ownerId: UserId,
    change: { readonly row: ContactNumberRow; readonly input: ContactChange; readonly now: number },
  ): Promise<void>;
  /** Returns a student's own number. Throws `not-found`. */
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

  /** Counts numbers that are already on the list too: adding one again may ask about a new holder. */
  const takeToken = async (tx: UnitOfWork, ownerId: UserId, now: number): Promise<void> => {
    const allowance = await tx.first(queries.allowance, { ownerId });
    const fullAt = Math.ceil(Math.max(now, allowance?.full_at ?? now) + msPerToken);
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
      throw new AppError("limit/reached", "This list has reached the limit of numbers.", {
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
      // As many locks for a number that no student holds.
      await matching.lockLists(tx, [ownerId, holderId ?? phone]);
      await takeToken(tx, ownerId, now);
      const existing = await tx.first(queries.numberByPhone, { ownerId, phone });
      const id = existing?.id ?? toContactId(commandId ?? newId(now));
      if (!existing) {
        await assertMayAdd(tx, ownerId, id);
        const isBound = Number(holderId !== null);
        const entry = { ownerId, id, phone, nickname: nickname ?? null };
        await tx.all(queries.insertNumber, { ...entry, isBound, holderId, now });
      } else if (existing.contact_id !== null) {
        if (nickname !== undefined) {
          await tx.all(contactQueries.setNickname, {
            ownerId,
            contactId: existing.contact_id,
            nickname,
            now,
          });
        }
      } else {
        // The former holder has been erased. By adding the number again, the owner binds it to a new holder.
        const hasLostHolder = existing.is_bound === 1 && existing.holder_id === null;
        await tx.all(queries.updateNumber, {
          ownerId,
          id,
          nickname: nickname === undefined ? existing.nickname : nickname,
          isFavourite: existing.is_favourite,
          isBound: hasLostHolder ? Number(holderId !== null) : existing.is_bound,
          holderId: hasLostHolder ? holderId : existing.holder_id,
          now,
        });
      }
      // As many queries for a number that no student holds.
      await matching.between(tx, [ownerId, holderId ?? NO_HOLDER], now);
      return { id };
    },

    update: async (tx, ownerId, { row, input: { nickname, favourite, blocked }, now }) => {
      if (blocked === true) {
        throw new AppError("conflict", "A number cannot be blocked until it shows who holds it.");
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

const NO_HOLDER = "" as UserId;

const toContactId = (text: string): ContactId => text as ContactId;

const invalid = (path: string, message: string) =>
  new AppError("input/invalid", `${message}.`, { issues: [{ path, message }] });
