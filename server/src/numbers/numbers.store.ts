import { prepare, type DeviceKey, type Queries } from "@edvoyage/db";
import type { ChallengeId } from "@edvoyage/protocol";
import { leastIdAt } from "../platform/crypto.ts";
import { deleteBatch } from "../platform/delete-batch.ts";

const device = prepare<{ phone: string; deviceKey: DeviceKey }>()((query, param) =>
  query
    .selectFrom("phone_devices")
    .select("blocked_until")
    .where("phone", "=", param.phone)
    .where("device_key", "=", param.deviceKey),
);

/** Orders sign-ins of one millisecond by their device, so that every reader agrees on which are the newest. */
const newestSignIns = prepare<{ phone: string; limit: number }>()((query, param) =>
  query
    .selectFrom("phone_devices")
    .select(["device_key", "signed_in_at"])
    .where("phone", "=", param.phone)
    .where("signed_in_at", "is not", null)
    .orderBy("signed_in_at", "desc")
    .orderBy("device_key", "desc")
    .limit(param.limit),
);

const wrongCodesSince = prepare<{ phone: string; since: number }>()((query, param) =>
  query
    .selectFrom("wrong_codes")
    .select(["device_key", "at", "code_length", "known", "counts_to_block"])
    .where("phone", "=", param.phone)
    .where("at", ">", param.since)
    .orderBy("at"),
);

const wrongCode = prepare<{ id: string }>()((query, param) =>
  query.selectFrom("wrong_codes").select("id").where("id", "=", param.id),
);

/** Selects messages that count or were given back. No rule uses those that the provider refused or an admin forgave. */
const sendsSince = prepare<{ phone: string; since: number }>()((query, param) =>
  query
    .selectFrom("sends")
    .select(["device_key", "challenge_id", "ip", "at", "known", "from_reserve", "state"])
    .where("phone", "=", param.phone)
    .where("at", ">", param.since)
    .where("state", "in", ["counted", "signed-in"])
    .orderBy("at"),
);

const loadOfAddress = prepare<{ ip: string; since: number }>()((query, param) =>
  query
    .selectFrom("sends")
    .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min("at").as("oldestAt")])
    .where("ip", "=", param.ip)
    .where("at", ">", param.since),
);

const loadOfAll = prepare<{ since: number }>()((query, param) =>
  query
    .selectFrom("send_minutes")
    .select((eb) => [eb.fn.sum<number | null>("count").as("count"), eb.fn.min("minute").as("oldestAt")])
    .where("minute", ">", param.since)
    .where("count", ">", 0),
);

const insertSend = prepare<{
  id: string;
  phone: string;
  deviceKey: DeviceKey;
  challengeId: ChallengeId;
  ip: string;
  at: number;
  known: number;
  fromReserve: number;
}>()((query, param) =>
  query.insertInto("sends").values({
    id: param.id,
    phone: param.phone,
    device_key: param.deviceKey,
    challenge_id: param.challengeId,
    ip: param.ip,
    at: param.at,
    known: param.known,
    from_reserve: param.fromReserve,
    state: "counted",
  }),
);

const addToMinute = prepare<{ minute: number; count: number }>()((query, param) =>
  query
    .insertInto("send_minutes")
    .values({ minute: param.minute, count: param.count })
    .onConflict((conflict) =>
      conflict.column("minute").doUpdateSet((eb) => ({
        count: eb("send_minutes.count", "+", eb.ref("excluded.count")),
      })),
    ),
);

const refuseSend = prepare<{ id: string }>()((query, param) =>
  query
    .updateTable("sends")
    .set({ state: "refused" })
    .where("id", "=", param.id)
    .where("state", "=", "counted"),
);

const settleSends = prepare<{ phone: string; challengeId: ChallengeId }>()((query, param) =>
  query
    .updateTable("sends")
    .set({ state: "signed-in" })
    .where("phone", "=", param.phone)
    .where("challenge_id", "=", param.challengeId)
    .where("state", "=", "counted"),
);

const insertWrongCode = prepare<{
  id: string;
  phone: string;
  deviceKey: DeviceKey;
  at: number;
  codeLength: number;
  known: number;
}>()((query, param) =>
  query.insertInto("wrong_codes").values({
    id: param.id,
    phone: param.phone,
    device_key: param.deviceKey,
    at: param.at,
    code_length: param.codeLength,
    known: param.known,
    counts_to_block: 1,
  }),
);

const settleWrongCodes = prepare<{ phone: string; deviceKey: DeviceKey }>()((query, param) =>
  query
    .updateTable("wrong_codes")
    .set({ counts_to_block: 0 })
    .where("phone", "=", param.phone)
    .where("device_key", "=", param.deviceKey)
    .where("counts_to_block", "=", 1),
);

const blockDevice = prepare<{ phone: string; deviceKey: DeviceKey; until: number }>()((query, param) =>
  query
    .insertInto("phone_devices")
    .values({
      phone: param.phone,
      device_key: param.deviceKey,
      signed_in_at: null,
      blocked_until: param.until,
    })
    .onConflict((conflict) =>
      conflict.columns(["phone", "device_key"]).doUpdateSet((eb) => ({
        blocked_until: eb.ref("excluded.blocked_until"),
      })),
    ),
);

const rememberDevice = prepare<{ phone: string; deviceKey: DeviceKey; at: number }>()((query, param) =>
  query
    .insertInto("phone_devices")
    .values({ phone: param.phone, device_key: param.deviceKey, signed_in_at: param.at, blocked_until: null })
    .onConflict((conflict) =>
      conflict.columns(["phone", "device_key"]).doUpdateSet((eb) => ({
        signed_in_at: eb.ref("excluded.signed_in_at"),
        blocked_until: null,
      })),
    ),
);

