import { prepare, type Queries } from "@edvoyage/db";
import type { ContactId, UserId } from "@edvoyage/protocol";
import { visibleName } from "./visible-name.ts";

const columns = [
  "contacts.id",
  "contacts.contact_id",
  "contacts.nickname",
  "contacts.is_favourite",
  "contacts.is_blocked",
  "contacts.created_at",
  "contacts.updated_at",
  "number.phone",
] as const;

/** A contact, with the student's profile name and the number by which the owner added them. */
export interface ContactRow {
  readonly id: ContactId;
  readonly contact_id: UserId;
  readonly nickname: string | null;
  readonly is_favourite: number;
  readonly is_blocked: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly phone: string | null;
  /** `null` if the student has no name or has blocked the owner. */
  readonly name: string | null;
}

type QueryBuilder = Queries["kysely"];

const ownContacts = (query: QueryBuilder, ownerId: UserId) =>
  query
    .selectFrom("contacts")
    .leftJoin("profiles", "profiles.user_id", "contacts.contact_id")
    .leftJoin("contact_numbers as number", (join) =>
      join
        .onRef("number.contact_id", "=", "contacts.contact_id")
        .onRef("number.owner_id", "=", "contacts.owner_id"),
    )
    .select([...columns, visibleName(ownerId, "contacts.contact_id").as("name")])
    .where("contacts.owner_id", "=", ownerId);

const page = prepare<{ ownerId: UserId; after: ContactId; limit: number }>()((query, param) =>
  ownContacts(query, param.ownerId)
    .where("contacts.id", ">", param.after)
    .orderBy("contacts.id")
    .limit(param.limit),
);

const byContact = prepare<{ ownerId: UserId; contactId: UserId }>()((query, param) =>
  ownContacts(query, param.ownerId).where("contacts.contact_id", "=", param.contactId),
);

const byId = prepare<{ ownerId: UserId; id: ContactId }>()((query, param) =>
  ownContacts(query, param.ownerId).where("contacts.id", "=", param.id),
);

const user = prepare<{ id: UserId }>()((query, param) =>
  query.selectFrom("users").select(["id", "phone"]).where("id", "=", param.id),
);

const upsert = prepare<{
  ownerId: UserId;
  contactId: UserId;
  nickname: string | null;
  isFavourite: number;
  isBlocked: number;
  now: number;
}>()((query, param) =>
  query
    .insertInto("contacts")
    .values({
      owner_id: param.ownerId,
      contact_id: param.contactId,
      id: param.contactId,
      nickname: param.nickname,
      is_favourite: param.isFavourite,
      is_blocked: param.isBlocked,
      created_at: param.now,
      updated_at: param.now,
    })
    .onConflict((conflict) =>
      conflict.columns(["owner_id", "contact_id"]).doUpdateSet((eb) => ({
        nickname: eb.ref("excluded.nickname"),
        is_favourite: eb.ref("excluded.is_favourite"),
        is_blocked: eb.ref("excluded.is_blocked"),
        updated_at: eb.ref("excluded.updated_at"),
      })),
    ),
);

const setNickname = prepare<{ ownerId: UserId; contactId: UserId; nickname: string | null; now: number }>()(
  (query, param) =>
    query
      .updateTable("contacts")
      .set({ nickname: param.nickname, updated_at: param.now })
      .where("owner_id", "=", param.ownerId)
      .where("contact_id", "=", param.contactId),
);

const remove = prepare<{ ownerId: UserId; contactId: UserId }>()((query, param) =>
  query
    .deleteFrom("contacts")
    .where("owner_id", "=", param.ownerId)
    .where("contact_id", "=", param.contactId),
);

/** The students whom a student has blocked. */
const blockedBy = prepare<{ by: UserId }>()((query, param) =>
  query
    .selectFrom("contacts")
    .select("contact_id")
    .where("owner_id", "=", param.by)
    // A literal, not a parameter: otherwise the planner cannot use the partial index.
    .where((eb) => eb("is_blocked", "=", eb.lit(1))),
);

/** Returns a row if `by` has blocked `userId`. */
const block = prepare<{ by: UserId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("contacts")
    .select("owner_id")
    .where("owner_id", "=", param.by)
    .where("contact_id", "=", param.userId)
    .where("is_blocked", "=", 1),
);

/** The queries of contacts. */
export const contactQueries = {
  page,
  byContact,
  byId,
  user,
  upsert,
  setNickname,
  remove,
  block,
  blockedBy,
};
