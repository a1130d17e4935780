import { prepare, type DeviceKey } from "@edvoyage/db";
import type { Platform, PushProviderName, SessionId, UserId } from "@edvoyage/protocol";

/** Adds or moves a token. Returns no row when the session has ended. */
const register = prepare<{
  key: string;
  token: string;
  provider: PushProviderName;
  platform: Platform;
  sessionId: SessionId;
  now: number;
}>()((query, param) =>
  query
    .insertInto("push_tokens")
    .columns(["key", "token", "provider", "platform", "user_id", "session_id", "device_key", "registered_at"])
    .expression((eb) =>
      eb
        .selectFrom("sessions")
        .select((column) => [
          column.cast<string>(column.val(param.key), "text").as("key"),
          column.cast<string>(column.val(param.token), "text").as("token"),
          column.cast<PushProviderName>(column.val(param.provider), "text").as("provider"),
          column.cast<Platform>(column.val(param.platform), "text").as("platform"),
          "user_id",
          "id",
          "device_key",
          column.cast<number>(column.val(param.now), "bigint").as("registered_at"),
        ])
        .where("id", "=", param.sessionId)
        .where("ended_at", "is", null),
    )
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet((eb) => ({
        platform: eb.ref("excluded.platform"),
        user_id: eb.ref("excluded.user_id"),
        session_id: eb.ref("excluded.session_id"),
        device_key: eb.ref("excluded.device_key"),
        registered_at: eb.ref("excluded.registered_at"),
      })),
    )
    .returning("key"),
);

/** Deletes the token of another student with its pending pushes: they are not for the student who has the token now. */
const forgetOthers = prepare<{ key: string; userId: UserId }>()((query, param) =>
  query.deleteFrom("push_tokens").where("key", "=", param.key).where("user_id", "<>", param.userId),
);

/** Deletes the former token that a session had at the same provider. */
const forgetFormer = prepare<{ key: string; provider: PushProviderName; sessionId: SessionId }>()(
  (query, param) =>
    query
      .deleteFrom("push_tokens")
      .where("session_id", "=", param.sessionId)
      .where("provider", "=", param.provider)
      .where("key", "<>", param.key),
);

const forgetBeyond = prepare<{ userId: UserId; kept: number }>()((query, param) =>
  query
    .deleteFrom("push_tokens")
    .where("key", "in", (eb) =>
      eb
        .selectFrom("push_tokens as newer")
        .select("newer.key")
        .where("newer.user_id", "=", param.userId)
        .orderBy("newer.registered_at", "desc")
        .orderBy("newer.key")
        .limit(100)
        .offset(param.kept),
    ),
);

const unregister = prepare<{ expoKey: string; fcmKey: string; userId: UserId }>()((query, param) =>
  query
    .deleteFrom("push_tokens")
    .where((eb) => eb.or([eb("key", "=", param.expoKey), eb("key", "=", param.fcmKey)]))
    .where("user_id", "=", param.userId)
    .returning("key"),
);

const forgetSession = prepare<{ sessionId: SessionId }>()((query, param) =>
  query.deleteFrom("push_tokens").where("session_id", "=", param.sessionId),
);

const forgetDevice = prepare<{ deviceKey: DeviceKey; userId: UserId }>()((query, param) =>
  query
    .deleteFrom("push_tokens")
    .where("device_key", "=", param.deviceKey)
    .where("user_id", "<>", param.userId),
);

/** The queries of push tokens. */
export const tokenQueries = {
  register,
  forgetOthers,
  forgetFormer,
  forgetBeyond,
  unregister,
  forgetSession,
  forgetDevice,
};
