import type { Database, DeviceKey, Queries } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import { z } from "zod";
import type { Audit } from "../audit/audit.ts";
import { DAY_MS, type Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { parseCursor, toPage, type Page } from "../paging.ts";
import { maskPhone } from "../phone.ts";
import { judgeBudget, judgeStanding, MONTH_MS, nextSendAt, type NumberFacts } from "./numbers.rules.ts";
import {
  devicesOfPhone,
  liftBlocks,
  numberQueries as queries,
  resetBudgets,
  troubledPhones,
} from "./numbers.store.ts";

/** A number that somebody had trouble signing in with. */
export interface TroubledNumber {
  /** Masked unless asked for. */
  readonly phone: string;
  /** Until when the last of its blocked devices stays so; `null` when none is. */
  readonly blockedUntil: number | null;
  readonly blockedDevices: number;
  /** Until when devices unknown to it are paused; `null` when they are not. */
  readonly pausedUntil: number | null;
  /** 6, or 8 when strangers have spent the budget of 6-digit codes. */
  readonly codeLength: number;
  readonly wrongCodesOfDay: number;
  readonly wrongCodesOfMonth: number;
}

/** Everything that decides whether a number can sign in. */
export interface NumberReport extends TroubledNumber {
  readonly budget: {
    readonly sixDigitOfDay: number;
    readonly sixDigitOfMonth: number;
    readonly ofMonth: number;
  };
  /** Messages of the last 24 hours that count, to devices unknown to the number. */
  readonly messagesOfDay: number;
  readonly devices: readonly {
    /** Eight characters that name the device to `unblock`; its id is a secret. */
    readonly device: string;
    readonly isKnown: boolean;
    readonly signedInAt: number | null;
    readonly blockedUntil: number | null;
    readonly attemptsRemaining: number;
    /** When it may next get a message by its own rhythm; `null` for at once. */
    readonly nextMessageAt: number | null;
  }[];
  /** In words: what stands in the way of whom. Empty when nothing does. */
  readonly explanation: readonly string[];
  readonly serverNow: number;
}

/** How an admin looks into numbers and helps. */
export interface NumberInspection {
  /** Numbers with a wrong code in the last 30 days or a device blocked now, in order. */
  list(page: {
    readonly cursor?: string | null | undefined;
    readonly limit: number;
    readonly showPhones: boolean;
  }): Promise<Page<TroubledNumber>>;
  /** Throws `not-found` for a number that nobody has tried. */
  show(phone: string, options: { readonly showPhones: boolean }): Promise<NumberReport>;
  /**
   * Lifts the blocks of a number's devices, or of one; with `resetBudget` its shared budgets of wrong codes
   * and messages too. Throws `not-found` for a number or device that nobody has tried.
   */
  unblock(
    phone: string,
    options: {
      readonly device?: string | undefined;
      readonly resetBudget: boolean;
      readonly reason?: string | undefined;
    },
  ): Promise<{ readonly lifted: number; readonly pausedUntil: number | null }>;
}

/** Characters of a device key that tell an admin which device is meant. */
const DEVICE_NAME_CHARACTERS = 8;

export const createNumberInspection = (deps: {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly limits: Limits;
}): NumberInspection => {
  const { database, audit, clock, limits } = deps;

  const factsOf = async (tx: Queries, phone: string, now: number) => {
    const wrongCodes = await tx.all(queries.wrongCodesSince, { phone, since: now - MONTH_MS });
    const sends = await tx.all(queries.sendsSince, { phone, since: now - DAY_MS });
    const seen = new Map((await devicesOfPhone(tx, phone)).map((device) => [device.device_key, device]));
    const keys = new Set([
      ...seen.keys(),
      ...wrongCodes.map((w) => w.device_key),
      ...sends.map((s) => s.device_key),
    ]);
    return [...keys].map((deviceKey): NumberFacts => ({
      deviceKey,
      signedInAt: seen.get(deviceKey)?.signed_in_at ?? null,
      blockedUntil: seen.get(deviceKey)?.blocked_until ?? null,
      wrongCodes,
      sends,
    }));
  };

  const summarize = (phone: string, facts: readonly NumberFacts[], now: number): TroubledNumber => {
    const wrongCodes = facts[0]?.wrongCodes ?? [];
    const { codeLength, pausedUntil } = judgeBudget(wrongCodes, now, limits);
    const blocked = facts.flatMap((one) => judgeStanding(one, now, limits).blockedUntil ?? []);
    return {
      phone,
      blockedUntil: blocked.length > 0 ? Math.max(...blocked) : null,
      blockedDevices: blocked.length,
      pausedUntil,
      codeLength,
      wrongCodesOfDay: wrongCodes.filter(({ at }) => now - at < DAY_MS).length,
      wrongCodesOfMonth: wrongCodes.length,
    };
  };

  const report = (phone: string, facts: readonly NumberFacts[], now: number): NumberReport => {
    const { sixDigitOfDay, sixDigitOfMonth, ofMonth } = judgeBudget(facts[0]?.wrongCodes ?? [], now, limits);
    const unexplained = {
      ...summarize(phone, facts, now),
      budget: { sixDigitOfDay, sixDigitOfMonth, ofMonth },
      messagesOfDay: (facts[0]?.sends ?? []).filter((send) => send.known === 0 && send.state === "counted")
        .length,
      devices: facts.map((one) => {
        const standing = judgeStanding(one, now, limits);
        return {
          device: deviceName(one.deviceKey),
          isKnown: standing.isKnown,
          signedInAt: one.signedInAt,
          blockedUntil: standing.blockedUntil,
          attemptsRemaining: standing.attemptsRemaining,
          nextMessageAt: nextSendAt(one, now, limits),
        };
      }),
      serverNow: now,
    };
    return { ...unexplained, explanation: explain(unexplained, limits) };
  };

  const known = async (phone: string, now: number): Promise<NumberFacts[]> => {
    const facts = await factsOf(database.read, phone, now);
    if (facts.length === 0)
      throw new AppError("not-found", "Nobody has tried to sign in with this number lately.");
    return facts;
  };

  return {
    list: async ({ cursor, limit, showPhones }) => {
      const now = clock.now();
      const after = parseCursor(cursor, z.tuple([z.string()]))?.[0];
      const found = await troubledPhones(database.read, {
        since: now - MONTH_MS,
        now,
        after,
        limit: limit + 1,
      });
      const phones = toPage(found, limit, {
        itemOf: ({ phone }) => phone,
        positionOf: ({ phone }) => [phone],
      });
      const items: TroubledNumber[] = [];
      for (const phone of phones.items) {
        items.push(
          summarize(showPhones ? phone : maskPhone(phone), await factsOf(database.read, phone, now), now),
        );
      }
      return { ...phones, items };
    },

    show: async (phone, { showPhones }) => {
      const now = clock.now();
      return report(showPhones ? phone : maskPhone(phone), await known(phone, now), now);
    },

    unblock: async (phone, { device, resetBudget, reason }) => {
      const now = clock.now();
      const facts = await known(phone, now);
      const chosen =
        device === undefined ? undefined : facts.find(({ deviceKey }) => deviceName(deviceKey) === device);
      if (device !== undefined && !chosen)
        throw new AppError("not-found", "No such device has tried this number.");
      return database.write(async (tx) => {
        await tx.lock(`phone:${phone}`);
        const lifted = await liftBlocks(tx, { phone, deviceKey: chosen?.deviceKey, now });
        if (resetBudget) await resetBudgets(tx, phone);
        await audit.record(tx, { at: now, action: "number.unblocked", actor: "admin", phone, reason });
        const wrongCodes = await tx.all(queries.wrongCodesSince, { phone, since: now - MONTH_MS });
        return { lifted, pausedUntil: judgeBudget(wrongCodes, now, limits).pausedUntil };
      });
    },
  };
};

const deviceName = (deviceKey: DeviceKey): string => deviceKey.slice(0, DEVICE_NAME_CHARACTERS);

const explain = (summary: Omit<NumberReport, "explanation">, limits: Limits): string[] => {
  const { devices, pausedUntil, codeLength, budget, messagesOfDay } = summary;
  const sentences = devices
    .filter(({ blockedUntil }) => blockedUntil !== null)
    .map(
      ({ device, blockedUntil }) =>
        `Device ${device} gave ${limits.wrongCodesPerBlock} wrong codes and is blocked until ${instant(blockedUntil)}.`,
    );
  if (pausedUntil !== null) {
    sentences.push(
      `Devices that never signed in with this number are paused until ${instant(pausedUntil)}: ` +
        `they gave ${budget.ofMonth} wrong codes in 30 days. Known devices are not affected.`,
    );
  } else if (codeLength > 6) {
    sentences.push(
      `New devices get ${codeLength}-digit codes: strangers gave ${budget.sixDigitOfDay} wrong 6-digit codes in 24 hours ` +
        `and ${budget.sixDigitOfMonth} in 30 days. Nobody is refused for it.`,
    );
  }
  if (messagesOfDay >= limits.sendsPerDayPerPhone) {
    sentences.push(`New devices get no message: ${messagesOfDay} were sent to them in 24 hours.`);
  }
  return sentences;
};

const instant = (at: number | null): string => (at === null ? "" : new Date(at).toISOString());
