import { prepare, type UnitOfWork } from "@edvoyage/db";
import { parseFavouriteKey, type FavouriteKind, type FavouriteTarget, type UserId } from "@edvoyage/protocol";

/** The most rows of one INSERT; SQLite allows 32,766 parameters. */
const INSERT_BATCH = 500;

const state = prepare<{ name: string }>()((query, param) =>
  query
    .selectFrom("documents")
    .innerJoin("database_epoch", (join) => join.on("database_epoch.id", "=", 1))
    .select([
      "documents.epoch",
      "documents.writer_id",
      "documents.revision",
      "documents.snapshot_revision",
      "database_epoch.epoch as current_epoch",
    ])
    .where("documents.name", "=", param.name),
);

const snapshot = prepare<{ name: string }>()((query, param) =>
  query
    .selectFrom("documents")
    .select(["snapshot", "snapshot_revision", "revision"])
    .where("name", "=", param.name),
);

const updatesAfter = prepare<{ name: string; revision: number }>()((query, param) =>
  query
    .selectFrom("document_updates")
    .select(["revision", "bytes", "at"])
    .where("name", "=", param.name)
    .where("revision", ">", param.revision)
    .orderBy("revision"),
);

const create = prepare<{ name: string; ownerId: UserId; writerId: number; at: number }>()((query, param) =>
  query.insertInto("documents").values((eb) => ({
    name: param.name,
    owner_id: param.ownerId,
    epoch: eb.selectFrom("database_epoch").select("epoch").where("id", "=", 1),
    writer_id: param.writerId,
    revision: 0,
    snapshot: null,
    snapshot_revision: 0,
    changed_at: param.at,
  })),
);

const renewWriter = prepare<{ name: string; writerId: number }>()((query, param) =>
  query
    .updateTable("documents")
    .set((eb) => ({
      writer_id: param.writerId,
      epoch: eb.selectFrom("database_epoch").select("epoch").where("id", "=", 1),
    }))
    .where("name", "=", param.name),
);

const advance = prepare<{ name: string; revision: number; at: number }>()((query, param) =>
  query
    .updateTable("documents")
    .set({ revision: param.revision, changed_at: param.at })
    .where("name", "=", param.name),
);

const append = prepare<{ name: string; revision: number; bytes: Uint8Array; at: number }>()((query, param) =>
  query.insertInto("document_updates").values({
    name: param.name,
    revision: param.revision,
    bytes: param.bytes,
    at: param.at,
  }),
);

// The conditions guard against concurrent compactions: the later one changes nothing.
const compact = prepare<{ name: string; revision: number; snapshot: Uint8Array }>()((query, param) =>
  query
    .updateTable("documents")
    .set({ snapshot: param.snapshot, snapshot_revision: param.revision })
    .where("name", "=", param.name)
    .where("snapshot_revision", "<", param.revision)
    .where("revision", ">=", param.revision)
    .returning("name"),
);

const deleteUpdatesUpTo = prepare<{ name: string; revision: number }>()((query, param) =>
  query.deleteFrom("document_updates").where("name", "=", param.name).where("revision", "<=", param.revision),
);

const changedSince = prepare<{ since: number }>()((query, param) =>
  query.selectFrom("documents").select(["owner_id", "revision"]).where("changed_at", ">=", param.since),
);

const deleteFavourite = prepare<{
  userId: UserId;
  kind: FavouriteKind;
  targetId: FavouriteTarget["id"];
}>()((query, param) =>
  query
    .deleteFrom("favourites")
    .where("user_id", "=", param.userId)
    .where("kind", "=", param.kind)
    .where("target_id", "=", param.targetId),
);

/** The queries of documents and their update logs. */
export const documentQueries = {
  state,
  snapshot,
  updatesAfter,
  create,
  renewWriter,
  advance,
  append,
  compact,
  deleteUpdatesUpTo,
  changedSince,
};

/** When each favourite was added, by favourite key. */
export type FavouriteTimes = ReadonlyMap<string, number>;

/** Updates the table of favourites by the difference between two states of the document. */
export const refreshFavourites = async (
  tx: UnitOfWork,
  userId: UserId,
  { before, after }: { readonly before: FavouriteTimes; readonly after: FavouriteTimes },
): Promise<void> => {
  for (const key of before.keys()) {
    const target = after.has(key) ? undefined : parseFavouriteKey(key);
    if (target) await tx.all(deleteFavourite, { userId, kind: target.kind, targetId: target.id });
  }
  const rows = [...after].flatMap(([key, addedAt]) => {
    const target = before.get(key) === addedAt ? undefined : parseFavouriteKey(key);
    return target ? [{ user_id: userId, kind: target.kind, target_id: target.id, added_at: addedAt }] : [];
  });
  for (let start = 0; start < rows.length; start += INSERT_BATCH) {
    await tx.kysely
      .insertInto("favourites")
      .values(rows.slice(start, start + INSERT_BATCH))
      .onConflict((conflict) =>
        conflict
          .columns(["user_id", "kind", "target_id"])
          .doUpdateSet((eb) => ({ added_at: eb.ref("excluded.added_at") })),
      )
      .execute();
  }
};
