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

/** The part of a profile that everybody may read. */
export type PublicProfileRow = Pick<
  Tables["profiles"],
  "user_id" | "name" | "photo_url" | "bio" | "institution" | "home_country"
>;

/** A whole profile, with the phone number of its student. */
export type ProfileRow = Tables["profiles"] & { readonly phone: string };

const byUser = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("profiles")
    .innerJoin("users", "users.id", "profiles.user_id")
    .selectAll("profiles")
    .select("users.phone")
    .where("profiles.user_id", "=", param.userId),
);

/** Selects the public part of a profile, except of a student who is about to be erased. */
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

/** Changes only the given columns. */
export const updateProfile = async (
  tx: UnitOfWork,
  userId: UserId,
  columns: Partial<Omit<Tables["profiles"], "user_id">>,
): Promise<void> => {
  await tx.kysely.updateTable("profiles").set(columns).where("user_id", "=", userId).execute();
};
