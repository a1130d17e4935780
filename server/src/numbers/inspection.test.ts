import { defaultLimits } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS, MINUTE_MS } from "../platform/clock.ts";
import { createNumberScene, OTHER_PHONE, PHONE, START } from "./numbers-scene.test.shared.ts";
import { MONTH_MS } from "./numbers.rules.ts";

describe("the numbers that an admin lists", () => {
  const everything = { limit: 10, showPhones: true };
  const listed = async ({ inspection }: Awaited<ReturnType<typeof createNumberScene>>) =>
    (await inspection.list(everything)).items.map(({ phone }) => phone);

  test("the listed numbers are those with a wrong code in 30 days", async () => {
    const scene = await createNumberScene();
    await scene.wrong();
    scene.pass(MONTH_MS - 1);
    expect(await listed(scene)).toEqual([PHONE]);
    scene.pass(1);

    expect(await listed(scene)).toEqual([]);
  });

  test("the listed numbers are those with a device that is blocked now", async () => {
    const scene = await createNumberScene({ wrongCodesPerBlock: 1 });
    await scene.wrong();
    await scene.database.write((tx) => tx.kysely.deleteFrom("wrong_codes").execute());
    scene.pass(5 * MINUTE_MS - 1);
    expect(await listed(scene)).toEqual([PHONE]);
    scene.pass(1);

    expect(await listed(scene)).toEqual([]);
  });

  test("the listed numbers are those with a spent budget of messages to known devices", async () => {
    const scene = await createNumberScene({ sendsPerDayPerPhoneForKnownDevices: 2 });
    await scene.signIn({ device: "a" });
    await scene.signIn({ device: "b" });
    await scene.send({ device: "a" });
    await scene.send({ device: "stranger" });
    expect(await listed(scene)).toEqual([]);
    scene.pass(1);
    await scene.send({ device: "b" });
    expect(await listed(scene)).toEqual([PHONE]);

    scene.pass(DAY_MS - 1);

    expect(await listed(scene)).toEqual([]);
  });

  test("the listed numbers are those with a spent budget of sign-ins that are given back", async () => {
    const scene = await createNumberScene({ signInsGivenBackPerDayPerPhone: 2 });
    for (const challenge of ["a", "b"]) {
      expect(await listed(scene)).toEqual([]);
      await scene.send({ challenge, device: challenge });
      await scene.signIn({ challenge, device: challenge });
      await scene.send({ challenge: "c", device: "c", phone: OTHER_PHONE });
    }

    expect(await listed(scene)).toEqual([PHONE]);
  });

  test("the listed numbers are masked, in their order, page by page", async () => {
    const { wrong, inspection } = await createNumberScene();
    await wrong({ phone: OTHER_PHONE });
    await wrong();

    const first = await inspection.list({ limit: 1, showPhones: true });
    const second = await inspection.list({ limit: 1, showPhones: false, cursor: first.nextCursor });

    expect(first.items).toMatchObject([{ phone: PHONE }]);
    expect(second.items).toEqual([
      {
        phone: "+44••••••3457",
        blockedUntil: null,
        blockedDevices: 0,
        pausedUntil: null,
        codeLength: 6,
        wrongCodesOfDay: 1,
        wrongCodesOfMonth: 1,
        knownBudgetSpentUntil: null,
        giveBackSpentUntil: null,
      },
    ]);
    expect(second.nextCursor).toBeNull();
  });
});

