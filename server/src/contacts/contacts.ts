import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import type { ContactChange, ContactId, Limits, SentContact, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands, Receipt } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { createContactNumbers } from "./contact-numbers.ts";
import { contactNumberQueries, type ContactNumberRow } from "./contact-numbers.store.ts";
import { contactQueries as queries, type ContactRow } from "./contacts.store.ts";
import { createMatching, type Matching } from "./matching.ts";

/** A contact to add: a student, or a phone number. */
export type NewContact = { readonly nickname?: string | null | undefined } & (
  | { readonly userId: UserId; readonly phone?: undefined }
  /** As a person writes it: in international form, or as dialled in the country of the owner's own number. */
  | { readonly phone: string; readonly userId?: undefined }
);

/** Each student's own contact list. Nobody else sees it. */
export interface Contacts extends Pick<Matching, "registered" | "becameFindable"> {
  /** In order of the entries' ids. */
  list(
    ownerId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<SentContact>>;
  /**
   * Adds a contact. Adding one again only changes the nickname, if one is given. A repeated command returns the entry as it is
   * now, or with empty fields if it has been removed. The answer for a number does not tell whether a student holds it, until
   * both students have each other's number or the holder is findable. Throws `not-found` for an unknown student,
   * `phone/invalid`, `limit/reached` (contactNumbers), `rate/limited`.
   */
  add(source: CommandSource, input: NewContact): Promise<SentContact>;
  /**
   * Changes a contact. Blocking a student who is no contact yet adds them; any other change of such a student throws
   * `not-found`. Throws `conflict` for blocking a number that does not show who holds it.
   */
  update(source: CommandSource, input: ContactChange & { readonly userId: ContactId }): Promise<SentContact>;
  /** Removes a contact together with its block and its number. Throws `not-found`. */
  remove(
    source: CommandSource,
    input: { readonly userId: ContactId },
  ): Promise<{ readonly id: ContactId; readonly userId: UserId | null }>;
  /** Returns whether `by` has blocked `userId`, who then sees neither the presence nor the profile of `by`. */
  isBlocked(
    queries: Pick<Queries, "first">,
    pair: { readonly by: UserId; readonly userId: UserId },
  ): Promise<boolean>;
  /** Returns the students whom a student has blocked. */
  blockedBy(by: UserId): Promise<readonly UserId[]>;
}

export interface ContactsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "contactNumbers" | "contactNumberBurst" | "contactNumbersPerDay">;
}

/** An entry in a student's contacts, with its row. */
type Entry =
  | { readonly kind: "student"; readonly row: ContactRow }
  | { readonly kind: "number"; readonly row: ContactNumberRow };

