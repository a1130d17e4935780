import { useMemo } from "react";
import type { Favourite } from "@edvoyage/protocol";
import type { Favourites } from "../favourites/favourites.ts";
import { useClient } from "./provider.tsx";
import { useWatched } from "./use-watched.ts";

/** The student's favourites, and the methods to change them. */
export interface UseFavourites extends Pick<Favourites, "toggle" | "add" | "remove"> {
  /** Newest first. */
  readonly favourites: readonly Favourite[];
  /** Returns whether it is a favourite. */
  has(kind: Favourite["kind"], id: string): boolean;
}

/** Returns the student's favourites and the methods to change them. */
export const useFavourites = (): UseFavourites => {
  const { favourites: all } = useClient();
  const favourites = useWatched<readonly Favourite[]>(all.watch, { initial: NONE, dependencies: [all] });
  return useMemo(() => {
    const { toggle, add, remove } = all;
    const has: UseFavourites["has"] = (kind, id) =>
      favourites.some((one) => one.kind === kind && one.id === id);
    return { favourites, has, toggle, add, remove };
  }, [all, favourites]);
};

const NONE: readonly Favourite[] = [];
