import {
  deviceLimits,
  favouriteKey,
  parseFavouriteKey,
  type CourseId,
  type Favourite,
  type FavouriteKind,
  type FavouriteValue,
  type UniversityId,
} from "@edvoyage/protocol";
import type { Clock } from "../runtime/clock.ts";
import { EdVoyageError } from "../runtime/errors.ts";
import { derive, watchFrom, type Unsubscribe } from "../runtime/observable.ts";
import type { Current } from "../students/current-student.ts";
import type { Write } from "../outbox/write.ts";
import type { UserDocument } from "../sync/user-document.ts";

/** A change of a favourite that is on the device's disk. */
export interface FavouriteWrite extends Write<null> {
  /** Whether it is a favourite now. */
  readonly isFavourite: boolean;
}

/**
 * A student's favourites, the same on all of the student's devices. A change is stored on this device when its promise
 * resolves, with or without a network. Ids come from the catalogue; anything that is not an id throws `input/invalid`.
 */
export interface Favourites {
  /** Adds or removes a favourite. Throws `limit/reached`, `device/full`, `device/failed`. */
  toggle(kind: FavouriteKind, id: string): Promise<FavouriteWrite>;
  /** Adds a favourite; an existing one keeps its `addedAt`. Throws the errors of `toggle`. */
  add(kind: FavouriteKind, id: string): Promise<FavouriteWrite>;
  /** Removes a favourite; does nothing if it is none. Throws `device/full`, `device/failed`. */
  remove(kind: FavouriteKind, id: string): Promise<FavouriteWrite>;
  /** Returns whether it is a favourite, from memory. */
  has(kind: FavouriteKind, id: string): boolean;
  /** Returns all favourites, newest first; the same array while nothing changes. */
  list(): readonly Favourite[];
  /** Calls the listener immediately and after each change, from any device. */
  watch(listener: (favourites: readonly Favourite[]) => void): Unsubscribe;
}

/** Creates the favourites of the current student. They are stored in the student's document. */
export const createFavourites = (
  student: Current<{ readonly document: Pick<UserDocument, "entries" | "edit"> }>,
  { clock }: { readonly clock: Clock },
): Favourites => {
  const entries = student.follow(({ document }) => document.entries.favourites, NO_ENTRIES);
  const list = derive([entries], () => toFavourites(entries.value));

  /** Edits one favourite. `change` receives the current value, and the number of all favourites. */
  const edit = async (
    { kind, id }: { readonly kind: FavouriteKind; readonly id: string },
    change: (value: unknown, count: number) => unknown,
  ): Promise<FavouriteWrite> => {
    const { document } = student.require();
    const {
      settled,
      value,
      id: commandId,
    } = await document.edit("favourites", toKey(kind, id), (before) =>
      change(before, document.entries.favourites.value.size),
    );
    return { id: commandId, settled, isFavourite: value !== undefined };
  };

  /** Throws when the list is full. Only adding checks this: a merge of two devices may exceed the limit. */
  const newValue = (count: number): FavouriteValue => {
    if (count >= deviceLimits.favourites) {
      throw new EdVoyageError("limit/reached", `At most ${deviceLimits.favourites} favourites are allowed.`, {
        details: { limit: "favourites" },
      });
    }
    return { addedAt: Math.trunc(clock.now()) };
  };

  return {
    toggle: (kind, id) =>
      edit({ kind, id }, (value, count) => (value === undefined ? newValue(count) : undefined)),
    add: (kind, id) => edit({ kind, id }, (value, count) => value ?? newValue(count)),
    remove: (kind, id) => edit({ kind, id }, () => undefined),
    has: (kind, id) => student.value !== undefined && entries.value.has(toKey(kind, id)),
    list: () => list.value,
    watch: (listener) => watchFrom(list, listener),
  };
};

const NO_ENTRIES: ReadonlyMap<string, unknown> = new Map();

const toKey = (kind: FavouriteKind, id: string): string => {
  const key = favouriteKey({ kind, id: id as UniversityId | CourseId });
  if (parseFavouriteKey(key)) return key;
  throw new EdVoyageError("input/invalid", "This is not the id of a university or a course.");
};

const toFavourites = (entries: ReadonlyMap<string, unknown>): readonly Favourite[] =>
  Array.from(entries)
    .flatMap(([key, value]): Favourite[] => {
      const target = parseFavouriteKey(key);
      return target && isFavouriteValue(value) ? [{ ...target, addedAt: value.addedAt }] : [];
    })
    .sort(newestFirst);

const isFavouriteValue = (value: unknown): value is FavouriteValue =>
  typeof value === "object" && value !== null && "addedAt" in value && typeof value.addedAt === "number";

const newestFirst = (one: Favourite, other: Favourite): number =>
  other.addedAt - one.addedAt || (favouriteKey(one) < favouriteKey(other) ? -1 : 1);
