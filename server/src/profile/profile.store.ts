import { prepare, type Tables, type UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";

const publicColumns = [
  "profiles.user_id",
  "profiles.name",
  "profiles.photo_url",
  "profiles.bio",
  "profiles.institution",
  "profiles.home_country",
] as const;

/** What everybody may read of a profile. */
export type PublicProfileRow = Pick<
  Tables["profiles"],
  "user_id" | "name" | "photo_url" | "bio" | "institution" | "home_country"
>;

/** A whole profile with whom it is of. */
export type ProfileRow = Tables["profiles"] & { readonly phone: string };

const byUser = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("profiles")
    .innerJoin("users", "users.id", "profiles.user_id")
    .selectAll("profiles")
    .select("users.phone")
    .where("profiles.user_id", "=", param.userId),
);

/** But for students who are about to be erased. */
const publicByUser = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("profiles")
    .innerJoin("users", "users.id", "profiles.user_id")
    .select(publicColumns)
    .where("profiles.user_id", "=", param.userId)
    .where("users.erase_at", "is", null),
);

/** The queries of profiles. */
export const profileQueries = { byUser, publicByUser };

/** Changes the columns that are named and no other. */
export const updateProfile = async (
  tx: UnitOfWork,
  userId: UserId,
  columns: Partial<Omit<Tables["profiles"], "user_id">>,
): Promise<void> => {
  await tx.kysely.updateTable("profiles").set(columns).where("user_id", "=", userId).execute();
};
