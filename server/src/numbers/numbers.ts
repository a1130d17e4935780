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

/** A phone and a device, at one instant of one unit of work. */
export interface DeviceKeys {
  readonly phone: string;
  readonly deviceKey: DeviceKey;
  readonly now: number;
}

/** What the rows said, and what follows from it. */
export interface DeviceState extends DeviceKeys {
  readonly facts: NumberFacts;
  readonly standing: DeviceStatus;
}

/** The end of a wrong code: a block, or how many tries are left. */
export type WrongCodeOutcome =
  | { readonly state: "blocked"; readonly blockedUntil: number }
  | { readonly state: "incorrect"; readonly attemptsRemaining: number };

/** Who may try to sign in with which number: the block, the budget and the messages. */
export interface Numbers {
  /** Takes the phone's lock, so that all that follows in this unit of work is judged one by one. */
  lockAndLoad(tx: UnitOfWork, look: DeviceKeys): Promise<DeviceState>;
  /** Decides whether to send, and books the message under `sendId` when it does. */
  reserveSend(
    tx: UnitOfWork,
    sight: DeviceState,
    send: { readonly challengeId: ChallengeId; readonly sendId: string; readonly ip: string },
  ): Promise<SendDecision>;
  /** Gives back what a message was booked for; not its address's allowance. For definite refusals alone. */
  refuseSend(sendId: string, sentAt: number): Promise<void>;
  /** Counts a wrong code; the one that completes a block says so itself. */
  recordWrongCode(tx: UnitOfWork, sight: DeviceState, codeLength: number): Promise<WrongCodeOutcome>;
  /**
   * Makes the device known, settles its wrong codes and gives its messages back, those of
   * `signInsGivenBackPerDayPerPhone` sign-ins a day.
   */
  recordSignIn(tx: UnitOfWork, sight: DeviceState, challengeId: ChallengeId): Promise<void>;
  /** A device whose session was revoked is a stranger again. */
  forgetDevice(tx: UnitOfWork, phone: string, deviceKey: DeviceKey): Promise<void>;
  /** Everything that is known of a phone goes: its student is erased. */
  forgetPhone(tx: UnitOfWork, phone: string): Promise<void>;
  /** Deletes what no rule looks at any more. */
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
    { phone, deviceKey, now, standing }: DeviceState,
    { challengeId, ip }: { challengeId: ChallengeId; ip: string },
  ): Promise<SendDecision> => {
    const { isKnown } = standing;
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
      return { phone, deviceKey, now, facts, standing: judgeDevice(facts, now, limits) };
    },

    reserveSend: async (tx, sight, { challengeId, sendId, ip }) => {
      // Counts shared with other phones: locked after the phone and always in this order, so that no
      // two requests wait for each other.
      await tx.lock(`address:${ip}`);
      await tx.lock("messages");
      const decision = await decide(tx, sight, { challengeId, ip });
      if (decision.state !== "send") return decision;
      const { phone, deviceKey, now, standing } = sight;
      const known = standing.isKnown ? 1 : 0;
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

    recordWrongCode: async (tx, { phone, deviceKey, now, facts, standing }, codeLength) => {
      const known = standing.isKnown ? 1 : 0;
      await tx.all(queries.insertWrongCode, { id: newId(now), phone, deviceKey, at: now, codeLength, known });
      const attemptsRemaining = limits.wrongCodesPerBlock - countTowardsBlock(facts, now) - 1;
      if (attemptsRemaining > 0) return { state: "incorrect", attemptsRemaining };
      const blockedUntil = now + limits.blockSeconds * 1000;
      await tx.all(queries.blockDevice, { phone, deviceKey, until: blockedUntil });
      await tx.all(queries.settleWrongCodes, { phone, deviceKey });
      return { state: "blocked", blockedUntil };
    },

    recordSignIn: async (tx, { phone, deviceKey, now, facts }, challengeId) => {
      await tx.all(queries.rememberDevice, { phone, deviceKey, at: now });
      // Judged under the phone's lock: of sign-ins at once, no more are given back than the limit allows.
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
