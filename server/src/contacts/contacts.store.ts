import { prepare } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

const columns = [
  "contacts.contact_id",
  "contacts.nickname",
  "contacts.is_favourite",
  "contacts.is_blocked",
  "contacts.created_at",
  "contacts.updated_at",
  "profiles.name",
] as const;

/** A contact with the name that she gives herself. */
export interface ContactRow {
  readonly contact_id: UserId;
  readonly nickname: string | null;
  readonly is_favourite: number;
  readonly is_blocked: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly name: string | null;
}

const page = prepare<{ ownerId: UserId; after: UserId; limit: number }>()((query, param) =>
  query
    .selectFrom("contacts")
    .leftJoin("profiles", "profiles.user_id", "contacts.contact_id")
    .select(columns)
    .where("contacts.owner_id", "=", param.ownerId)
    .where("contacts.contact_id", ">", param.after)
    .orderBy("contacts.contact_id")
    .limit(param.limit),
);

const one = prepare<{ ownerId: UserId; contactId: UserId }>()((query, param) =>
  query
    .selectFrom("contacts")
    .leftJoin("profiles", "profiles.user_id", "contacts.contact_id")
    .select(columns)
    .where("contacts.owner_id", "=", param.ownerId)
    .where("contacts.contact_id", "=", param.contactId),
);

const user = prepare<{ id: UserId }>()((query, param) =>
  query.selectFrom("users").select("id").where("id", "=", param.id),
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

const remove = prepare<{ ownerId: UserId; contactId: UserId }>()((query, param) =>
  query
    .deleteFrom("contacts")
    .where("owner_id", "=", param.ownerId)
    .where("contact_id", "=", param.contactId)
    .returning("contact_id"),
);

/** A row when one has blocked the other. */
const block = prepare<{ by: UserId; userId: UserId }>()((query, param) =>
  query
    .selectFrom("contacts")
    .select("owner_id")
    .where("owner_id", "=", param.by)
    .where("contact_id", "=", param.userId)
    .where("is_blocked", "=", 1),
);

/** A row for each of the two who has blocked the other. */
const blockBetween = prepare<{ one: UserId; other: UserId }>()((query, param) =>
  query
    .selectFrom("contacts")
    .select("owner_id")
    .where((eb) =>
      eb.or([
        eb("owner_id", "=", param.one).and("contact_id", "=", param.other),
        eb("owner_id", "=", param.other).and("contact_id", "=", param.one),
      ]),
    )
    .where("is_blocked", "=", 1),
);

/** The queries of contacts. */
export const contactQueries = { page, one, user, upsert, remove, block, blockBetween };