describe("the report on a number", () => {
  test("has its devices, its counts and its limits", async () => {
    const { wrong, signIn, send, inspection, pass } = await createNumberScene();
    await signIn({ device: "a device that is known" });
    await wrong({ device: "stranger" });
    pass(DAY_MS);
    await send({ device: "a device that is known" });
    await send({ device: "by a message" });
    await wrong({ device: "stranger", codeLength: 8 });
    const now = START + DAY_MS;

    const report = await inspection.show(PHONE, { showPhones: false });

    expect(report).toMatchObject({
      phone: "+44••••••3456",
      wrongCodesOfDay: 1,
      wrongCodesOfMonth: 2,
      budget: { sixDigitOfDay: 0, sixDigitOfMonth: 1, ofMonth: 2 },
      messagesOfDay: 1,
      messagesToKnownOfDay: 1,
      signInsGivenBackOfDay: 0,
      explanation: [],
      serverNow: now,
      allowed: {
        sixDigitOfDay: defaultLimits.wrongSixDigitCodesPerDay,
        sixDigitOfMonth: defaultLimits.wrongSixDigitCodesPerMonth,
        ofMonth: defaultLimits.wrongCodesPerMonth,
        messagesOfDay: defaultLimits.sendsPerDayPerPhone,
        messagesToKnownOfDay: defaultLimits.sendsPerDayPerPhoneForKnownDevices,
        signInsGivenBackOfDay: defaultLimits.signInsGivenBackPerDayPerPhone,
      },
    });
    const free = { blockedUntil: null, attemptsRemaining: 3 };
    expect(report.devices).toEqual([
      { device: "a device", isKnown: true, signedInAt: START, ...free, nextMessageAt: now + 30_000 },
      {
        device: "stranger",
        isKnown: false,
        signedInAt: null,
        blockedUntil: null,
        attemptsRemaining: 2,
        nextMessageAt: null,
      },
      { device: "by a mes", isKnown: false, signedInAt: null, ...free, nextMessageAt: now + 30_000 },
    ]);
    expect((await inspection.show(PHONE, { showPhones: true })).phone).toBe(PHONE);
  });

  test("a report does not exist for a number that nobody has tried", async () => {
    const { inspection } = await createNumberScene();
    const failure = expect.objectContaining({ reason: "not-found" });

    await expect(inspection.show(PHONE, { showPhones: true })).rejects.toEqual(failure);
    await expect(inspection.unblock(PHONE, { resetBudget: false })).rejects.toEqual(failure);
  });

  test("explains blocks and a pause", async () => {
    const { wrong, inspection, pass } = await createNumberScene({
      wrongCodesPerMonth: 4,
      wrongCodesPerBlock: 2,
    });
    for (const device of ["a", "b"]) for (let times = 0; times < 2; times += 1) await wrong({ device });
    pass(MINUTE_MS);

    const report = await inspection.show(PHONE, { showPhones: true });

    expect(report).toMatchObject({
      blockedUntil: START + 5 * MINUTE_MS,
      blockedDevices: 2,
      pausedUntil: START + MONTH_MS,
    });
    const blockEnd = new Date(START + 5 * MINUTE_MS).toISOString();
    expect(report.explanation).toEqual([
      `Device a gave too many wrong codes and is blocked until ${blockEnd}.`,
      `Device b gave too many wrong codes and is blocked until ${blockEnd}.`,
      `Devices that never signed in with this number are paused until ${new Date(START + MONTH_MS).toISOString()}: ` +
        "they gave 4 wrong codes in 30 days. Known devices are not affected.",
    ]);
  });

  test("explains longer codes and spent budgets", async () => {
    const { wrong, send, signIn, inspection, pass } = await createNumberScene({
      wrongSixDigitCodesPerDay: 1,
      sendsPerDayPerPhone: 1,
      sendsPerDayPerPhoneForKnownDevices: 1,
      signInsGivenBackPerDayPerPhone: 1,
    });
    await send({ device: "known", challenge: "a" });
    await signIn({ device: "known", challenge: "a" });
    pass(MINUTE_MS);
    await send({ device: "known", challenge: "b" });
    await send({ device: "stranger", challenge: "c" });
    await wrong({ device: "stranger" });

    const { explanation } = await inspection.show(PHONE, { showPhones: true });

    const dayAfter = (at: number) => new Date(at + DAY_MS).toISOString();
    expect(explanation).toEqual([
      "New devices get 8-digit codes: strangers gave 1 wrong 6-digit codes in 24 hours and 1 in 30 days. " +
        "They can still sign in.",
      "New devices get no message: 1 were sent to them in 24 hours.",
      `Known devices get no message until ${dayAfter(START + MINUTE_MS)}: 1 were sent to them in 24 hours.`,
      `Messages that end in a sign-in count until ${dayAfter(START)}: ` +
        "those of 1 sign-ins in 24 hours were given back.",
    ]);
  });
});

