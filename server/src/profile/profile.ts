import { prepare, type Queries } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import { AppError } from "../errors.ts";
import { router, sessionProcedure } from "../trpc.ts";

/** What a student tells of herself. */
export interface Profile {
  readonly id: UserId;
  readonly name: string | null;
  readonly updatedAt: number;
}

const byUser = prepare<{ userId: UserId }>()((query, param) =>
  query.selectFrom("profiles").select(["user_id", "name", "updated_at"]).where("user_id", "=", param.userId),
);

/** Made with the user, at the first sign-in. */
export const createProfileRouter = ({ read }: { readonly read: Queries }) =>
  router({
    get: sessionProcedure.query(
      async ({
        ctx: {
          caller: { user },
        },
      }): Promise<Profile> => {
        const row = await read.first(byUser, { userId: user.id });
        if (!row) throw new AppError("not-found", "There is no such profile.");
        return { id: row.user_id, name: row.name, updatedAt: row.updated_at };
      },
    ),
  });
