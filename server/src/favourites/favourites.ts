import type { Queries, UnitOfWork } from "@edvoyage/db";
import {
  FAVOURITE_KINDS,
  favouriteKey,
  type CommandId,
  type CourseId,
  type Favourite,
  type FavouriteKind,
  type FavouriteTarget,
  type FavouriteValue,
  type Limits,
  type UniversityId,
  type UserId,
} from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import type { Commands, Receipt } from "../commands/commands.ts";
import { AppError } from "../platform/errors.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import type { EditedEntries } from "../sync/document-edit.ts";
import type { Documents } from "../sync/documents.ts";
import { favouriteQueries as queries } from "./favourites.store.ts";

interface FavouriteCommand {
  readonly target: FavouriteTarget;
  /** Makes the command idempotent. Absent for a caller that accepts that a retry runs again. */
  readonly commandId: CommandId | undefined;
}

/** Favourites for clients without Yjs. They are written to the same user document that other clients edit. */
export interface Favourites {
  /** Newest first. */
  list(
    userId: UserId,
    page: { readonly cursor?: string | null | undefined; readonly limit: number },
  ): Promise<Page<Favourite>>;
  /**
   * Adds a favourite. If it exists already, nothing changes and `created` is false.
   * Throws `not-found` for a target that is not in the catalogue, `limit/reached`, `input/invalid`.
   */
  add(userId: UserId, command: FavouriteCommand): Promise<{ readonly created: boolean }>;
  /** Removes a favourite, whether or not it is still in the catalogue. Throws `input/invalid`. */
  remove(userId: UserId, command: FavouriteCommand): Promise<{ readonly removed: boolean }>;
}

export interface FavouritesDeps {
  readonly read: Queries;
  readonly documents: Documents;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "favourites">;
}

export const createFavourites = (deps: FavouritesDeps): Favourites => {
  const { read, documents, commands, clock, limits } = deps;

  /** Writes the record of the command, the document and the table in one unit of work. */
  const edit = <Kept extends Receipt<Kept>>(
    userId: UserId,
    { procedure, target, commandId }: FavouriteCommand & { readonly procedure: string },
    act: (tx: UnitOfWork, entries: EditedEntries) => Promise<Kept>,
  ): Promise<Kept> =>
    documents.edit(userId, "favourites", (tx, entries) => {
      if (!commandId) return act(tx, entries);
      const command = { userId, commandId, procedure, input: target, now: clock.now() };
      return commands.run(tx, command, () => act(tx, entries));
    });

  return {
    list: async (userId, { cursor, limit }) => {
      const after = parseCursor(cursor, "favourites", position);
      const rows = after
        ? await read.all(queries.before, {
            userId,
            addedAt: after[0],
            id: after[1] as FavouriteTarget["id"],
            kind: after[2],
            limit: limit + 1,
          })
        : await read.all(queries.newest, { userId, limit: limit + 1 });
      return toPage(rows, limit, {
        list: "favourites",
        itemOf: ({ kind, target_id: id, added_at: addedAt }) => ({ kind, id, addedAt }),
        positionOf: ({ kind, target_id: id, added_at: addedAt }) => [addedAt, id, kind],
      });
    },

    add: (userId, { target, commandId }) =>
      edit(userId, { procedure: "favourites.add", target, commandId }, async (tx, entries) => {
        if (!(await exists(tx, target))) throw new AppError("not-found", `There is no such ${target.kind}.`);
        const key = favouriteKey(target);
        if (entries.has(key)) return { created: false };
        if (entries.size >= limits.favourites) {
          throw new AppError("limit/reached", `A student can have at most ${limits.favourites} favourites.`, {
            limit: "favourites",
          });
        }
        entries.set(key, { addedAt: clock.now() } satisfies FavouriteValue);
        return { created: true };
      }),

    remove: (userId, { target, commandId }) =>
      edit(userId, { procedure: "favourites.remove", target, commandId }, async (_tx, entries) => {
        const key = favouriteKey(target);
        const removed = entries.has(key);
        entries.delete(key);
        return { removed };
      }),
  };
};

const position = z.tuple([z.int(), z.string(), z.enum(FAVOURITE_KINDS)]);

const existsByKind: Readonly<
  Record<FavouriteKind, (tx: UnitOfWork, target: FavouriteTarget) => Promise<unknown>>
> = {
  university: (tx, { id }) => tx.first(queries.universityById, { id: id as UniversityId }),
  course: (tx, { id }) => tx.first(queries.courseById, { id: id as CourseId }),
};

const exists = async (tx: UnitOfWork, target: FavouriteTarget): Promise<boolean> =>
  (await existsByKind[target.kind](tx, target)) !== undefined;
