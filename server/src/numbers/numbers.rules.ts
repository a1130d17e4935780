import type { DeviceKey, Tables } from "@edvoyage/db";
import type { ChallengeId, Limits } from "@edvoyage/protocol";
import { DAY_MS, HOUR_MS } from "../platform/clock.ts";

/** How long a wrong code counts towards a block. */
const BLOCK_MEMORY_MS = DAY_MS;
/** The longest window of the budget of wrong codes: older ones are deleted. */
export const MONTH_MS = 30 * DAY_MS;
/** How long a device stays known to a phone after its last sign-in with it. */
const KNOWN_DEVICE_MS = 180 * DAY_MS;

/** Lengths of a code: `underAttack` applies after strangers have spent the budget of `usual` codes. */
const CODE_LENGTHS = { usual: 6, underAttack: 8 } as const;

/** How long a device waits after its first, its second and every later message of an hour. */
const SPACINGS_MS = [30_000, 60_000, 120_000] as const;

export type WrongCode = Pick<
  Tables["wrong_codes"],
  "device_key" | "at" | "code_length" | "known" | "counts_to_block"
>;
/** A device of a phone with its last sign-in; a revoked device has none. */
export type SignedInDevice = Pick<Tables["phone_devices"], "device_key" | "signed_in_at">;
/** A message that the provider did not refuse. It counts, unless a sign-in gave it back. */
export type Send = Pick<
  Tables["sends"],
  "device_key" | "challenge_id" | "ip" | "at" | "known" | "from_reserve" | "state"
>;

/** The rows of one phone that decide what one device may do with it, oldest first. */
export interface NumberFacts {
  readonly deviceKey: DeviceKey;
  /**
   * Devices that signed in with this phone and were not revoked since, newest sign-in first; the first
   * `knownDevicesPerPhone` suffice.
   */
  readonly newestSignIns: readonly SignedInDevice[];
  readonly blockedUntil: number | null;
  /** Wrong codes of all devices in the last 30 days. */
  readonly wrongCodes: readonly WrongCode[];
}

/** Messages to all devices of the phone in 24 hours, oldest first. */
export type Sends = readonly Send[];

/** The rights of one device at one phone now. */
export interface DeviceStatus {
  /**
   * Whether the device signed in with this phone within 180 days, and fewer than `knownDevicesPerPhone` devices did so
   * after it. Strangers cannot use up the budgets of a known device.
   */
  readonly isKnown: boolean;
  /** Until when this device can neither request nor verify a code; `null` when it can. */
  readonly blockedUntil: number | null;
  /** Until when devices unknown to the phone are paused; `null` when they are not, or when this device is known. */
  readonly pausedUntil: number | null;
  readonly attemptsRemaining: number;
  /** The length of a code for this device; shorter codes are no longer accepted. */
  readonly codeLength: number;
}

/**
 * Decides from the rows alone (docs/sign-in.md, SI12 to SI22). Three rules meet here. The block stops one device for five
 * minutes. The budget is shared by all unknown devices of a phone; it makes codes longer before it refuses anybody.
 * A known device has its own budget, which no stranger can use up.
 */
export const judgeDevice = (facts: NumberFacts, now: number, limits: Limits): DeviceStatus => {
  const isKnown = isKnownDevice(facts, now, limits);
  const isBlocked = facts.blockedUntil !== null && now < facts.blockedUntil;
  const { pausedUntil, codeLength } = judgeBudget(facts.wrongCodes, now, limits);
  return {
    isKnown,
    blockedUntil: isBlocked ? facts.blockedUntil : null,
    pausedUntil: isKnown ? null : pausedUntil,
    attemptsRemaining: isBlocked ? 0 : limits.wrongCodesPerBlock - countTowardsBlock(facts, now),
    codeLength: isKnown ? CODE_LENGTHS.usual : codeLength,
  };
};

/** Counts the wrong codes of this device that count towards a block now. */
export const countTowardsBlock = (facts: NumberFacts, now: number): number =>
  facts.wrongCodes.filter(
    (wrong) =>
      wrong.counts_to_block === 1 &&
      wrong.device_key === facts.deviceKey &&
      isWithin(wrong, BLOCK_MEMORY_MS, now),
  ).length;

