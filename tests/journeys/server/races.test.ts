import { v7 as uuidv7 } from "uuid";
import { refusalOf } from "@edvoyage/client-sdk/rpc";
import type { SignIn } from "@edvoyage/server";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, joinWorld, type World } from "../../support/servers/world.ts";
import { roundsOf } from "../../support/scale.ts";

const CALLS = roundsOf({ quick: 200, whole: 1_000 });
const limits = { callsPerMinutePerIp: 1_000_000 };

/** Counts answers by their outcome: `answered`, the reason of the refusal, or `lost`. */
const countAnswers = (settled: readonly PromiseSettledResult<unknown>[]) => {
  const counts: Record<string, number> = {};
  for (const answer of settled) {
    const outcome = answer.status === "fulfilled" ? "answered" : (refusalOf(answer.reason)?.reason ?? "lost");
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
};

/** Counts sign-ins as `countAnswers` does, and collects the different session keys. */
const countSignIns = async (answers: readonly Promise<SignIn>[]) => {
  const settled = await Promise.allSettled(answers);
  const counts = countAnswers(settled);
  const tokens = new Set(
    settled.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.token] : [])),
  );
  return { counts, tokens };
};

const countWrongCodes = async (worlds: readonly World[]): Promise<number> => {
  const texts = await Promise.all(worlds.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  const counts = texts.map((text) =>
    Number(/^edvoyage_codes_judged_total\{outcome="wrong"\} (\d+)$/m.exec(text)?.[1]),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

describe.each(DIALECTS)("concurrent calls, on %s", (dialect) => {
  test(`[SI34] open exactly one session with ${CALLS} right codes`, async () => {
    const { device, admin } = await createWorld({ dialect, limits });
    const phone = device();
    await phone.requestCode();

    const { counts } = await countSignIns(Array.from({ length: CALLS }, () => phone.verify()));

    expect(counts).toEqual({ answered: 1, "otp/expired": CALLS - 1 });
    expect((await admin.admin.sessions.list.query({ includeEnded: true })).items).toHaveLength(1);
  });

  test(`[SI7] [SI34] return the same session for ${CALLS} repetitions of one command`, async () => {
    const { device, admin } = await createWorld({ dialect, limits });
    const phone = device();
    await phone.requestCode();
    const commandId = uuidv7();

    const { counts, tokens } = await countSignIns(
      Array.from({ length: CALLS }, () => phone.verify({ commandId })),
    );

    expect(counts).toEqual({ answered: CALLS });
    expect(tokens.size).toBe(1);
    expect((await admin.admin.sessions.list.query({ includeEnded: true })).items).toHaveLength(1);
  });

  test(`[SI33] have only three of ${CALLS} wrong codes checked`, async () => {
    const world = await createWorld({ dialect, limits });
    const phone = world.device();
    await phone.requestCode();
    const code = phone.wrongCode();

    const { counts } = await countSignIns(Array.from({ length: CALLS }, () => phone.verify({ code })));

    expect(counts).toEqual({ "otp/incorrect": 2, "otp/blocked": CALLS - 2 });
    expect(await countWrongCodes([world])).toBe(3);
  });

  test("[SI33] [SI34] sign in at most once, and check at most three codes, when one right code is among wrong ones", async () => {
    const world = await createWorld({ dialect, limits });
    const phone = world.device();
    await phone.requestCode();
    const [right, wrong] = [phone.code(), phone.wrongCode()];

    const { counts } = await countSignIns(
      Array.from({ length: 200 }, (_, index) => phone.verify({ code: index % 5 === 2 ? right : wrong })),
    );

    const { answered = 0, ...refused } = counts;
    expect(answered).toBeLessThanOrEqual(1);
    const reasons = new Set(["otp/incorrect", "otp/blocked", "otp/expired"]);
    expect(Object.keys(refused).filter((reason) => !reasons.has(reason))).toEqual([]);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(200);
    // Either the right code came first and used the challenge up, or three wrong ones blocked it.
    const wrongCodes = await countWrongCodes([world]);
    expect(wrongCodes).toBeLessThanOrEqual(3);
    expect(answered === 1 || wrongCodes === 3).toBe(true);
  });

  test("[SI34] send one message and return one challenge for 100 code requests", async () => {
    const { device, sms } = await createWorld({ dialect, limits });
    const phone = device();

    const challenges = await Promise.all(Array.from({ length: 100 }, () => phone.requestCode()));

    expect(new Set(challenges.map(({ challengeId }) => challengeId)).size).toBe(1);
    expect(sms).toHaveLength(1);
  });

  test("[SI24] [SI34] send no more than ten messages to one number with 50 new devices", async () => {
    const { device, sms } = await createWorld({ dialect, limits });
    const { phone } = device();

    const requests = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        device({ phone, ip: `198.51.100.${index + 1}` }).requestCode(),
      ),
    );

    expect(countAnswers(requests)).toEqual({ answered: 10, "otp/throttled": 40 });
    expect(sms).toHaveLength(10);
  });

  test("[SI34] [SI36] leave ten sessions after 20 sign-ins of one student's devices", async () => {
    const { device, admin } = await createWorld({ dialect, limits: { ...limits, sendsPerDayPerPhone: 20 } });
    const { phone } = device();
    const answers: (() => Promise<SignIn>)[] = [];
    for (let index = 0; index < 20; index += 1) {
      const studentDevice = device({ phone, ip: `198.51.100.${index + 1}` });
      await studentDevice.requestCode();
      const code = studentDevice.code();
      answers.push(() => studentDevice.verify({ code }));
    }

    const { counts, tokens } = await countSignIns(answers.map((answer) => answer()));

    expect(counts).toEqual({ answered: 20 });
    expect(tokens.size).toBe(20);
    expect((await admin.admin.sessions.list.query({ phone, limit: 100 })).items).toHaveLength(10);
  });

  test("[SI26] [SI34] refund the messages of ten out of 20 sign-ins with one phone", async () => {
    const { device, admin } = await createWorld({ dialect, limits: { ...limits, sendsPerDayPerPhone: 20 } });
    const { phone } = device();
    const answers: (() => Promise<SignIn>)[] = [];
    for (let index = 0; index < 20; index += 1) {
      const studentDevice = device({ phone, ip: `198.51.100.${index + 1}` });
      await studentDevice.requestCode();
      const code = studentDevice.code();
      answers.push(() => studentDevice.verify({ code }));
    }

    const { counts } = await countSignIns(answers.map((answer) => answer()));

    expect(counts).toEqual({ answered: 20 });
    expect(await admin.admin.numbers.show.query({ phone })).toMatchObject({ messagesOfDay: 10 });
  });

  test("[SI25] [SI34] send no more than the shared messages for 1,000 requests by ten known devices of a phone", async () => {
    const { device, sms } = await createWorld({
      dialect,
      limits: { ...limits, sendsPerDayPerPhoneForKnownDevices: 4 },
    });
    const { phone } = device();
    const knownDevices = Array.from({ length: 10 }, (_, index) =>
      device({ phone, ip: `198.51.100.${index + 1}` }),
    );
    for (const knownDevice of knownDevices) await knownDevice.signIn();
    sms.length = 0;

    const requests = await Promise.allSettled(
      Array.from({ length: CALLS / knownDevices.length }, () =>
        knownDevices.map((knownDevice) => knownDevice.requestCode()),
      ).flat(),
    );

    const { answered = 0, ...refused } = countAnswers(requests);
    expect(answered).toBeGreaterThanOrEqual(4);
    expect(answered + (refused["otp/throttled"] ?? 0)).toBe(CALLS);
    expect(sms).toHaveLength(4);
  });
});

// Needs PostgreSQL; databases.setup.ts prints what was skipped on a machine without one.
describe.skipIf(!DIALECTS.includes("postgres"))("concurrent calls to two servers on one PostgreSQL", () => {
  const twoServers = async () => {
    const one = await createWorld({ dialect: "postgres", limits });
    const other = await joinWorld(one, { limits });
    return { one, other };
  };

  test(`[SI34] open exactly one session with ${CALLS} right codes`, async () => {
    const { one, other } = await twoServers();
    const phone = one.device();
    const { challengeId } = await phone.requestCode();
    const onOther = other.device(phone);

    const { counts } = await countSignIns(
      Array.from({ length: CALLS }, (_, index) =>
        index % 2 ? phone.verify() : onOther.verify({ challengeId }),
      ),
    );

    expect(counts).toEqual({ answered: 1, "otp/expired": CALLS - 1 });
  });

  test(`[SI33] have only three of ${CALLS} wrong codes checked`, async () => {
    const { one, other } = await twoServers();
    const phone = one.device();
    const { challengeId } = await phone.requestCode();
    const onOther = other.device(phone);
    const code = phone.wrongCode();

    const { counts } = await countSignIns(
      Array.from({ length: CALLS }, (_, index) =>
        index % 2 ? phone.verify({ code }) : onOther.verify({ challengeId, code }),
      ),
    );

    expect(counts).toEqual({ "otp/incorrect": 2, "otp/blocked": CALLS - 2 });
    expect(await countWrongCodes([one, other])).toBe(3);
  });
});
