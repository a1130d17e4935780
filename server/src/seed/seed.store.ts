import { prepare, type UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

const world = prepare<{ seed: number }>()((query, param) =>
  query.selectFrom("demo_worlds").selectAll().where("seed", "=", param.seed),
);

const begin = prepare<{ seed: number; students: number; beganAt: number; acts: number }>()((query, param) =>
  query.insertInto("demo_worlds").values({
    seed: param.seed,
    students: param.students,
    began_at: param.beganAt,
    acts: param.acts,
  }),
);

const advance = prepare<{ seed: number; done: number }>()((query, param) =>
  query.updateTable("demo_worlds").set({ done: param.done }).where("seed", "=", param.seed),
);

const student = prepare<{ id: UserId }>()((query, param) =>
  query
    .selectFrom("users")
    .innerJoin("profiles", "profiles.user_id", "users.id")
    .select(["users.phone", "profiles.name"])
    .where("users.id", "=", param.id),
);

/** The queries of seeded worlds. */
export const seedQueries = { world, begin, advance, student };

/** Returns those of the given numbers that belong to a student. */
export const takenPhones = async (
  tx: Pick<UnitOfWork, "kysely">,
  phones: readonly string[],
): Promise<ReadonlySet<string>> => {
  const rows = await tx.kysely.selectFrom("users").select("phone").where("phone", "in", phones).execute();
  return new Set(rows.map(({ phone }) => phone));
};