const isKnownDevice = (facts: NumberFacts, now: number, limits: Limits): boolean => {
  const signIn = facts.newestSignIns
    .slice(0, limits.knownDevicesPerPhone)
    .find(({ device_key: deviceKey }) => deviceKey === facts.deviceKey);
  if (!signIn || signIn.signed_in_at === null || now - signIn.signed_in_at >= KNOWN_DEVICE_MS) return false;
  const ownWrong = facts.wrongCodes.filter(
    (wrong) => wrong.known === 1 && wrong.device_key === facts.deviceKey && isWithin(wrong, MONTH_MS, now),
  );
  return ownWrong.length < limits.wrongCodesPerKnownDevicePerMonth;
};

/** Judges the budget of wrong codes that all devices unknown to a phone share. */
export const judgeBudget = (wrongCodes: readonly WrongCode[], now: number, limits: Limits) => {
  const ofMonth = wrongCodes.filter((wrong) => wrong.known === 0 && isWithin(wrong, MONTH_MS, now));
  const sixDigit = ofMonth.filter((wrong) => wrong.code_length === CODE_LENGTHS.usual);
  const sixDigitOfDay = sixDigit.filter((wrong) => isWithin(wrong, DAY_MS, now));
  const isSpent =
    sixDigitOfDay.length >= limits.wrongSixDigitCodesPerDay ||
    sixDigit.length >= limits.wrongSixDigitCodesPerMonth;
  return {
    sixDigitOfDay: sixDigitOfDay.length,
    sixDigitOfMonth: sixDigit.length,
    ofMonth: ofMonth.length,
    codeLength: isSpent ? CODE_LENGTHS.underAttack : CODE_LENGTHS.usual,
    pausedUntil: fullUntil(ofMonth, limits.wrongCodesPerMonth, MONTH_MS),
  };
};

/** Whether a request for a code sends a message. */
export type SendDecision =
  | { readonly state: "send"; readonly resendAt: number; readonly isFromReserve: boolean }
  /** The last message is too recent: nothing is sent, and the answer repeats a challenge that is still valid. */
  | { readonly state: "wait"; readonly resendAt: number }
  | { readonly state: "throttled"; readonly until: number };

/** Messages of the last hour: of the caller's address (counted only for unknown devices), and of the whole server. */
export interface SendLoad {
  readonly ip: string;
  readonly ofAddress: { readonly count: number; readonly oldestAt: number | null };
  readonly ofAll: { readonly count: number; readonly oldestAt: number | null };
}

/**
 * Decides whether a message may be sent (docs/sign-in.md, SI23 to SI28). A known device is limited by its own resend
 * timing, by the budget that it shares with the other known devices of its phone, and by the hourly cap with its reserve.
 * Limits that strangers could use up do not apply to it.
 */
export const decideSend = (
  sends: Sends,
  {
    challengeId,
    deviceKey,
    isKnown,
    load,
    now,
    limits,
  }: {
    challengeId: ChallengeId;
    deviceKey: DeviceKey;
    isKnown: boolean;
    load: SendLoad;
    now: number;
    limits: Limits;
  },
): SendDecision => {
  const resendAt = nextSendAt(sends, { deviceKey, now, limits });
  if (resendAt !== null && now < resendAt) return { state: "wait", resendAt };
  const refusals = [
    capFullUntil(sends, { isKnown, load, now, limits }),
    ...(isKnown
      ? [judgeMessages(sends, now, limits).knownBudgetSpentUntil]
      : strangerRefusals(sends, { load, now, limits })),
  ];
  const until = Math.max(...refusals.map((refusal) => refusal ?? 0));
  if (until > now) return { state: "throttled", until };
  const isFromReserve = load.ofAll.count >= limits.sendsPerHour;
  const sent: Send = {
    device_key: deviceKey,
    challenge_id: challengeId,
    ip: load.ip,
    at: now,
    known: isKnown ? 1 : 0,
    from_reserve: isFromReserve ? 1 : 0,
    state: "counted",
  };
  const after = nextSendAt([...sends, sent], { deviceKey, now, limits });
  return { state: "send", resendAt: after ?? now, isFromReserve };
};

/**
 * Returns until when the hourly cap refuses a message; `null` when it does not. Above the cap, a known device may use the
 * reserve. Each phone has only a share of it, so that the devices of one phone cannot use it up for all others.
 */
