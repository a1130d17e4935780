import { v7 as uuidv7 } from "uuid";
import { refusalOf } from "@edvoyage/client-sdk/rpc";
import type { SignIn } from "@edvoyage/server";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, joinWorld, type World } from "../../support/servers/world.ts";
import { roundsOf } from "../../support/scale.ts";

const CALLS = roundsOf({ quick: 200, whole: 1_000 });
const limits = { callsPerMinutePerIp: 1_000_000 };

/** Counts answers by their outcome: `signed-in`, the reason of the refusal, or `lost`. */
const countOutcomes = async (answers: readonly Promise<SignIn>[]) => {
  const settled = await Promise.allSettled(answers);
  const counts: Record<string, number> = {};
  for (const answer of settled) {
    const outcome =
      answer.status === "fulfilled" ? "signed-in" : (refusalOf(answer.reason)?.reason ?? "lost");
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
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

    const { counts } = await countOutcomes(Array.from({ length: CALLS }, () => phone.verify()));

    expect(counts).toEqual({ "signed-in": 1, "otp/expired": CALLS - 1 });
    expect((await admin.admin.sessions.list.query({ includeEnded: true })).items).toHaveLength(1);
  });

  test(`[SI7] [SI34] return the same session for ${CALLS} repetitions of one command`, async () => {
    const { device, admin } = await createWorld({ dialect, limits });
    const phone = device();
    await phone.requestCode();
    const commandId = uuidv7();

    const { counts, tokens } = await countOutcomes(
      Array.from({ length: CALLS }, () => phone.verify({ commandId })),
    );

    expect(counts).toEqual({ "signed-in": CALLS });
    expect(tokens.size).toBe(1);
    expect((await admin.admin.sessions.list.query({ includeEnded: true })).items).toHaveLength(1);
  });

  test(`[SI33] have only three of ${CALLS} wrong codes checked`, async () => {
    const world = await createWorld({ dialect, limits });
    const phone = world.device();
    await phone.requestCode();
    const code = phone.wrongCode();

    const { counts } = await countOutcomes(Array.from({ length: CALLS }, () => phone.verify({ code })));

    expect(counts).toEqual({ "otp/incorrect": 2, "otp/blocked": CALLS - 2 });
    expect(await countWrongCodes([world])).toBe(3);
  });

  test("[SI33] [SI34] sign in at most once, and check at most three codes, when one right code is among wrong ones", async () => {
    const world = await createWorld({ dialect, limits });
    const phone = world.device();
    await phone.requestCode();
    const [right, wrong] = [phone.code(), phone.wrongCode()];

    const { counts } = await countOutcomes(
      Array.from({ length: 200 }, (_, index) => phone.verify({ code: index % 5 === 2 ? right : wrong })),
    );

    expect(counts["signed-in"] ?? 0).toBeLessThanOrEqual(1);
    expect(await countWrongCodes([world])).toBeLessThanOrEqual(3);
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

    await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        device({ phone, ip: `198.51.100.${index + 1}` }).requestCode(),
      ),
    );

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

    const { counts, tokens } = await countOutcomes(answers.map((answer) => answer()));

    expect(counts).toEqual({ "signed-in": 20 });
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

    const { counts } = await countOutcomes(answers.map((answer) => answer()));

    expect(counts).toEqual({ "signed-in": 20 });
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

    await Promise.allSettled(
      Array.from({ length: CALLS / knownDevices.length }, () =>
        knownDevices.map((knownDevice) => knownDevice.requestCode()),
      ).flat(),
    );

    expect(sms).toHaveLength(4);
  });
});

// Needs PostgreSQL; postgres.setup.ts prints what was skipped on a machine without one.
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

    const { counts } = await countOutcomes(
      Array.from({ length: CALLS }, (_, index) =>
        index % 2 ? phone.verify() : onOther.verify({ challengeId }),
      ),
    );

    expect(counts).toEqual({ "signed-in": 1, "otp/expired": CALLS - 1 });
  });

  test(`[SI33] have only three of ${CALLS} wrong codes checked`, async () => {
    const { one, other } = await twoServers();
    const phone = one.device();
    const { challengeId } = await phone.requestCode();
    const onOther = other.device(phone);
    const code = phone.wrongCode();

    const { counts } = await countOutcomes(
      Array.from({ length: CALLS }, (_, index) =>
        index % 2 ? phone.verify({ code }) : onOther.verify({ challengeId, code }),
      ),
    );

    expect(counts).toEqual({ "otp/incorrect": 2, "otp/blocked": CALLS - 2 });
    expect(await countWrongCodes([one, other])).toBe(3);
  });
});
