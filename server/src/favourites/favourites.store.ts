import { prepare } from "@edvoyage/db";
import type { CourseId, FavouriteKind, FavouriteTarget, UniversityId, UserId } from "@edvoyage/protocol";

const columns = ["kind", "target_id", "added_at"] as const;

const newest = prepare<{ userId: UserId; limit: number }>()((query, param) =>
  query
    .selectFrom("favourites")
    .select(columns)
    .where("user_id", "=", param.userId)
    .orderBy("added_at", "desc")
    .orderBy("target_id", "desc")
    .orderBy("kind", "desc")
    .limit(param.limit),
);

const before = prepare<{
  userId: UserId;
  addedAt: number;
  id: FavouriteTarget["id"];
  kind: FavouriteKind;
  limit: number;
}>()((query, param) =>
  query
    .selectFrom("favourites")
    .select(columns)
    .where("user_id", "=", param.userId)
    .where((eb) =>
      eb(eb.refTuple("added_at", "target_id", "kind"), "<", eb.tuple(param.addedAt, param.id, param.kind)),
    )
    .orderBy("added_at", "desc")
    .orderBy("target_id", "desc")
    .orderBy("kind", "desc")
    .limit(param.limit),
);

const universityById = prepare<{ id: UniversityId }>()((query, param) =>
  query.selectFrom("universities").select("id").where("id", "=", param.id),
);

const courseById = prepare<{ id: CourseId }>()((query, param) =>
  query.selectFrom("courses").select("id").where("id", "=", param.id),
);

/** The queries of favourites (copied from the user document) and of their targets in the catalogue. */
export const favouriteQueries = { newest, before, universityById, courseById };
