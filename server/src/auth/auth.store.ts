import { prepare, type DeviceKey, type Queries } from "@edvoyage/db";
import type { ChallengeId, CommandId, Platform, SessionId, UserId } from "@edvoyage/protocol";
import { deleteBatch } from "../platform/delete-batch.ts";

const liveChallenge = prepare<{ phone: string; deviceKey: DeviceKey; now: number; codeLength: number }>()(
  (query, param) =>
    query
      .selectFrom("challenges")
      .select(["id", "code_length", "expires_at", "ephemeral"])
      .where("phone", "=", param.phone)
      .where("device_key", "=", param.deviceKey)
      .where("purpose", "=", "sign-in")
      .where("expires_at", ">", param.now)
      .where("used_at", "is", null)
      .where("code_length", ">=", param.codeLength)
      .orderBy("expires_at", "desc")
      .limit(1),
);

const insertChallenge = prepare<{
  id: ChallengeId;
  phone: string;
  deviceKey: DeviceKey;
  codeLength: number;
  deviceName: string | null;
  platform: Platform;
  appVersion: string | null;
  ephemeral: number;
  now: number;
  expiresAt: number;
}>()((query, param) =>
  query.insertInto("challenges").values({
    id: param.id,
    phone: param.phone,
    device_key: param.deviceKey,
    purpose: "sign-in",
    code_length: param.codeLength,
    device_name: param.deviceName,
    platform: param.platform,
    app_version: param.appVersion,
    ephemeral: param.ephemeral,
    created_at: param.now,
    expires_at: param.expiresAt,
    used_at: null,
    used_by_command_id: null,
    session_id: null,
    is_new_user: null,
  }),
);

const setEphemeral = prepare<{ id: ChallengeId; ephemeral: number }>()((query, param) =>
  query.updateTable("challenges").set({ ephemeral: param.ephemeral }).where("id", "=", param.id),
);

const phoneOfChallenge = prepare<{ id: ChallengeId; deviceKey: DeviceKey }>()((query, param) =>
  query
    .selectFrom("challenges")
    .select("phone")
    .where("id", "=", param.id)
    .where("device_key", "=", param.deviceKey),
);

const challenge = prepare<{ id: ChallengeId }>()((query, param) =>
  query.selectFrom("challenges").selectAll().where("id", "=", param.id),
);

const useChallenge = prepare<{
  id: ChallengeId;
  at: number;
  commandId: CommandId | null;
  sessionId: SessionId;
  isNewUser: number;
  undidDeletion: number;
}>()((query, param) =>
  query
    .updateTable("challenges")
    .set({
      used_at: param.at,
      used_by_command_id: param.commandId,
      session_id: param.sessionId,
      is_new_user: param.isNewUser,
      undid_deletion: param.undidDeletion,
    })
    .where("id", "=", param.id),
);

const userByPhone = prepare<{ phone: string }>()((query, param) =>
  query
    .selectFrom("users")
    .select(["id", "phone", "created_at", "erase_at"])
    .where("phone", "=", param.phone),
);

const insertUser = prepare<{ id: UserId; phone: string; now: number }>()((query, param) =>
  query.insertInto("users").values({ id: param.id, phone: param.phone, created_at: param.now }),
);

const cancelDeletion = prepare<{ id: UserId }>()((query, param) =>
  query.updateTable("users").set({ erase_at: null }).where("id", "=", param.id),
);

const insertProfile = prepare<{ id: UserId; now: number }>()((query, param) =>
  query.insertInto("profiles").values({ user_id: param.id, name: null, findable: 0, updated_at: param.now }),
);

/** The queries of the sign-in path. */
export const authQueries = {
  liveChallenge,
  insertChallenge,
  setEphemeral,
  phoneOfChallenge,
  challenge,
  useChallenge,
  userByPhone,
  insertUser,
  cancelDeletion,
  insertProfile,
};

/** Returns whether anybody requested a code in the last day. If so, the server's secret may still be needed. */
export const hasChallenges = async (queries: Queries): Promise<boolean> =>
  (await queries.kysely.selectFrom("challenges").select("id").limit(1).executeTakeFirst()) !== undefined;

/** Deletes all challenges of a phone. */
export const deleteChallenges = async (queries: Queries, phone: string): Promise<void> => {
  await queries.kysely.deleteFrom("challenges").where("phone", "=", phone).execute();
};

/** Deletes a batch of challenges created before `before`. Returns whether there may be more. */
export const pruneChallenges = (queries: Queries, before: number): Promise<boolean> =>
  deleteBatch(queries, { table: "challenges", before });