export const createContacts = ({ database, commands, areas, newId, limits }: ContactsDeps): Contacts => {
  const { read } = database;
  const matching = createMatching({ areas });
  const numbers = createContactNumbers({ limits, newId, matching });

  /** Runs a change once per command and marks the owner's contacts as changed. */
  const change = <Kept extends Receipt<Kept>>(
    source: CommandSource,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Kept>,
  ): Promise<Kept> =>
    commands.execute(source, command, async (tx, now) => {
      const receipt = await act(tx, now);
      await areas.touch(tx, source.userId, { area: "contacts", now });
      return receipt;
    });

  /** Runs a change once per command and returns the entry as it is now, also when the command is repeated. */
  const changeEntry = async (
    source: CommandSource,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Entry>,
  ): Promise<SentContact> => {
    const changed = await change(source, command, async (tx, now) => {
      const contact = entryToContact(await act(tx, now));
      const { id, userId, createdAt, updatedAt } = contact;
      return { id, userId, createdAt, updatedAt };
    });
    const entry = await find(read, source.userId, changed.id);
    // The entry has gone since: another device removed it, or the student was erased. The command still took effect.
    return entry ? entryToContact(entry) : { ...REMOVED_ENTRY, ...changed };
  };

  const contactOf = async (tx: UnitOfWork, ownerId: UserId, contactId: UserId): Promise<Entry> => {
    const row = await tx.first(queries.byContact, { ownerId, contactId });
    if (!row) throw new Error("A contact is missing right after it was written");
    return { kind: "student", row };
  };

  const save = async (
    tx: UnitOfWork,
    { ownerId, contactId }: { readonly ownerId: UserId; readonly contactId: UserId },
    { input, now }: { readonly input: ContactChange; readonly now: number },
  ): Promise<Entry> => {
    const { nickname, favourite, blocked } = input;
    const existing = await tx.first(queries.byContact, { ownerId, contactId });
    const saved = {
      ownerId,
      contactId,
      nickname: nickname === undefined ? (existing?.nickname ?? null) : nickname,
      isFavourite: favourite === undefined ? (existing?.is_favourite ?? 0) : Number(favourite),
    };
    const isBlocked = blocked === undefined ? (existing?.is_blocked ?? 0) : Number(blocked);
    await tx.all(queries.upsert, { ...saved, isBlocked, now });
    if (existing && existing.phone !== null) await tx.all(contactNumberQueries.copyToNumber, saved);
    return contactOf(tx, ownerId, contactId);
  };

  const find = async (
    tx: Pick<Queries, "first">,
    ownerId: UserId,
    id: ContactId,
  ): Promise<Entry | undefined> => {
    const row =
      (await tx.first(queries.byId, { ownerId, id })) ??
      (await tx.first(queries.byContact, { ownerId, contactId: toUserId(id) }));
    if (row) return { kind: "student", row };
    const number = await tx.first(contactNumberQueries.numberById, { ownerId, id });
    if (!number) return undefined;
    // The owner had added the student before the number showed its holder: both ids mean the same entry.
    const merged =
      number.contact_id && (await tx.first(queries.byContact, { ownerId, contactId: number.contact_id }));
    return merged ? { kind: "student", row: merged } : { kind: "number", row: number };
  };

  /** Ending a block may let the other student see who holds a number. Call it before any other lock is taken. */
  const lockBoth = async (tx: UnitOfWork, ownerId: UserId, id: ContactId): Promise<void> => {
    const entry = await find(tx, ownerId, id);
    const other = entry?.kind === "student" ? entry.row.contact_id : undefined;
    const phones = other ? [await numbers.phoneOf(tx, ownerId), await numbers.phoneOf(tx, other)] : [];
    await matching.lockNumbers(tx, phones);
    await matching.lockLists(tx, [ownerId, other ?? ownerId]);
  };

  return {
    registered: matching.registered,
    becameFindable: matching.becameFindable,

    list: async (ownerId, { cursor, limit }) => {
      const position = parseCursor(cursor, "contacts", z.tuple([z.string()]));
      const after = toContactId(position?.[0] ?? "");
      const range = { ownerId, after, limit: limit + 1 };
      const [rows, numberRows] = await Promise.all([
        read.all(queries.page, range),
        read.all(contactNumberQueries.numbersPage, range),
      ]);
      const contacts = [...rows.map(rowToContact), ...numberRows.map(numberToContact)].sort(compareIds);
      return toPage(contacts, limit, {
        list: "contacts",
        itemOf: (contact) => contact,
        positionOf: ({ id }) => [id],
      });
    },

    add: (source, input) => {
      const { userId: ownerId } = source;
      return changeEntry(source, { procedure: "contacts.add", input }, async (tx, now) => {
        if (input.phone !== undefined) {
          const { id } = await numbers.add(tx, source, { phone: input.phone, nickname: input.nickname, now });
          const entry = await find(tx, ownerId, id);
          if (!entry) throw new Error("A number is missing right after it was written");
          return entry;
        }
        await matching.lockLists(tx, [ownerId]);
        await assertOther(tx, ownerId, input.userId);
        const { nickname } = input;
        return save(tx, { ownerId, contactId: input.userId }, { input: { nickname }, now });
      });
    },

    update: (source, input) => {
      const { userId: ownerId } = source;
      return changeEntry(source, { procedure: "contacts.update", input }, async (tx, now) => {
        if (input.blocked === false) await lockBoth(tx, ownerId, input.userId);
        else await matching.lockLists(tx, [ownerId]);
        const entry = await find(tx, ownerId, input.userId);
        if (entry?.kind === "number") {
          await numbers.update(tx, ownerId, { row: entry.row, input, now });
          return (await find(tx, ownerId, entry.row.id)) ?? entry;
        }
        const contactId = entry?.row.contact_id ?? toUserId(input.userId);
        await assertOther(tx, ownerId, contactId);
        if (!entry && input.blocked !== true) throw noSuchContact();
        await save(tx, { ownerId, contactId }, { input, now });
        if (input.blocked === false) await matching.between(tx, [ownerId, contactId], now);
        return contactOf(tx, ownerId, contactId);
      });
    },

    remove: (source, input) => {
      const { userId: ownerId } = source;
      return change(source, { procedure: "contacts.remove", input }, async (tx, now) => {
        await lockBoth(tx, ownerId, input.userId);
        const entry = await find(tx, ownerId, input.userId);
        if (!entry) throw noSuchContact();
        const { id } = entry.row;
        if (entry.kind === "number") {
          await tx.all(contactNumberQueries.removeNumber, { ownerId, id });
          return { id, userId: null };
        }
        const { contact_id: contactId } = entry.row;
        await tx.all(contactNumberQueries.removeNumberOf, { ownerId, contactId });
        await tx.all(queries.remove, { ownerId, contactId });
        await matching.between(tx, [ownerId, contactId], now);
        return { id, userId: contactId };
      });
    },

    isBlocked: async (tx, pair) => (await tx.first(queries.block, pair)) !== undefined,

    blockedBy: async (by) => (await read.all(queries.blockedBy, { by })).map((row) => row.contact_id),
  };
};

const assertOther = async (tx: UnitOfWork, ownerId: UserId, contactId: UserId): Promise<void> => {
  if (contactId === ownerId) {
    throw new AppError("input/invalid", "A student cannot be their own contact.", {
      issues: [{ path: "userId", message: "Your own id" }],
    });
  }
  if (!(await tx.first(queries.user, { id: contactId }))) throw noSuchContact();
};

/** The fields of an entry that has been removed. */
const REMOVED_ENTRY = { phone: null, name: null, nickname: null, favourite: false, blocked: false } as const;

const noSuchContact = () => new AppError("not-found", "There is no such contact.");

const toUserId = (text: string): UserId => text as UserId;

const toContactId = (text: string): ContactId => text as ContactId;

const compareIds = (first: SentContact, second: SentContact): number => (first.id < second.id ? -1 : 1);

const entryToContact = (entry: Entry): SentContact =>
  entry.kind === "student" ? rowToContact(entry.row) : numberToContact(entry.row);

const rowToContact = (row: ContactRow): SentContact => ({
  id: row.id,
  userId: row.contact_id,
  phone: row.phone,
  name: row.name,
  nickname: row.nickname,
  favourite: row.is_favourite === 1,
  blocked: row.is_blocked === 1,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

const numberToContact = (row: ContactNumberRow): SentContact => ({
  id: row.id,
  userId: null,
  phone: row.phone,
  name: null,
  nickname: row.nickname,
  favourite: row.is_favourite === 1,
  blocked: false,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
