import { prepare, type Queries } from "@edvoyage/db";
import type { ContactId, UserId } from "@edvoyage/protocol";

/** A number in a student's contacts that does not show who holds it. */
export interface ContactNumberRow {
  readonly id: ContactId;
  readonly phone: string;
  readonly nickname: string | null;
  readonly is_favourite: number;
  readonly created_at: number;
  readonly updated_at: number;
}

type QueryBuilder = Queries["kysely"];

const numberColumns = ["id", "phone", "nickname", "is_favourite", "created_at", "updated_at"] as const;

const numbersPage = prepare<{ ownerId: UserId; after: ContactId; limit: number }>()((query, param) =>
  query
    .selectFrom("contact_numbers")
    .select(numberColumns)
    .where("owner_id", "=", param.ownerId)
    .where("id", ">", param.after)
    .where("contact_id", "is", null)
    .orderBy("id")
    .limit(param.limit),
);

/** The numbers of a student, with who holds them. */
const numbersOf = (query: QueryBuilder, { ownerId }: { readonly ownerId: UserId }) =>
  query
    .selectFrom("contact_numbers")
    .select([...numberColumns, "contact_id", "is_bound", "holder_id"])
    .where("owner_id", "=", ownerId);

const numberById = prepare<{ ownerId: UserId; id: ContactId }>()((query, param) =>
  numbersOf(query, param).where("id", "=", param.id),
);

const numberByPhone = prepare<{ ownerId: UserId; phone: string }>()((query, param) =>
  numbersOf(query, param).where("phone", "=", param.phone),
);

const countNumbers = prepare<{ ownerId: UserId }>()((query, param) =>
  query
    .selectFrom("contact_numbers")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("owner_id", "=", param.ownerId),
);

const userByPhone = prepare<{ phone: string }>()((query, param) =>
  query.selectFrom("users").select("id").where("phone", "=", param.phone),
);

const removeNumber = prepare<{ ownerId: UserId; id: ContactId }>()((query, param) =>
  query.deleteFrom("contact_numbers").where("owner_id", "=", param.ownerId).where("id", "=", param.id),
);

const removeNumberOf = prepare<{ ownerId: UserId; contactId: UserId }>()((query, param) =>
  query
    .deleteFrom("contact_numbers")
    .where("owner_id", "=", param.ownerId)
    .where("contact_id", "=", param.contactId),
);

const insertNumber = prepare<{
  ownerId: UserId;
  id: ContactId;
  phone: string;
  nickname: string | null;
  isBound: number;
  holderId: UserId | null;
  now: number;
}>()((query, param) =>
  query.insertInto("contact_numbers").values({
    owner_id: param.ownerId,
    id: param.id,
    phone: param.phone,
    nickname: param.nickname,
    is_favourite: 0,
    is_bound: param.isBound,
    holder_id: param.holderId,
    contact_id: null,
    created_at: param.now,
    updated_at: param.now,
  }),
);

const updateNumber = prepare<{
  ownerId: UserId;
  id: ContactId;
  nickname: string | null;
  isFavourite: number;
  isBound: number;
  holderId: UserId | null;
  now: number;
}>()((query, param) =>
  query
    .updateTable("contact_numbers")
    .set({
      nickname: param.nickname,
      is_favourite: param.isFavourite,
      is_bound: param.isBound,
      holder_id: param.holderId,
      updated_at: param.now,
    })
    .where("owner_id", "=", param.ownerId)
    .where("id", "=", param.id),
);

/** Copies nickname and favourite to the number, so that the entry still shows them after its contact is erased. */
const copyToNumber = prepare<{
  ownerId: UserId;
  contactId: UserId;
  nickname: string | null;
  isFavourite: number;
}>()((query, param) =>
  query
    .updateTable("contact_numbers")
    .set({ nickname: param.nickname, is_favourite: param.isFavourite })
    .where("owner_id", "=", param.ownerId)
    .where("contact_id", "=", param.contactId),
);

/** Binds entries that had no holder yet to the first student who registers with their number. */
const bind = prepare<{ phone: string; holderId: UserId }>()((query, param) =>
  query
    .updateTable("contact_numbers")
    .set({ is_bound: 1, holder_id: param.holderId })
    .where("phone", "=", param.phone)
    // A literal, not a parameter: otherwise the planner cannot use the partial index.
    .where((eb) => eb("is_bound", "=", eb.lit(0))),
);

