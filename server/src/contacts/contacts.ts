import type { Database, Queries, UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { Asking, Commands } from "../commands/commands.ts";
import { AppError } from "../errors.ts";
import type { Areas } from "../inbox/areas.ts";
import { parseCursor, toPage, type Page } from "../paging.ts";
import { contactQueries as queries, type ContactRow } from "./contacts.store.ts";

/** Somebody whom a student knows or blocks. */
export interface Contact {
  /** The contact's own id as a student. */
  readonly id: UserId;
  /** What she calls herself. */
  readonly name: string | null;
  /** What the owner calls her. */
  readonly nickname: string | null;
  readonly favourite: boolean;
  /** Neither of the two opens a room with the other, adds her to one, or writes to her alone. */
  readonly blocked: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a change of a contact leaves as it is, it does not name. */
export interface ContactChange {
  readonly userId: UserId;
  /** `null` takes it away. */
  readonly nickname?: string | null | undefined;
  readonly favourite?: boolean | undefined;
  readonly blocked?: boolean | undefined;
}

/** Each student's own list of others; nobody else sees it. */
export interface Contacts {
  /** In order of the contacts' ids. */
  list(
    ownerId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Contact>>;
  /** Adding her again changes no more than the nickname that is given. Throws `not-found` for nobody's id. */
  add(asking: Asking, input: Pick<ContactChange, "userId" | "nickname">): Promise<Contact>;
  /** Throws `not-found` for who is no contact; blocking makes her one. */
  update(asking: Asking, input: ContactChange): Promise<Contact>;
  /** Takes her off the list, and the block with her. Throws `not-found`. */
  remove(asking: Asking, input: { readonly userId: UserId }): Promise<{ readonly userId: UserId }>;
  /** Whether one has blocked the other, who then sees neither her presence nor her profile. */
  isBlocked(
    queries: Pick<Queries, "first">,
    pair: { readonly by: UserId; readonly userId: UserId },
  ): Promise<boolean>;
  /** Whether one of the two has blocked the other, whichever. */
  areApart(
    queries: Pick<Queries, "first">,
    pair: { readonly one: UserId; readonly other: UserId },
  ): Promise<boolean>;
}

export interface ContactsDeps {
  readonly database: Database;
  readonly commands: Commands;
  readonly areas: Areas;
}

export const createContacts = ({ database, commands, areas }: ContactsDeps): Contacts => {
  /** Runs a change once per command, after all others of its owner. */
  const change = <Answer>(
    asking: Asking,
    command: { readonly procedure: string; readonly input: unknown },
    act: (tx: UnitOfWork, now: number) => Promise<Answer>,
  ): Promise<Answer> =>
    commands.execute(asking, command, async (tx, now) => {
      await tx.lock(`contacts:${asking.userId}`);
      await areas.touch(tx, asking.userId, { area: "contacts", now });
      return act(tx, now);
    });

  const save = async (
    tx: UnitOfWork,
    ownerId: UserId,
    { input, now }: { readonly input: ContactChange; readonly now: number },
  ): Promise<KeptContact> => {
    const { userId: contactId, nickname, favourite, blocked } = input;
    const known = await tx.first(queries.one, { ownerId, contactId });
    await tx.all(queries.upsert, {
      ownerId,
      contactId,
      nickname: nickname === undefined ? (known?.nickname ?? null) : nickname,
      isFavourite: favourite === undefined ? (known?.is_favourite ?? 0) : Number(favourite),
      isBlocked: blocked === undefined ? (known?.is_blocked ?? 0) : Number(blocked),
      now,
    });
    const row = await tx.first(queries.one, { ownerId, contactId });
    if (!row) throw new Error("A contact is gone as soon as it was written");
    const { name: _name, nickname: _nickname, ...kept } = rowToContact(row);
    return kept;
  };

  /** What either of the two has written of herself or the other is put in last: an answer outlives them. */
  const complete = async (ownerId: UserId, input: ContactChange, kept: KeptContact): Promise<Contact> => {
    const row = await database.read.first(queries.one, { ownerId, contactId: kept.id });
    const nickname = input.nickname === undefined ? (row?.nickname ?? null) : input.nickname;
    return { ...kept, name: row?.name ?? null, nickname };
  };

  return {
    list: async (ownerId, { cursor, limit }) => {
      const after = parseCursor(cursor, "contacts", z.tuple([z.string()]));
      const rows = await database.read.all(queries.page, {
        ownerId,
        after: toUserId(after?.[0] ?? ""),
        limit: limit + 1,
      });
      return toPage(rows, limit, {
        list: "contacts",
        itemOf: rowToContact,
        positionOf: (row) => [row.contact_id],
      });
    },

    add: async (asking, input) =>
      complete(
        asking.userId,
        input,
        await change(asking, { procedure: "contacts.add", input }, async (tx, now) => {
          await assertOther(tx, asking.userId, input.userId);
          return save(tx, asking.userId, { input, now });
        }),
      ),

    update: async (asking, input) =>
      complete(
        asking.userId,
        input,
        await change(asking, { procedure: "contacts.update", input }, async (tx, now) => {
          await assertOther(tx, asking.userId, input.userId);
          const known = await tx.first(queries.one, { ownerId: asking.userId, contactId: input.userId });
          if (!known && input.blocked !== true) throw noSuchContact();
          return save(tx, asking.userId, { input, now });
        }),
      ),

    remove: (asking, input) =>
      change(asking, { procedure: "contacts.remove", input }, async (tx) => {
        const { userId } = input;
        const removed = await tx.first(queries.remove, { ownerId: asking.userId, contactId: userId });
        if (!removed) throw noSuchContact();
        return { userId };
      }),

    isBlocked: async (tx, pair) => (await tx.first(queries.block, pair)) !== undefined,

    areApart: async (tx, pair) => (await tx.first(queries.blockBetween, pair)) !== undefined,
  };
};

const assertOther = async (tx: UnitOfWork, ownerId: UserId, contactId: UserId): Promise<void> => {
  if (contactId === ownerId) {
    throw new AppError("input/invalid", "Nobody is her own contact.", {
      issues: [{ path: "userId", message: "Your own id" }],
    });
  }
  if (!(await tx.first(queries.user, { id: contactId }))) {
    throw new AppError("not-found", "There is no such student.");
  }
};

/** What the record of a command keeps of its answer. */
type KeptContact = Omit<Contact, "name" | "nickname">;

const noSuchContact = () => new AppError("not-found", "There is no such contact.");

const toUserId = (text: string): UserId => text as UserId;

const rowToContact = (row: ContactRow): Contact => ({
  id: row.contact_id,
  name: row.name,
  nickname: row.nickname,
  favourite: row.is_favourite === 1,
  blocked: row.is_blocked === 1,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
