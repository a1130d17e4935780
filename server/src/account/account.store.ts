import { prepare, type Queries } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

const user = prepare<{ id: UserId }>()((query, param) =>
  query.selectFrom("users").select(["id", "phone", "created_at", "erase_at"]).where("id", "=", param.id),
);

/** Sets `erase_at` once: a second request does not postpone the deletion. */
const requestDeletion = prepare<{ id: UserId; eraseAt: number }>()((query, param) =>
  query
    .updateTable("users")
    .set({ erase_at: param.eraseAt })
    .where("id", "=", param.id)
    .where("erase_at", "is", null),
);

/** The next student who is due and whose erasure has not begun, or must be done again after a restore. */
const due = prepare<{ now: number }>()((query, param) =>
  query
    .selectFrom("users")
    .select("users.id")
    .where("users.erase_at", "<=", param.now)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("erasures")
            .select("erasures.user_id")
            .whereRef("erasures.user_id", "=", "users.id")
            .where("erasures.done_at", "is", null),
        ),
      ),
    )
    .orderBy("users.erase_at")
    .limit(1),
);

const detachPhone = prepare<{ id: UserId; phone: string; now: number }>()((query, param) =>
  query.updateTable("users").set({ phone: param.phone, erase_at: param.now }).where("id", "=", param.id),
);

const begin = prepare<{ userId: UserId; phone: string; now: number }>()((query, param) =>
  query
    .insertInto("erasures")
    .values({
      user_id: param.userId,
      phone: param.phone,
      begun_at: param.now,
      done_at: null,
      scrubbed_at: null,
    })
    .onConflict((conflict) =>
      conflict.column("user_id").doUpdateSet((eb) => ({
        phone: eb.ref("excluded.phone"),
        begun_at: eb.ref("excluded.begun_at"),
        done_at: null,
        scrubbed_at: null,
      })),
    ),
);

const erasure = prepare<{ userId: UserId }>()((query, param) =>
  query.selectFrom("erasures").selectAll().where("user_id", "=", param.userId),
);

const open = prepare<Record<never, never>>()((query) =>
  query
    .selectFrom("erasures")
    .select("user_id")
    .where("scrubbed_at", "is", null)
    .where("done_at", "is", null)
    .orderBy("begun_at"),
);

const deleteUser = prepare<{ id: UserId }>()((query, param) =>
  query.deleteFrom("users").where("id", "=", param.id).returning("id"),
);

const finish = prepare<{ userId: UserId; now: number }>()((query, param) =>
  query
    .updateTable("erasures")
    .set({ done_at: param.now, phone: null })
    .where("user_id", "=", param.userId)
    .where("done_at", "is", null),
);

const unscrubbed = prepare<Record<never, never>>()((query) =>
  query
    .selectFrom("erasures")
    .select("user_id")
    .where("scrubbed_at", "is", null)
    .where("done_at", "is not", null)
    .limit(1),
);

const lastScrub = prepare<Record<never, never>>()((query) =>
  query.selectFrom("erasures").select((eb) => eb.fn.max("scrubbed_at").as("at")),
);

const recordScrub = prepare<{ now: number; doneBy: number }>()((query, param) =>
  query
    .updateTable("erasures")
    .set({ scrubbed_at: param.now })
    .where("scrubbed_at", "is", null)
    .where("done_at", "<=", param.doneBy),
);

/** The queries of deletion and erasure. */
export const accountQueries = {
  user,
  requestDeletion,
  due,
  detachPhone,
  begin,
  erasure,
  open,
  deleteUser,
  finish,
  unscrubbed,
  lastScrub,
  recordScrub,
};

/** A page of students for admins, newest first. */
export const usersPage = (
  queries: Queries,
  filter: {
    readonly userId?: UserId | undefined;
    readonly phone?: string | undefined;
    readonly onlyDeleted: boolean;
    readonly before: UserId | undefined;
    readonly limit: number;
  },
) => {
  const { userId, phone, onlyDeleted, before, limit } = filter;
  let query = queries.kysely
    .selectFrom("users")
    .leftJoin("profiles", "profiles.user_id", "users.id")
    .leftJoin("erasures", (join) =>
      join.onRef("erasures.user_id", "=", "users.id").on("erasures.done_at", "is", null),
    )
    .select((eb) => [
      "users.id",
      "users.phone",
      "users.created_at",
      "users.erase_at",
      "profiles.name",
      "profiles.home_country",
      "erasures.begun_at",
      "erasures.phone as masked_phone",
      eb
        .selectFrom("sessions")
        .select("sessions.last_seen_at")
        .whereRef("sessions.user_id", "=", "users.id")
        .orderBy("sessions.last_seen_at", "desc")
        .limit(1)
        .as("last_seen_at"),
    ])
    .orderBy("users.id", "desc")
    .limit(limit);
  if (userId !== undefined) query = query.where("users.id", "=", userId);
  if (phone !== undefined) query = query.where("users.phone", "=", phone);
  if (onlyDeleted) query = query.where("users.erase_at", "is not", null);
  if (before !== undefined) query = query.where("users.id", "<", before);
  return query.execute();
};
