import type { Database, DeviceKey } from "@edvoyage/db";
import type { Limits } from "@edvoyage/protocol";
import { z } from "zod";
import type { Audit } from "../audit/audit.ts";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { AppError } from "../platform/errors.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { maskPhone } from "./phone.ts";
import {
  judgeBudget,
  judgeMessages,
  judgeDevice,
  MONTH_MS,
  nextSendAt,
  type NumberFacts,
  type Sends,
  type WrongCode,
} from "./numbers.rules.ts";
import {
  devicesOfPhone,
  liftBlocks,
  numberQueries as queries,
  resetBudgets,
  restrictedPhones,
} from "./numbers.store.ts";

/** A phone number with wrong codes, blocked devices or spent budgets. */
export interface RestrictedNumber {
  /** Masked, except with `showPhones`. */
  readonly phone: string;
  /** When the last block of its devices ends; `null` when no device is blocked. */
  readonly blockedUntil: number | null;
  readonly blockedDevices: number;
  /** When the pause of devices unknown to it ends; `null` when they are not paused. */
  readonly pausedUntil: number | null;
  /** 6, or 8 after strangers have spent the budget of 6-digit codes. */
  readonly codeLength: number;
  readonly wrongCodesOfDay: number;
  readonly wrongCodesOfMonth: number;
  /** Until when its known devices get no message, because the daily budget is spent; `null` when they do get one. */
  readonly knownBudgetSpentUntil: number | null;
  /**
   * Until when the messages of a sign-in count, because the daily limit of sign-ins that are given back is reached;
   * `null` when they are given back.
   */
  readonly giveBackSpentUntil: number | null;
}

/** Everything that decides whether a number can sign in. */
export interface NumberReport extends RestrictedNumber {
  readonly budget: {
    readonly sixDigitOfDay: number;
    readonly sixDigitOfMonth: number;
    readonly ofMonth: number;
  };
  /** Messages to unknown devices in the last 24 hours that count. */
  readonly messagesOfDay: number;
  /** Messages to known devices in the last 24 hours that count. */
  readonly messagesToKnownOfDay: number;
  /** Sign-ins of the last 24 hours whose messages do not count. */
  readonly signInsGivenBackOfDay: number;
  /** The limits that apply to the counts above. */
  readonly allowed: NumberReport["budget"] & {
    readonly messagesOfDay: number;
    readonly messagesToKnownOfDay: number;
    readonly signInsGivenBackOfDay: number;
  };
  readonly devices: readonly {
    /** Eight characters by which `unblock` finds the device; its id is a secret. */
    readonly device: string;
    readonly isKnown: boolean;
    readonly signedInAt: number | null;
    readonly blockedUntil: number | null;
    readonly attemptsRemaining: number;
    /** When its own resend timing allows the next message; `null` for at once. */
    readonly nextMessageAt: number | null;
  }[];
  /** Sentences that say which limits apply to which devices, and why. Empty when none applies. */
  readonly explanation: readonly string[];
  readonly serverNow: number;
}

/** Lets an admin look at phone numbers and unblock them. */
export interface NumberInspection {
  /**
   * Lists numbers with a wrong code in the last 30 days, a device that is blocked now, or a spent daily budget (of
   * messages to known devices, or of sign-ins that are given back). In order of the number.
   */
  list(page: {
    readonly cursor?: string | null | undefined;
    readonly limit: number;
    readonly showPhones: boolean;
  }): Promise<Page<RestrictedNumber>>;
  /** Reports on one number. Throws `not-found` for a number that nobody has tried. */
  show(phone: string, options: { readonly showPhones: boolean }): Promise<NumberReport>;
  /**
   * Lifts the blocks of all devices of a number, or of one device. With `resetBudget`, also resets the number's budgets
   * of wrong codes, of messages and of sign-ins that are given back. Throws `not-found` for a number that nobody has
   * tried, and for a device that has not tried it.
   */
  unblock(
    phone: string,
    options: {
      readonly device?: string | undefined;
      readonly resetBudget: boolean;
      readonly reason?: string | undefined;
    },
  ): Promise<{
    readonly lifted: number;
    readonly pausedUntil: number | null;
    readonly knownBudgetSpentUntil: number | null;
  }>;
}