describe("unblocking", () => {
  test("lifts the blocks of one device, or of all, and records it", async () => {
    const { wrong, inspection, statusOf, audited, pass } = await createNumberScene({ wrongCodesPerBlock: 1 });
    for (const device of ["device a", "device b"]) await wrong({ device });
    await wrong({ device: "device a", phone: OTHER_PHONE });
    pass(1);

    const one = await inspection.unblock(PHONE, { device: "device a", resetBudget: false, reason: "why" });

    expect(one).toEqual({ lifted: 1, pausedUntil: null, knownBudgetSpentUntil: null });
    const blocked = async (device: string, phone = PHONE) =>
      (await statusOf({ device, phone })).blockedUntil !== null;
    expect(await blocked("device a")).toBe(false);
    expect(await blocked("device b")).toBe(true);
    expect(await blocked("device a", OTHER_PHONE)).toBe(true);
    expect(await inspection.unblock(PHONE, { resetBudget: false })).toMatchObject({ lifted: 1 });
    expect(await blocked("device b")).toBe(false);
    expect(await blocked("device a", OTHER_PHONE)).toBe(true);
    expect(audited).toMatchObject([
      { at: START + 1, action: "number.unblocked", actor: "admin", phone: PHONE, reason: "why" },
      { reason: undefined },
    ]);
  });

  test("makes wrong codes no longer count towards a block, but keeps them in the budget", async () => {
    const { wrong, inspection, statusOf, wrongCodes } = await createNumberScene();
    await wrong({ device: "device a" });
    await wrong({ device: "device b" });
    await wrong({ device: "device a", phone: OTHER_PHONE });

    await inspection.unblock(PHONE, { device: "device a", resetBudget: false });

    expect(await statusOf({ device: "device a" })).toMatchObject({ attemptsRemaining: 3 });
    expect(await statusOf({ device: "device b" })).toMatchObject({ attemptsRemaining: 2 });
    expect(await statusOf({ device: "device a", phone: OTHER_PHONE })).toMatchObject({
      attemptsRemaining: 2,
    });
    expect(await wrongCodes()).toHaveLength(3);
  });

  test("resets the budgets when it is told to", async () => {
    const { wrong, send, signIn, inspection, sends, wrongCodes } = await createNumberScene({
      wrongCodesPerMonth: 1,
      sendsPerDayPerPhoneForKnownDevices: 1,
    });
    await signIn({ device: "known" });
    await send({ device: "known", challenge: "a" });
    await send({ device: "b", challenge: "b" });
    await signIn({ device: "b", challenge: "b" });
    await send({ device: "c", challenge: "c", phone: OTHER_PHONE });
    await wrong({ device: "stranger" });
    await wrong({ device: "stranger", phone: OTHER_PHONE });
    expect(await inspection.unblock(PHONE, { resetBudget: false })).toEqual({
      lifted: 0,
      pausedUntil: START + MONTH_MS,
      knownBudgetSpentUntil: START + DAY_MS,
    });

    expect(await inspection.unblock(PHONE, { resetBudget: true })).toEqual({
      lifted: 0,
      pausedUntil: null,
      knownBudgetSpentUntil: null,
    });

    expect((await sends()).map(({ state }) => state)).toEqual(["forgiven", "forgiven", "counted"]);
    expect((await wrongCodes()).map(({ phone }) => phone)).toEqual([OTHER_PHONE]);
  });

  test("an unblocking does not find a device that has not tried the number", async () => {
    const { wrong, inspection } = await createNumberScene();
    await wrong();

    await expect(inspection.unblock(PHONE, { device: "unknown", resetBudget: false })).rejects.toEqual(
      expect.objectContaining({ reason: "not-found" }),
    );
  });
});
