import { prepare } from "@edvoyage/db";
import type { NotificationKind, UserId } from "@edvoyage/protocol";

const ofUser = prepare<{ userId: UserId }>()((query, param) =>
  query
    .selectFrom("notification_preferences")
    .select(["kind", "is_listed", "is_pushed"])
    .where("user_id", "=", param.userId),
);

const upsert = prepare<{
  userId: UserId;
  kind: NotificationKind | "message";
  isListed: number;
  isPushed: number;
}>()((query, param) =>
  query
    .insertInto("notification_preferences")
    .values({
      user_id: param.userId,
      kind: param.kind,
      is_listed: param.isListed,
      is_pushed: param.isPushed,
    })
    .onConflict((conflict) =>
      conflict.columns(["user_id", "kind"]).doUpdateSet((eb) => ({
        is_listed: eb.ref("excluded.is_listed"),
        is_pushed: eb.ref("excluded.is_pushed"),
      })),
    ),
);

const settings = prepare<{ userId: UserId }>()((query, param) =>
  query.selectFrom("push_settings").select("shows_previews").where("user_id", "=", param.userId),
);

const setPreviews = prepare<{ userId: UserId; showsPreviews: number }>()((query, param) =>
  query
    .insertInto("push_settings")
    .values({ user_id: param.userId, shows_previews: param.showsPreviews })
    .onConflict((conflict) =>
      conflict.column("user_id").doUpdateSet((eb) => ({ shows_previews: eb.ref("excluded.shows_previews") })),
    ),
);

/** The queries of preferences. */
export const preferenceQueries = { ofUser, upsert, settings, setPreviews };
