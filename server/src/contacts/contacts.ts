import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import type { ContactId, Limits, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { CommandSource, Commands, Receipt } from "../commands/commands.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { Areas } from "../inbox/areas.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { createContactNumbers } from "./contact-numbers.ts";
import {
  contactNumberQueries,
  contactQueries as queries,
  type ContactNumberRow,
  type ContactRow,
} from "./contacts.store.ts";
import { createMatching, type Matching } from "./matching.ts";

/** Somebody whom a student knows or blocks, or a number of somebody. */
export interface Contact {
  /** The entry's own: it stays when it turns out whose the number is. `update` and `remove` take it. */
  readonly id: ContactId;
  /** Who she is as a student; `null` for a number of which that is not known, whether or not it is anybody's. */
  readonly userId: UserId | null;
  /** E.164; `null` for whom the owner did not add by a number. */
  readonly phone: string | null;
  /** What she calls herself; `null` also where she has blocked the owner. */
  readonly name: string | null;
  /** What the owner calls her. */
  readonly nickname: string | null;
  readonly favourite: boolean;
  /** Neither of the two opens a room with the other, adds her to one, or writes to her alone. */
  readonly blocked: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Who is added: a student, or whoever has a number. */
export type NewContact = { readonly nickname?: string | null | undefined } & (
  | { readonly userId: UserId; readonly phone?: undefined }
  /** As somebody writes it, also as it is dialled in the country of her own. */
  | { readonly phone: string; readonly userId?: undefined }
);

/** What a change of a contact leaves as it is, it does not name. */
export interface ContactChange {
  /** Of a student, or of an entry. */
  readonly userId: ContactId;
  /** `null` takes it away. */
  readonly nickname?: string | null | undefined;
  readonly favourite?: boolean | undefined;
  readonly blocked?: boolean | undefined;
}

/** Each student's own list of others; nobody else sees it. */
export interface Contacts extends Pick<Matching, "registered" | "becameFindable"> {
  /** In order of the entries' ids. */
  list(
    ownerId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Contact>>;
  /**
   * Adding her again changes no more than the nickname that is given. A command that comes again is answered with the entry as
   * it is by then, and without a word when it is gone. A number answers the same whether or not it is a
   * student's, until both have each other's or she lets herself be found. Throws `not-found` for nobody's id,
   * `phone/invalid`, `limit/reached` (contactNumbers), `rate/limited`.
   */
  add(asking: CommandSource, input: NewContact): Promise<Contact>;
  /** Throws `not-found` for who is no contact; blocking makes her one. Throws `conflict` for blocking a number alone. */
  update(asking: CommandSource, input: ContactChange): Promise<Contact>;
  /** Takes her off the list, and the block and the number with her. Throws `not-found`. */
  remove(
    asking: CommandSource,
    input: { readonly userId: ContactId },
  ): Promise<{ readonly id: ContactId; readonly userId: UserId | null }>;
  /** Whether one has blocked the other, who then sees neither her presence nor her profile. */
  isBlocked(
    queries: Pick<Queries, "first">,
    pair: { readonly by: UserId; readonly userId: UserId },
  ): Promise<boolean>;
  /** Those whom a student has blocked. */
  blockedBy(by: UserId): Promise<readonly UserId[]>;
}

export interface ContactsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
  readonly newId: NewId;
  readonly limits: Pick<Limits, "contactNumbers" | "contactNumberBurst" | "contactNumbersPerDay">;
}

/** An entry as an owner means it. */
type Entry =
  | { readonly kind: "student"; readonly row: ContactRow }
  | { readonly kind: "number"; readonly row: ContactNumberRow };

export const createContacts = ({ database, commands, areas, newId, limits }: ContactsDeps): Contacts => {
  const { read } = database;
  const matching = createMatching({ areas });
  const numbers = createContactNumbers({ limits, newId, matching });

  /** Runs a change once per command, after all others of its owner. */
  const change = <Kept extends Receipt<Kept>>(
    asking: CommandSource,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Kept>,
  ): Promise<Kept> =>
    commands.execute(asking, command, async (tx, now) => {
      const receipt = await act(tx, now);
      await areas.touch(tx, asking.userId, { area: "contacts", now });
      return receipt;
    });

  /** The same for a change that is answered with the entry: as it is now, whatever it was when the command took effect. */
  const changeEntry = async (
    asking: CommandSource,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Entry>,
  ): Promise<Contact> => {
    const changed = await change(asking, command, async (tx, now) => {
      const contact = entryToContact(await act(tx, now));
      const { id, userId, createdAt, updatedAt } = contact;
      return { id, userId, createdAt, updatedAt };
    });
    const entry = await find(read, asking.userId, changed.id);
    // Taken away since, by another device or with the student herself: the command has taken effect all the same.
    return entry ? entryToContact(entry) : { ...WITHOUT_WORDS, ...changed };
  };

  const contactOf = async (tx: UnitOfWork, ownerId: UserId, contactId: UserId): Promise<Entry> => {
    const row = await tx.first(queries.byContact, { ownerId, contactId });
    if (!row) throw new Error("A contact is gone as soon as it was written");
    return { kind: "student", row };
  };

  const save = async (
    tx: UnitOfWork,
    { ownerId, contactId }: { readonly ownerId: UserId; readonly contactId: UserId },
    { input, now }: { readonly input: Omit<ContactChange, "userId">; readonly now: number },
  ): Promise<Entry> => {
    const { nickname, favourite, blocked } = input;
    const known = await tx.first(queries.byContact, { ownerId, contactId });
    const kept = {
      ownerId,
      contactId,
      nickname: nickname === undefined ? (known?.nickname ?? null) : nickname,
      isFavourite: favourite === undefined ? (known?.is_favourite ?? 0) : Number(favourite),
    };
    const isBlocked = blocked === undefined ? (known?.is_blocked ?? 0) : Number(blocked);
    await tx.all(queries.upsert, { ...kept, isBlocked, now });
    if (known && known.phone !== null) await tx.all(contactNumberQueries.copyToNumber, kept);
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
    // Added as a student before it turned out to be hers: both ids mean the one entry.
    const merged =
      number.contact_id && (await tx.first(queries.byContact, { ownerId, contactId: number.contact_id }));
    return merged ? { kind: "student", row: merged } : { kind: "number", row: number };
  };

  /** The end of a block may let the other see whose number she has. Before anything else is locked. */
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
      const contacts = [...rows.map(rowToContact), ...numberRows.map(numberToContact)].sort(byId);
      return toPage(contacts, limit, {
        list: "contacts",
        itemOf: (contact) => contact,
        positionOf: ({ id }) => [id],
      });
    },

    add: (asking, input) => {
      const { userId: ownerId } = asking;
      return changeEntry(asking, { procedure: "contacts.add", input }, async (tx, now) => {
        if (input.phone !== undefined) {
          const { id } = await numbers.add(tx, asking, { phone: input.phone, nickname: input.nickname, now });
          const entry = await find(tx, ownerId, id);
          if (!entry) throw new Error("A number is gone as soon as it was written");
          return entry;
        }
        await matching.lockLists(tx, [ownerId]);
        await assertOther(tx, ownerId, input.userId);
        const { nickname } = input;
        return save(tx, { ownerId, contactId: input.userId }, { input: { nickname }, now });
      });
    },

    update: (asking, input) => {
      const { userId: ownerId } = asking;
      return changeEntry(asking, { procedure: "contacts.update", input }, async (tx, now) => {
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

    remove: (asking, input) => {
      const { userId: ownerId } = asking;
      return change(asking, { procedure: "contacts.remove", input }, async (tx, now) => {
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
    throw new AppError("input/invalid", "Nobody is her own contact.", {
      issues: [{ path: "userId", message: "Your own id" }],
    });
  }
  if (!(await tx.first(queries.user, { id: contactId }))) throw noSuchContact();
};

/** What an entry says that is gone. */
const WITHOUT_WORDS = { phone: null, name: null, nickname: null, favourite: false, blocked: false } as const;

const noSuchContact = () => new AppError("not-found", "There is no such contact.");

const toUserId = (text: string): UserId => text as UserId;

const toContactId = (text: string): ContactId => text as ContactId;

const byId = (one: Contact, other: Contact): number => (one.id < other.id ? -1 : 1);

const entryToContact = (entry: Entry): Contact =>
  entry.kind === "student" ? rowToContact(entry.row) : numberToContact(entry.row);

const rowToContact = (row: ContactRow): Contact => ({
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

const numberToContact = (row: ContactNumberRow): Contact => ({
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
