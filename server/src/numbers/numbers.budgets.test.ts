import { defaultLimits as limits } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS } from "../platform/clock.ts";
import {
  createNumberFacts,
  createWrongCodes,
  decide,
  IDLE,
  newChallengeId,
  NOW,
} from "./number-facts.test.shared.ts";
import {
  countTowardsBlock,
  judgeBudget,
  judgeDevice,
  judgeMessages,
  MONTH_MS,
  nextSendAt,
  type Send,
  type SendLoad,
  type WrongCode,
} from "./numbers.rules.ts";

const SECOND = 1_000;

/** Creates wrong codes of strangers, a second apart; the newest is `newestAgoMs` old. Oldest first. */
const wrongCodes = (count: number, newestAgoMs: number, wrong: Partial<WrongCode> = {}): WrongCode[] =>
  createWrongCodes(count, { newestAgoMs, everyMs: SECOND, ...wrong });

/** Creates one message to the device `asking` for each age, in the order given. */
const sendsAgo = (agesMs: readonly number[], send: Partial<Send> = {}): Send[] =>
  agesMs.map((ageMs) => ({
    device_key: "asking",
    challenge_id: newChallengeId(),
    ip: "192.0.2.1",
    at: NOW - ageMs,
    known: 0,
    from_reserve: 0,
    state: "counted",
    ...send,
  }));

describe("the block of a device", () => {
  const counted = { counts_to_block: 1 } as const;

  test("counts only the device's own wrong codes of 24 hours that have not led to a block", () => {
    const codes = [
      ...wrongCodes(1, DAY_MS, counted),
      ...wrongCodes(1, DAY_MS - 1, counted),
      ...wrongCodes(1, 5 * SECOND, { counts_to_block: 0 }),
      ...wrongCodes(1, 4 * SECOND, { ...counted, device_key: "other" }),
      ...wrongCodes(1, 0, counted),
    ];

    expect(countTowardsBlock(createNumberFacts({ wrongCodes: codes }), NOW)).toBe(2);
    expect(judgeDevice(createNumberFacts({ wrongCodes: codes }), NOW, limits)).toMatchObject({
      blockedUntil: null,
      attemptsRemaining: 1,
    });
  });

  test("leaves no attempts until the instant at which it ends", () => {
    const statusAt = (blockedUntil: number) => judgeDevice(createNumberFacts({ blockedUntil }), NOW, limits);

    expect(statusAt(NOW + 1)).toMatchObject({ blockedUntil: NOW + 1, attemptsRemaining: 0 });
    expect(statusAt(NOW)).toMatchObject({ blockedUntil: null, attemptsRemaining: 3 });
  });
});

describe("the budget of wrong codes of strangers", () => {
  test.each<readonly [string, readonly WrongCode[], number]>([
    ["eight in a day", wrongCodes(8, 0), 6],
    ["nine in a day", wrongCodes(9, 0), 8],
    ["nine, the first of them 24 hours ago", wrongCodes(9, DAY_MS - 8 * SECOND), 6],
    ["nine, the first of them just less than 24 hours ago", wrongCodes(9, DAY_MS - 8 * SECOND - 1), 8],
    ["29 in a month", wrongCodes(29, 2 * DAY_MS), 6],
    ["30 in a month", wrongCodes(30, 2 * DAY_MS), 8],
    ["30, the first of them 30 days ago", wrongCodes(30, MONTH_MS - 29 * SECOND), 6],
    ["30 of eight digits", wrongCodes(30, 0, { code_length: 8 }), 6],
    ["30 of known devices", wrongCodes(30, 0, { known: 1 }), 6],
  ])("makes codes longer when it is spent: %s", (_case, codes, codeLength) => {
    expect(judgeBudget(codes, NOW, limits).codeLength).toBe(codeLength);
    expect(judgeDevice(createNumberFacts({ wrongCodes: codes }), NOW, limits).codeLength).toBe(codeLength);
  });

  test("counts the codes of a day, of a month and of all lengths apart", () => {
    const codes = [
      ...wrongCodes(3, 2 * DAY_MS),
      ...wrongCodes(4, 1 * SECOND, { code_length: 8 }),
      ...wrongCodes(2, 0),
    ];

    expect(judgeBudget(codes, NOW, limits)).toMatchObject({
      sixDigitOfDay: 2,
      sixDigitOfMonth: 5,
      ofMonth: 9,
      pausedUntil: null,
    });
  });

  test("pauses strangers at 100 codes until the first of them is 30 days old, but no known device", () => {
    const codes = wrongCodes(100, DAY_MS, { code_length: 8 });
    const until = NOW - DAY_MS - 99 * SECOND + MONTH_MS;
    const signedIn = [{ device_key: "stranger", signed_in_at: NOW }];

    expect(judgeDevice(createNumberFacts({ wrongCodes: codes.slice(1) }), NOW, limits).pausedUntil).toBe(
      null,
    );
    expect(judgeDevice(createNumberFacts({ wrongCodes: codes }), NOW, limits).pausedUntil).toBe(until);
    expect(
      judgeDevice(createNumberFacts({ wrongCodes: codes, newestSignIns: signedIn }), NOW, limits).pausedUntil,
    ).toBe(null);
    expect(judgeBudget(wrongCodes(101, DAY_MS), NOW, limits).pausedUntil).toBe(until);
  });

  test("wrong codes of more than 30 days ago, or from before a device was known, do not count against it", () => {
    const signedIn = [{ device_key: "stranger", signed_in_at: NOW }];
    const isKnown = (codes: readonly WrongCode[]) =>
      judgeDevice(createNumberFacts({ wrongCodes: codes, newestSignIns: signedIn }), NOW, limits).isKnown;

    expect(isKnown(wrongCodes(30, MONTH_MS - 29 * SECOND, { known: 1 }))).toBe(true);
    expect(isKnown(wrongCodes(30, MONTH_MS - 29 * SECOND - 1, { known: 1 }))).toBe(false);
    expect(isKnown(wrongCodes(30, 0, { known: 0 }))).toBe(true);
  });

  test("applies to a device whose last sign-in was revoked", () => {
    const revoked = [{ device_key: "stranger", signed_in_at: null }];

    expect(judgeDevice(createNumberFacts({ newestSignIns: revoked }), NOW, limits).isKnown).toBe(false);
  });
});