const capFullUntil = (
  sends: Sends,
  { isKnown, load, now, limits }: { isKnown: boolean; load: SendLoad; now: number; limits: Limits },
): number | null => {
  const full = hourFullUntil(load.ofAll, limits.sendsPerHour);
  if (full === null || !isKnown) return full;
  const reserveFull = hourFullUntil(load.ofAll, limits.sendsPerHour + limits.sendsPerHourReserve);
  const ofReserve = sends.filter((send) => send.from_reserve === 1 && isWithin(send, HOUR_MS, now));
  const shareFull = fullUntil(ofReserve, limits.sendsPerHourReservePerPhone, HOUR_MS);
  return reserveFull ?? (shareFull === null ? null : Math.min(shareFull, full));
};

const strangerRefusals = (
  sends: Sends,
  { load, now, limits }: { load: SendLoad; now: number; limits: Limits },
): (number | null)[] => {
  const ofDay = countedOfDay(sends, now).filter(({ known }) => known === 0);
  const ofDayAndAddress = ofDay.filter((send) => send.ip === load.ip);
  return [
    fullUntil(ofDay, limits.sendsPerDayPerPhone, DAY_MS),
    fullUntil(ofDayAndAddress, limits.sendsPerDayPerPhonePerIp, DAY_MS),
    hourFullUntil(load.ofAddress, limits.sendsPerHourPerIp),
  ];
};

/** Judges a phone's two budgets of messages: one for unknown devices, one for known devices. */
export const judgeMessages = (sends: Sends, now: number, limits: Limits) => {
  const counted = countedOfDay(sends, now);
  const toKnown = counted.filter(({ known }) => known === 1);
  const givenBack = signInsGivenBack(sends, now);
  return {
    toStrangersOfDay: counted.length - toKnown.length,
    toKnownOfDay: toKnown.length,
    /** Until when known devices get no message; `null` when they do. */
    knownBudgetSpentUntil: fullUntil(toKnown, limits.sendsPerDayPerPhoneForKnownDevices, DAY_MS),
    signInsGivenBackOfDay: givenBack.length,
    /** Until when the messages of a sign-in count; `null` when they are given back. */
    giveBackSpentUntil: fullUntil(givenBack, limits.signInsGivenBackPerDayPerPhone, DAY_MS),
  };
};

/** Returns the sign-ins of 24 hours that were given back, each at the instant of its last message, oldest first. */
const signInsGivenBack = (sends: Sends, now: number): { readonly at: number }[] => {
  const lastAtByChallenge = new Map<ChallengeId, number>();
  for (const send of sends) {
    if (send.state !== "signed-in" || !isWithin(send, DAY_MS, now)) continue;
    lastAtByChallenge.delete(send.challenge_id);
    lastAtByChallenge.set(send.challenge_id, send.at);
  }
  return [...lastAtByChallenge.values()].map((at) => ({ at }));
};

const countedOfDay = (sends: Sends, now: number): Send[] =>
  sends.filter((send) => send.state === "counted" && isWithin(send, DAY_MS, now));

/** Returns when its own resend timing allows this device the next message; `null` when it got none this hour. */
export const nextSendAt = (
  sends: Sends,
  { deviceKey, now, limits }: { deviceKey: DeviceKey; now: number; limits: Limits },
): number | null => {
  const own = sends.filter(
    (send) => send.state === "counted" && send.device_key === deviceKey && isWithin(send, HOUR_MS, now),
  );
  const last = own.at(-1);
  if (!last) return null;
  const spacing = SPACINGS_MS[Math.min(own.length, SPACINGS_MS.length) - 1] ?? 0;
  return Math.max(last.at + spacing, fullUntil(own, limits.sendsPerHourPerDevice, HOUR_MS) ?? 0);
};

const isWithin = ({ at }: { readonly at: number }, windowMs: number, now: number): boolean =>
  now - at < windowMs;

/** Returns when fewer than `most` of these, oldest first, are left in the window; `null` when that is already so. */
const fullUntil = (
  entries: readonly { readonly at: number }[],
  most: number,
  windowMs: number,
): number | null => {
  const blocking = entries.at(entries.length - most);
  return entries.length >= most && blocking ? blocking.at + windowMs : null;
};

const hourFullUntil = ({ count, oldestAt }: SendLoad["ofAll"], most: number): number | null =>
  count >= most && oldestAt !== null ? oldestAt + HOUR_MS : null;