/**
 * Entries that do not show their holder yet but may: the holder is findable or has the owner's number, and has not blocked
 * the owner.
 */
const matchable = (query: QueryBuilder, param: { readonly holderId: UserId; readonly isFindable: number }) =>
  query
    .selectFrom("contact_numbers as entry")
    .select(["entry.owner_id", "entry.id", "entry.nickname", "entry.is_favourite"])
    .where("entry.holder_id", "=", param.holderId)
    .where("entry.contact_id", "is", null)
    .where((eb) =>
      eb.or([
        eb(eb.cast<number>(eb.val(param.isFindable), "integer"), "=", 1),
        eb.exists(
          eb
            .selectFrom("contact_numbers as theirs")
            .select("theirs.id")
            .where("theirs.holder_id", "=", eb.ref("entry.owner_id"))
            .where("theirs.owner_id", "=", param.holderId),
        ),
      ]),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("contacts")
            .select("contacts.id")
            .where("contacts.owner_id", "=", param.holderId)
            .where("contacts.contact_id", "=", eb.ref("entry.owner_id"))
            .where("contacts.is_blocked", "=", 1),
        ),
      ),
    );

const matchableOf = prepare<{ holderId: UserId; isFindable: number }>()((query, param) =>
  matchable(query, param),
);

const matchablePair = prepare<{ ownerId: UserId; holderId: UserId; isFindable: number }>()((query, param) =>
  matchable(query, param).where("entry.owner_id", "=", param.ownerId),
);

/** Keeps the nickname and favourite of an existing contact; takes missing ones from the number's entry. */
const addMatched = prepare<{
  ownerId: UserId;
  contactId: UserId;
  id: ContactId;
  nickname: string | null;
  isFavourite: number;
  now: number;
}>()((query, param) =>
  query
    .insertInto("contacts")
    .values({
      owner_id: param.ownerId,
      contact_id: param.contactId,
      id: param.id,
      nickname: param.nickname,
      is_favourite: param.isFavourite,
      is_blocked: 0,
      created_at: param.now,
      updated_at: param.now,
    })
    .onConflict((conflict) =>
      conflict.columns(["owner_id", "contact_id"]).doUpdateSet((eb) => ({
        nickname: eb.fn.coalesce("contacts.nickname", "excluded.nickname"),
        is_favourite: eb
          .case()
          .when("contacts.is_favourite", "=", 1)
          .then(1)
          .else(eb.ref("excluded.is_favourite"))
          .end(),
        updated_at: eb.ref("excluded.updated_at"),
      })),
    )
    .returning(["nickname", "is_favourite"]),
);

const setContact = prepare<{
  ownerId: UserId;
  id: ContactId;
  contactId: UserId;
  nickname: string | null;
  isFavourite: number;
}>()((query, param) =>
  query
    .updateTable("contact_numbers")
    .set({ contact_id: param.contactId, nickname: param.nickname, is_favourite: param.isFavourite })
    .where("owner_id", "=", param.ownerId)
    .where("id", "=", param.id),
);

const allowance = prepare<{ ownerId: UserId }>()((query, param) =>
  query.selectFrom("contact_number_allowances").select("full_at").where("owner_id", "=", param.ownerId),
);

const setAllowance = prepare<{ ownerId: UserId; fullAt: number }>()((query, param) =>
  query
    .insertInto("contact_number_allowances")
    .values({ owner_id: param.ownerId, full_at: param.fullAt })
    .onConflict((conflict) =>
      conflict.column("owner_id").doUpdateSet((eb) => ({ full_at: eb.ref("excluded.full_at") })),
    ),
);

const findable = prepare<{ userId: UserId }>()((query, param) =>
  query.selectFrom("profiles").select("findable").where("user_id", "=", param.userId),
);

/** The queries of numbers in contacts. */
export const contactNumberQueries = {
  numbersPage,
  numberById,
  numberByPhone,
  countNumbers,
  userByPhone,
  removeNumber,
  removeNumberOf,
  insertNumber,
  updateNumber,
  copyToNumber,
  bind,
  matchableOf,
  matchablePair,
  addMatched,
  setContact,
  allowance,
  setAllowance,
  findable,
};
