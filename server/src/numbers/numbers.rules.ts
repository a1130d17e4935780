import type { DeviceKey, Tables } from "@edvoyage/db";
import type { ChallengeId, Limits } from "@edvoyage/protocol";
import { DAY_MS, HOUR_MS } from "../platform/clock.ts";

/** Wrong codes count towards a block for this long. */
const BLOCK_MEMORY_MS = DAY_MS;
/** The longest window of the budget of wrong codes: what is older is forgotten. */
export const MONTH_MS = 30 * DAY_MS;
/** A device stays known to a phone for this long after it last signed in with it. */
const KNOWN_DEVICE_MS = 180 * DAY_MS;

/** Lengths of a code: the second when strangers have spent the budget of the first. */
const CODE_LENGTHS = { usual: 6, underAttack: 8 } as const;

/** How long to wait after the first, the second and every later message of an hour to one device. */
const SPACINGS_MS = [30_000, 60_000, 120_000] as const;

export type WrongCode = Pick<
  Tables["wrong_codes"],
  "device_key" | "at" | "code_length" | "known" | "counts_to_block"
>;
/** A device of a phone by its last sign-in; revoked devices have none. */
export type SignedInDevice = Pick<Tables["phone_devices"], "device_key" | "signed_in_at">;
/** One message that the provider did not refuse: it counts, unless a sign-in gave it back. */
export type Send = Pick<
  Tables["sends"],
  "device_key" | "challenge_id" | "ip" | "at" | "known" | "from_reserve" | "state"
>;

/** What the rows say of one phone, oldest first, as seen by one device. */
export interface NumberFacts {
  readonly deviceKey: DeviceKey;
  /** Devices that signed in with this phone and were not revoked since, newest sign-in first; `knownDevicesPerPhone` of them suffice. */
  readonly newestSignIns: readonly SignedInDevice[];
  readonly blockedUntil: number | null;
  /** Of all devices, 30 days. */
  readonly wrongCodes: readonly WrongCode[];
}

/** Messages to all devices of the phone in 24 hours, oldest first. */
export type Sends = readonly Send[];

/** What one device may do with one phone now. */
export interface DeviceStatus {
  /**
   * Signed in with this phone within 180 days, and fewer than `knownDevicesPerPhone` devices did so after it: strangers
   * cannot use up what it is allowed.
   */
  readonly isKnown: boolean;
  /** Until when this device can neither request nor verify; `null` when it can. */
  readonly blockedUntil: number | null;
  /** Until when devices unknown to the phone are paused; `null` when not, or when the device is known. */
  readonly pausedUntil: number | null;
  readonly attemptsRemaining: number;
  /** How long a code has to be for this device: shorter ones are dead. */
  readonly codeLength: number;
}

/**
 * Decides from the rows alone. Three rules meet here: the block, for one device and five minutes; the
 * budget, which all unknown devices of a phone share and which makes codes longer before it refuses
 * anybody; and the privilege of a known device, whose own budget no stranger can touch.
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

/** Wrong codes of this device that count towards its block now. */
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

/** The budget of wrong codes that all devices unknown to a phone share. */
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

/** What to do with a request for a code. */
export type SendDecision =
  | { readonly state: "send"; readonly resendAt: number; readonly isFromReserve: boolean }
  /** The last message is recent: nothing is sent, and a live challenge is given again. */
  | { readonly state: "wait"; readonly resendAt: number }
  | { readonly state: "throttled"; readonly until: number };

/** What the caller's address (asked for strangers alone) and the whole server have sent in the last hour. */
export interface SendLoad {
  readonly ip: string;
  readonly ofAddress: { readonly count: number; readonly oldestAt: number | null };
  readonly ofAll: { readonly count: number; readonly oldestAt: number | null };
}

/**
 * Decides whether a message may be sent. A known device answers to its own rhythm, the budget that it shares with
 * the other known devices of its phone, and the hourly cap with its reserve: whatever strangers could use up does
 * not apply to it.
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
    capFull(sends, { isKnown, load, now, limits }),
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
 * Until when the hourly cap refuses; `null` when it does not. Above it a known device may use the reserve, of which each
 * phone has a share: the devices of one phone cannot use it up for all others.
 */
const capFull = (
  sends: Sends,
  { isKnown, load, now, limits }: { isKnown: boolean; load: SendLoad; now: number; limits: Limits },
): number | null => {
  const full = hourFull(load.ofAll, limits.sendsPerHour);
  if (full === null || !isKnown) return full;
  const reserveFull = hourFull(load.ofAll, limits.sendsPerHour + limits.sendsPerHourReserve);
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
    hourFull(load.ofAddress, limits.sendsPerHourPerIp),
  ];
};

/** What is left of a phone's budgets of messages, of which strangers and known devices have one each. */
export const judgeMessages = (sends: Sends, now: number, limits: Limits) => {
  const counted = countedOfDay(sends, now);
  const toKnown = counted.filter(({ known }) => known === 1);
  const givenBack = signInsGivenBack(sends, now);
  return {
    toStrangersOfDay: counted.length - toKnown.length,
    toKnownOfDay: toKnown.length,
    /** Until when no known device gets a message; `null` when they do. */
    knownBudgetSpentUntil: fullUntil(toKnown, limits.sendsPerDayPerPhoneForKnownDevices, DAY_MS),
    signInsGivenBackOfDay: givenBack.length,
    /** Until when a sign-in costs the messages that it took; `null` when they are given back. */
    giveBackSpentUntil: fullUntil(givenBack, limits.signInsGivenBackPerDayPerPhone, DAY_MS),
  };
};

/** The sign-ins of 24 hours that were given back, each at the instant of its last message, oldest first. */
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

/** When this device may get its next message by its own rhythm; `null` when it got none this hour. */
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

/** When fewer than `most` of these, oldest first, are left in the window; `null` when it is so already. */
const fullUntil = (
  entries: readonly { readonly at: number }[],
  most: number,
  windowMs: number,
): number | null => {
  const blocking = entries.at(entries.length - most);
  return entries.length >= most && blocking ? blocking.at + windowMs : null;
};

const hourFull = ({ count, oldestAt }: SendLoad["ofAll"], most: number): number | null =>
  count >= most && oldestAt !== null ? oldestAt + HOUR_MS : null;