/** The rows of a number, and when they were read. */
interface History {
  readonly phone: string;
  readonly now: number;
  readonly devices: readonly (NumberFacts & { readonly signedInAt: number | null })[];
  readonly wrongCodes: readonly WrongCode[];
  readonly sends: Sends;
}

/** Length of the prefix of a device key by which an admin names a device. */
const DEVICE_NAME_CHARACTERS = 8;

export const createNumberInspection = (deps: {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly limits: Limits;
}): NumberInspection => {
  const { database, audit, clock, limits } = deps;

  const historyOf = async (phone: string, now: number): Promise<History> => {
    const { read } = database;
    const wrongCodes = await read.all(queries.wrongCodesSince, { phone, since: now - MONTH_MS });
    const sends = await read.all(queries.sendsSince, { phone, since: now - DAY_MS });
    const newestSignIns = await read.all(queries.newestSignIns, {
      phone,
      limit: limits.knownDevicesPerPhone,
    });
    const rowByDeviceKey = new Map(
      (await devicesOfPhone(read, phone)).map((device) => [device.device_key, device]),
    );
    const keys = new Set([
      ...rowByDeviceKey.keys(),
      ...[...wrongCodes, ...sends].map(({ device_key }) => device_key),
    ]);
    const devices = [...keys].map((deviceKey) => ({
      deviceKey,
      signedInAt: rowByDeviceKey.get(deviceKey)?.signed_in_at ?? null,
      newestSignIns,
      blockedUntil: rowByDeviceKey.get(deviceKey)?.blocked_until ?? null,
      wrongCodes,
    }));
    return { phone, now, devices, wrongCodes, sends };
  };

  /** Throws `not-found` for a number without any rows. */
  const requireHistoryOf = async (phone: string, now: number): Promise<History> => {
    const history = await historyOf(phone, now);
    if (history.devices.length > 0) return history;
    throw new AppError("not-found", "Nobody has tried to sign in with this number recently.");
  };

  const summarize = (history: History, showPhones: boolean): RestrictedNumber => {
    const { phone, now, devices, wrongCodes, sends } = history;
    const { codeLength, pausedUntil } = judgeBudget(wrongCodes, now, limits);
    const { knownBudgetSpentUntil, giveBackSpentUntil } = judgeMessages(sends, now, limits);
    const blocked = devices.flatMap((device) => judgeDevice(device, now, limits).blockedUntil ?? []);
    return {
      phone: showPhones ? phone : maskPhone(phone),
      blockedUntil: blocked.length > 0 ? Math.max(...blocked) : null,
      blockedDevices: blocked.length,
      pausedUntil,
      codeLength,
      wrongCodesOfDay: wrongCodes.filter(({ at }) => now - at < DAY_MS).length,
      wrongCodesOfMonth: wrongCodes.length,
      knownBudgetSpentUntil,
      giveBackSpentUntil,
    };
  };

  const report = (history: History, showPhones: boolean): NumberReport => {
    const { now, devices, wrongCodes, sends } = history;
    const { sixDigitOfDay, sixDigitOfMonth, ofMonth } = judgeBudget(wrongCodes, now, limits);
    const messages = judgeMessages(sends, now, limits);
    const facts = {
      ...summarize(history, showPhones),
      budget: { sixDigitOfDay, sixDigitOfMonth, ofMonth },
      messagesOfDay: messages.toStrangersOfDay,
      messagesToKnownOfDay: messages.toKnownOfDay,
      signInsGivenBackOfDay: messages.signInsGivenBackOfDay,
      allowed: {
        sixDigitOfDay: limits.wrongSixDigitCodesPerDay,
        sixDigitOfMonth: limits.wrongSixDigitCodesPerMonth,
        ofMonth: limits.wrongCodesPerMonth,
        messagesOfDay: limits.sendsPerDayPerPhone,
        messagesToKnownOfDay: limits.sendsPerDayPerPhoneForKnownDevices,
        signInsGivenBackOfDay: limits.signInsGivenBackPerDayPerPhone,
      },
      devices: devices.map((device) => {
        const { isKnown, blockedUntil, attemptsRemaining } = judgeDevice(device, now, limits);
        const { deviceKey, signedInAt } = device;
        const nextMessageAt = nextSendAt(sends, { deviceKey, now, limits });
        return {
          device: deviceName(deviceKey),
          isKnown,
          signedInAt,
          blockedUntil,
          attemptsRemaining,
          nextMessageAt,
        };
      }),
      serverNow: now,
    };
    return { ...facts, explanation: explain(facts) };
  };

  return {
    list: async ({ cursor, limit, showPhones }) => {
      const now = clock.now();
      const after = parseCursor(cursor, "numbers", z.tuple([z.string()]))?.[0];
      const rows = await restrictedPhones(database.read, {
        now,
        wrongSince: now - MONTH_MS,
        sentSince: now - DAY_MS,
        messagesToKnown: limits.sendsPerDayPerPhoneForKnownDevices,
        signInsGivenBack: limits.signInsGivenBackPerDayPerPhone,
        after,
        limit: limit + 1,
      });
      const phones = toPage(rows, limit, {
        list: "numbers",
        itemOf: ({ phone }) => phone,
        positionOf: ({ phone }) => [phone],
      });
      const items: RestrictedNumber[] = [];
      for (const phone of phones.items) items.push(summarize(await historyOf(phone, now), showPhones));
      return { ...phones, items };
    },

    show: async (phone, { showPhones }) => report(await requireHistoryOf(phone, clock.now()), showPhones),

    unblock: async (phone, { device, resetBudget, reason }) => {
      const now = clock.now();
      const { devices } = await requireHistoryOf(phone, now);
      const chosen = devices.find(({ deviceKey }) => deviceName(deviceKey) === device);
      if (device !== undefined && !chosen)
        throw new AppError("not-found", "No such device has tried to sign in with this number.");
      return database.write(async (tx) => {
        await tx.lock(`phone:${phone}`);
        const lifted = await liftBlocks(tx, { phone, deviceKey: chosen?.deviceKey, now });
        if (resetBudget) await resetBudgets(tx, phone);
        await audit.record(tx, { at: now, action: "number.unblocked", actor: "admin", phone, reason });
        const wrongCodes = await tx.all(queries.wrongCodesSince, { phone, since: now - MONTH_MS });
        const sends = await tx.all(queries.sendsSince, { phone, since: now - DAY_MS });
        const { pausedUntil } = judgeBudget(wrongCodes, now, limits);
        const { knownBudgetSpentUntil } = judgeMessages(sends, now, limits);
        return { lifted, pausedUntil, knownBudgetSpentUntil };
      });
    },
  };
};

