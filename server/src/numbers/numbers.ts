import type { Database, DeviceKey, UnitOfWork } from "@edvoyage/db";
import type { ChallengeId, Limits } from "@edvoyage/protocol";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import {
  countTowardsBlock,
  decideSend,
  judgeMessages,
  judgeDevice,
  MONTH_MS,
  type NumberFacts,
  type SendDecision,
  type DeviceStatus,
} from "./numbers.rules.ts";
import { deletePhone, numberQueries as queries, pruneNumbers } from "./numbers.store.ts";

/** A phone and a device, at the instant of a unit of work. */
export interface DeviceKeys {
  readonly phone: string;
  readonly deviceKey: DeviceKey;
  readonly now: number;
}

/** The rows of a phone, and what they allow the device. */
export interface DeviceState extends DeviceKeys {
  readonly facts: NumberFacts;
  readonly status: DeviceStatus;
  /** Whether the device keeps nothing, and so must not become known. Default: false. */
  readonly isEphemeral?: boolean;
}

/** The result of a wrong code: a block, or how many attempts are left. */
export type WrongCodeOutcome =
  | { readonly state: "blocked"; readonly blockedUntil: number }
  | { readonly state: "incorrect"; readonly attemptsRemaining: number };

/** Decides which devices may try to sign in with which number: blocks, budgets and messages. */
export interface Numbers {
  /** Takes the phone's lock, so that units of work on the same phone run one after the other, and loads its rows. */
  lockAndLoad(tx: UnitOfWork, keys: DeviceKeys): Promise<DeviceState>;
  /** Decides whether to send a message; if so, counts it under `sendId`. */
  reserveSend(
    tx: UnitOfWork,
    device: DeviceState,
    send: { readonly challengeId: ChallengeId; readonly sendId: string; readonly ip: string },
  ): Promise<SendDecision>;
  /**
   * Stops counting a message, except towards the limit of its address. Only for messages that the provider definitely
   * refused.
   */
  refuseSend(sendId: string, sentAt: number): Promise<void>;
  /** Returns whether a wrong code was counted under this id. */
  isCounted(tx: UnitOfWork, wrongCodeId: string): Promise<boolean>;
  /** Counts a wrong code. The code that reaches the limit blocks the device and returns `blocked`. */
  recordWrongCode(
    tx: UnitOfWork,
    device: DeviceState,
    wrongCode: {
      readonly codeLength: number;
      /** Default: a new id. */
      readonly id?: string | undefined;
    },
  ): Promise<WrongCodeOutcome>;
  /**
   * Makes the device known unless it is ephemeral, stops counting its wrong codes towards a block and gives its messages back. Messages are given
   * back for at most `signInsGivenBackPerDayPerPhone` sign-ins a day.
   */
  recordSignIn(tx: UnitOfWork, device: DeviceState, challengeId: ChallengeId): Promise<void>;
  /** Makes a device, whose session was revoked, unknown to its phone again. */
  forgetDevice(tx: UnitOfWork, phone: string, deviceKey: DeviceKey): Promise<void>;
  /** Deletes every row of a phone, because its student is erased. */
  forgetPhone(tx: UnitOfWork, phone: string): Promise<void>;
  /** Deletes rows that no rule uses any more. */
  prune(now: number): Promise<void>;
}

export interface NumbersDeps {
  readonly database: Database;
  readonly newId: NewId;
  readonly limits: Limits;
}

