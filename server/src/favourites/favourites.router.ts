import { FAVOURITE_KINDS, type CommandId, type FavouriteTarget } from "@edvoyage/protocol";
import { z } from "zod";
import { idInput } from "../inputs/id.ts";
import { pageInput } from "../inputs/page.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Favourites } from "./favourites.ts";

const favourite = z.object({
  kind: z.enum(FAVOURITE_KINDS),
  id: idInput<FavouriteTarget["id"]>(),
  commandId: z
    .uuidv7()
    .transform((id) => id as CommandId)
    .nullish()
    .transform((id) => id ?? undefined),
});

/** Favourites for clients without Yjs, such as a script. Other clients edit the user document directly. */
export const createFavouritesRouter = ({ favourites }: { readonly favourites: Favourites }) =>
  router({
    list: sessionProcedure
      .input(z.object(pageInput).prefault({}))
      .query(({ ctx: { caller }, input }) => favourites.list(caller.user.id, input)),

    add: sessionProcedure
      .meta({ reasons: ["not-found", "limit/reached"] })
      .input(favourite)
      .mutation(({ ctx: { caller }, input: { commandId, ...target } }) =>
        favourites.add(caller.user.id, { target, commandId }),
      ),

    remove: sessionProcedure
      .meta({ reasons: ["limit/reached"] })
      .input(favourite)
      .mutation(({ ctx: { caller }, input: { commandId, ...target } }) =>
        favourites.remove(caller.user.id, { target, commandId }),
      ),
  });