const deviceName = (deviceKey: DeviceKey): string => deviceKey.slice(0, DEVICE_NAME_CHARACTERS);

const explain = (report: Omit<NumberReport, "explanation">): string[] => {
  const { devices, pausedUntil, codeLength, budget, messagesOfDay, allowed } = report;
  const { knownBudgetSpentUntil, giveBackSpentUntil } = report;
  const sentences = devices
    .filter(({ blockedUntil }) => blockedUntil !== null)
    .map(
      ({ device, blockedUntil }) =>
        `Device ${device} gave too many wrong codes and is blocked until ${toIsoText(blockedUntil)}.`,
    );
  if (pausedUntil !== null) {
    sentences.push(
      `Devices that never signed in with this number are paused until ${toIsoText(pausedUntil)}: ` +
        `they gave ${budget.ofMonth} wrong codes in 30 days. Known devices are not affected.`,
    );
  } else if (codeLength > 6) {
    sentences.push(
      `New devices get ${codeLength}-digit codes: strangers gave ${budget.sixDigitOfDay} wrong 6-digit codes ` +
        `in 24 hours and ${budget.sixDigitOfMonth} in 30 days. They can still sign in.`,
    );
  }
  if (messagesOfDay >= allowed.messagesOfDay) {
    sentences.push(`New devices get no message: ${messagesOfDay} were sent to them in 24 hours.`);
  }
  if (knownBudgetSpentUntil !== null) {
    sentences.push(
      `Known devices get no message until ${toIsoText(knownBudgetSpentUntil)}: ` +
        `${report.messagesToKnownOfDay} were sent to them in 24 hours.`,
    );
  }
  if (giveBackSpentUntil !== null) {
    sentences.push(
      `Messages that end in a sign-in count until ${toIsoText(giveBackSpentUntil)}: ` +
        `those of ${report.signInsGivenBackOfDay} sign-ins in 24 hours were given back.`,
    );
  }
  return sentences;
};

const toIsoText = (at: number | null): string => (at === null ? "" : new Date(at).toISOString());