const forgetDevice = prepare<{ phone: string; deviceKey: DeviceKey }>()((query, param) =>
  query
    .updateTable("phone_devices")
    .set({ signed_in_at: null })
    .where("phone", "=", param.phone)
    .where("device_key", "=", param.deviceKey),
);

/** The queries of the sign-in path. */
export const numberQueries = {
  device,
  newestSignIns,
  wrongCodesSince,
  wrongCode,
  sendsSince,
  loadOfAddress,
  loadOfAll,
  insertSend,
  addToMinute,
  refuseSend,
  settleSends,
  insertWrongCode,
  settleWrongCodes,
  blockDevice,
  rememberDevice,
  forgetDevice,
};

/**
 * Selects phones, in order, that have a wrong code since `wrongSince`, a block now, or, since `sentSince`, at least
 * `messagesToKnown` messages to known devices or `signInsGivenBack` sign-ins that were given back. Finds messages by their
 * ids, which begin with their time.
 */
export const restrictedPhones = (
  queries: Queries,
  {
    now,
    wrongSince,
    sentSince,
    messagesToKnown,
    signInsGivenBack,
    after,
    limit,
  }: {
    now: number;
    wrongSince: number;
    sentSince: number;
    messagesToKnown: number;
    signInsGivenBack: number;
    after: string | undefined;
    limit: number;
  },
): Promise<{ phone: string }[]> =>
  queries.kysely
    // Materialized: otherwise SQLite reads all messages in the order of their phones.
    .with(
      (cte) => cte("sent").materialized(),
      (from) =>
        from
          .selectFrom("sends")
          .select(["phone", "known", "state", "challenge_id"])
          .where("id", ">=", leastIdAt(sentSince))
          .where("at", ">", sentSince),
    )
    .selectFrom((from) =>
      from
        .selectFrom("wrong_codes")
        .select("phone")
        .where("at", ">", wrongSince)
        .union(from.selectFrom("phone_devices").select("phone").where("blocked_until", ">", now))
        .union(
          from
            .selectFrom("sent")
            .select("phone")
            .where("state", "=", "counted")
            .where("known", "=", 1)
            .groupBy("phone")
            .having((having) => having(having.fn.countAll(), ">=", messagesToKnown)),
        )
        .union(
          from
            .selectFrom("sent")
            .select("phone")
            .where("state", "=", "signed-in")
            .groupBy("phone")
            .having((having) => having(having.fn.count("challenge_id").distinct(), ">=", signInsGivenBack)),
        )
        .as("troubled"),
    )
    .select("phone")
    .$if(after !== undefined, (query) => query.where("phone", ">", after ?? ""))
    .orderBy("phone")
    .limit(limit)
    .execute();

/** Selects every device that has tried to sign in with a phone. */
export const devicesOfPhone = (queries: Queries, phone: string) =>
  queries.kysely
    .selectFrom("phone_devices")
    .select(["device_key", "signed_in_at", "blocked_until"])
    .where("phone", "=", phone)
    .execute();

/** Lifts the blocks of all devices of a phone, or of one device; returns how many were lifted. */
export const liftBlocks = async (
  queries: Queries,
  { phone, deviceKey, now }: { phone: string; deviceKey: DeviceKey | undefined; now: number },
): Promise<number> => {
  const lifted = await queries.kysely
    .updateTable("phone_devices")
    .set({ blocked_until: null })
    .where("phone", "=", phone)
    .where("blocked_until", ">", now)
    .$if(deviceKey !== undefined, (query) => query.where("device_key", "=", deviceKey ?? ""))
    .returning("device_key")
    .execute();
  await queries.kysely
    .updateTable("wrong_codes")
    .set({ counts_to_block: 0 })
    .where("phone", "=", phone)
    .where("counts_to_block", "=", 1)
    .$if(deviceKey !== undefined, (query) => query.where("device_key", "=", deviceKey ?? ""))
    .execute();
  return lifted.length;
};

/** Resets a phone's budgets: of wrong codes, of messages, and of sign-ins that are given back. */
export const resetBudgets = async (queries: Queries, phone: string): Promise<void> => {
  await queries.kysely.deleteFrom("wrong_codes").where("phone", "=", phone).execute();
  await queries.kysely
    .updateTable("sends")
    .set({ state: "forgiven" })
    .where("phone", "=", phone)
    .where("state", "in", ["counted", "signed-in"])
    .execute();
};

/** Deletes every row of a phone. */
export const deletePhone = async (queries: Queries, phone: string): Promise<void> => {
  await queries.kysely.deleteFrom("phone_devices").where("phone", "=", phone).execute();
  await queries.kysely.deleteFrom("wrong_codes").where("phone", "=", phone).execute();
  await queries.kysely.deleteFrom("sends").where("phone", "=", phone).execute();
};

/** Deletes a batch of rows that are too old for any rule; returns whether there may be more. */
export const pruneNumbers = async (queries: Queries, before: number): Promise<boolean> => {
  const hasMoreWrong = await deleteBatch(queries, { table: "wrong_codes", before });
  const hasMoreSent = await deleteBatch(queries, { table: "sends", before });
  await queries.kysely.deleteFrom("send_minutes").where("minute", "<", before).execute();
  return hasMoreWrong || hasMoreSent;
};