export const createNumbers = ({ database, newId, limits }: NumbersDeps): Numbers => {
  const decide = async (
    tx: UnitOfWork,
    { phone, deviceKey, now, status }: DeviceState,
    { challengeId, ip }: { challengeId: ChallengeId; ip: string },
  ): Promise<SendDecision> => {
    const { isKnown } = status;
    const sends = await tx.all(queries.sendsSince, { phone, since: now - DAY_MS });
    const since = now - HOUR_MS;
    const ofAddress = isKnown ? undefined : await tx.first(queries.loadOfAddress, { ip, since });
    const ofAll = await tx.first(queries.loadOfAll, { since });
    const load = {
      ip,
      ofAddress: { count: ofAddress?.count ?? 0, oldestAt: ofAddress?.oldestAt ?? null },
      ofAll: { count: ofAll?.count ?? 0, oldestAt: ofAll?.oldestAt ?? null },
    };
    return decideSend(sends, { challengeId, deviceKey, isKnown, load, now, limits });
  };

  return {
    lockAndLoad: async (tx, { phone, deviceKey, now }) => {
      await tx.lock(`phone:${phone}`);
      const device = await tx.first(queries.device, { phone, deviceKey });
      const facts: NumberFacts = {
        deviceKey,
        newestSignIns: await tx.all(queries.newestSignIns, { phone, limit: limits.knownDevicesPerPhone }),
        blockedUntil: device?.blocked_until ?? null,
        wrongCodes: await tx.all(queries.wrongCodesSince, { phone, since: now - MONTH_MS }),
      };
      return { phone, deviceKey, now, facts, status: judgeDevice(facts, now, limits) };
    },

    reserveSend: async (tx, device, { challengeId, sendId, ip }) => {
      // These counts are shared with other phones. Always lock them after the phone and in this order;
      // otherwise two requests could deadlock.
      await tx.lock(`address:${ip}`);
      await tx.lock("messages");
      const decision = await decide(tx, device, { challengeId, ip });
      if (decision.state !== "send") return decision;
      const { phone, deviceKey, now, status } = device;
      const known = status.isKnown ? 1 : 0;
      const fromReserve = decision.isFromReserve ? 1 : 0;
      await tx.all(queries.insertSend, {
        id: sendId,
        phone,
        deviceKey,
        challengeId,
        ip,
        at: now,
        known,
        fromReserve,
      });
      await tx.all(queries.addToMinute, { minute: minuteOf(now), count: 1 });
      return decision;
    },

    refuseSend: (sendId, sentAt) =>
      database.write(async (tx) => {
        await tx.all(queries.refuseSend, { id: sendId });
        await tx.all(queries.addToMinute, { minute: minuteOf(sentAt), count: -1 });
      }),

    isCounted: async (tx, id) => (await tx.first(queries.wrongCode, { id })) !== undefined,

    recordWrongCode: async (
      tx,
      { phone, deviceKey, now, facts, status },
      { codeLength, id = newId<string>(now) },
    ) => {
      const known = status.isKnown ? 1 : 0;
      await tx.all(queries.insertWrongCode, { id, phone, deviceKey, at: now, codeLength, known });
      const attemptsRemaining = limits.wrongCodesPerBlock - countTowardsBlock(facts, now) - 1;
      if (attemptsRemaining > 0) return { state: "incorrect", attemptsRemaining };
      const blockedUntil = now + limits.blockSeconds * 1000;
      await tx.all(queries.blockDevice, { phone, deviceKey, until: blockedUntil });
      await tx.all(queries.settleWrongCodes, { phone, deviceKey });
      return { state: "blocked", blockedUntil };
    },

    recordSignIn: async (tx, { phone, deviceKey, now, facts, isEphemeral = false }, challengeId) => {
      if (!isEphemeral) await tx.all(queries.rememberDevice, { phone, deviceKey, at: now });
      // Judged under the phone's lock: otherwise concurrent sign-ins could exceed the limit.
      const sends = await tx.all(queries.sendsSince, { phone, since: now - DAY_MS });
      const isGivenBack = judgeMessages(sends, now, limits).giveBackSpentUntil === null;
      if (isGivenBack) await tx.all(queries.settleSends, { phone, challengeId });
      if (countTowardsBlock(facts, now) > 0) await tx.all(queries.settleWrongCodes, { phone, deviceKey });
    },

    forgetDevice: async (tx, phone, deviceKey) => {
      await tx.all(queries.forgetDevice, { phone, deviceKey });
    },

    forgetPhone: deletePhone,

    prune: async (now) => {
      while (await database.write((tx) => pruneNumbers(tx, now - MONTH_MS)));
    },
  };
};

const minuteOf = (at: number): number => Math.floor(at / MINUTE_MS) * MINUTE_MS;