describe("the time between two messages to a device", () => {
  test.each<readonly [string, readonly Send[], number | null]>([
    ["no message", [], null],
    ["one message", sendsAgo([10 * SECOND]), NOW + 20 * SECOND],
    ["two messages", sendsAgo([60 * SECOND, 10 * SECOND]), NOW + 50 * SECOND],
    ["three messages", sendsAgo([120 * SECOND, 60 * SECOND, 10 * SECOND]), NOW + 110 * SECOND],
    ["four messages", sendsAgo([300, 120, 60, 10].map((age) => age * SECOND)), NOW + 110 * SECOND],
    [
      "five messages in an hour",
      sendsAgo([1_800, 300, 120, 60, 10].map((age) => age * SECOND)),
      NOW + HOUR_MS - 1_800 * SECOND,
    ],
    ["a message an hour ago", sendsAgo([HOUR_MS]), null],
    ["a message to another device", sendsAgo([10 * SECOND], { device_key: "other" }), null],
    ["a message that a sign-in gave back", sendsAgo([10 * SECOND], { state: "signed-in" }), null],
  ])("grows with the messages of an hour: %s", (_case, sends, at) => {
    expect(nextSendAt(sends, { deviceKey: "asking", now: NOW, limits })).toBe(at);
  });
});

describe("a request for a message", () => {
  const others = { device_key: "other" } as const;

  test("waits until the device's own time is over", () => {
    expect(decide(sendsAgo([30 * SECOND - 1]))).toEqual({ state: "wait", resendAt: NOW + 1 });
    expect(decide(sendsAgo([30 * SECOND]))).toEqual({
      state: "send",
      resendAt: NOW + 60 * SECOND,
      isFromReserve: false,
    });
  });

  test("sends to a device that got none, and says when it may ask again", () => {
    expect(decide([])).toEqual({ state: "send", resendAt: NOW + 30 * SECOND, isFromReserve: false });
  });

  test("refuses a stranger after three messages of a day to its phone from its address", () => {
    const twoHours = 2 * HOUR_MS;

    expect(decide(sendsAgo([twoHours, 20, 10], others))).toEqual({
      state: "throttled",
      until: NOW - twoHours + DAY_MS,
    });
    expect(decide(sendsAgo([20, 10], others)).state).toBe("send");
    expect(decide(sendsAgo([30, 20, 10], { ...others, ip: "192.0.2.2" })).state).toBe("send");
    expect(decide(sendsAgo([30, 20, 10], others), { isKnown: true }).state).toBe("send");
  });

  test("refuses a stranger at 120 messages of an hour from its address, to all phones", () => {
    const loadOf = (count: number): SendLoad => ({
      ...IDLE,
      ofAddress: { count, oldestAt: NOW - HOUR_MS / 4 },
    });

    expect(decide([], { load: loadOf(119) }).state).toBe("send");
    expect(decide([], { load: loadOf(120) })).toEqual({
      state: "throttled",
      until: NOW + (HOUR_MS * 3) / 4,
    });
    expect(decide([], { load: loadOf(120), isKnown: true }).state).toBe("send");
  });

  test("sends at the instant at which an hour has passed since the oldest message of a full hour", () => {
    const load: SendLoad = { ...IDLE, ofAddress: { count: 120, oldestAt: NOW - HOUR_MS } };

    expect(decide([], { load }).state).toBe("send");
  });

  test("a request over several limits is refused until the last of them ends", () => {
    const load: SendLoad = { ...IDLE, ofAddress: { count: 120, oldestAt: NOW - HOUR_MS / 4 } };

    expect(decide(sendsAgo([30, 20, 10], others), { load })).toEqual({
      state: "throttled",
      until: NOW - 30 + DAY_MS,
    });
  });
});

describe("the budgets of messages of a phone", () => {
  test("count messages to strangers and to known devices apart, of 24 hours and not given back", () => {
    const sends = [
      ...sendsAgo([DAY_MS, DAY_MS - 1]),
      ...sendsAgo([DAY_MS, 50, 40], { known: 1 }),
      ...sendsAgo([30, 20], { state: "signed-in" }),
    ];

    expect(judgeMessages(sends, NOW, limits)).toMatchObject({
      toStrangersOfDay: 1,
      toKnownOfDay: 2,
      knownBudgetSpentUntil: null,
      signInsGivenBackOfDay: 2,
    });
  });

  test("put a sign-in at its last message, however its messages mix with those of others", () => {
    const [early, late] = [newChallengeId(), newChallengeId()];
    const sends = [
      ...sendsAgo([900], { state: "signed-in", challenge_id: late }),
      ...sendsAgo([800], { state: "signed-in", challenge_id: early }),
      ...sendsAgo([700], { state: "signed-in", challenge_id: late }),
    ];

    const { giveBackSpentUntil } = judgeMessages(sends, NOW, {
      ...limits,
      signInsGivenBackPerDayPerPhone: 2,
    });

    expect(giveBackSpentUntil).toBe(NOW - 800 + DAY_MS);
  });
});
