import { v7 as uuidv7 } from "uuid";
import { refusalOf } from "@edvoyage/client-sdk/rpc";
import type { SignIn } from "@edvoyage/server";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../support/databases.ts";
import { createWorld, joinWorld, type World } from "../support/world.ts";
import { roundsOf } from "../support/scale.ts";

const MANY = roundsOf({ quick: 200, whole: 1_000 });
const limits = { callsPerMinutePerIp: 1_000_000 };

/** Answers by what became of them: `signed-in` or a reason. */
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

const judgedWrong = async (worlds: readonly World[]): Promise<number> => {
  const texts = await Promise.all(worlds.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  const counts = texts.map((text) =>
    Number(/^edvoyage_codes_judged_total\{outcome="wrong"\} (\d+)$/m.exec(text)?.[1]),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

describe.each(DIALECTS)("races, on %s", (dialect) => {
  test(`${MANY} right answers at once give exactly one session`, async () => {
    const { device, admin } = await createWorld({ dialect, limits });
    const phone = device();
    await phone.requestCode();

    const { counts } = await countOutcomes(Array.from({ length: MANY }, () => phone.verify()));

    expect(counts).toEqual({ "signed-in": 1, "otp/expired": MANY - 1 });
    expect((await admin.admin.sessions.list.query({ includeEnded: true })).items).toHaveLength(1);
  });

  test(`${MANY} repetitions of one command at once get the same session`, async () => {
    const { device, admin } = await createWorld({ dialect, limits });
    const phone = device();
    await phone.requestCode();
    const commandId = uuidv7();

    const { counts, tokens } = await countOutcomes(
      Array.from({ length: MANY }, () => phone.verify({ commandId })),
    );

    expect(counts).toEqual({ "signed-in": MANY });
    expect(tokens.size).toBe(1);
    expect((await admin.admin.sessions.list.query({ includeEnded: true })).items).toHaveLength(1);
  });

  test(`${MANY} wrong answers at once are judged three times`, async () => {
    const world = await createWorld({ dialect, limits });
    const phone = world.device();
    await phone.requestCode();
    const code = phone.wrongCode();

    const { counts } = await countOutcomes(Array.from({ length: MANY }, () => phone.verify({ code })));

    expect(counts).toEqual({ "otp/incorrect": 2, "otp/blocked": MANY - 2 });
    expect(await judgedWrong([world])).toBe(3);
  });

  test("the right answer among wrong ones signs in once or is blocked, and no more than three are judged", async () => {
    const world = await createWorld({ dialect, limits });
    const phone = world.device();
    await phone.requestCode();
    const [right, wrong] = [phone.code(), phone.wrongCode()];

    const { counts } = await countOutcomes(
      Array.from({ length: 200 }, (_, index) => phone.verify({ code: index % 5 === 2 ? right : wrong })),
    );

    expect(counts["signed-in"] ?? 0).toBeLessThanOrEqual(1);
    expect(await judgedWrong([world])).toBeLessThanOrEqual(3);
  });

  test("100 requests for a code at once send one message and give one challenge", async () => {
    const { device, sms } = await createWorld({ dialect, limits });
    const phone = device();

    const challenges = await Promise.all(Array.from({ length: 100 }, () => phone.requestCode()));

    expect(new Set(challenges.map(({ challengeId }) => challengeId)).size).toBe(1);
    expect(sms).toHaveLength(1);
  });

  test("50 new devices of one number at once get no more than its ten messages", async () => {
    const { device, sms } = await createWorld({ dialect, limits });
    const { phone } = device();

    await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        device({ phone, ip: `198.51.100.${index + 1}` }).requestCode(),
      ),
    );

    expect(sms).toHaveLength(10);
  });

  test("20 devices of a student that sign in at once leave ten sessions", async () => {
    const { device, admin } = await createWorld({ dialect, limits: { ...limits, sendsPerDayPerPhone: 20 } });
    const { phone } = device();
    const answers: (() => Promise<SignIn>)[] = [];
    for (let index = 0; index < 20; index += 1) {
      const one = device({ phone, ip: `198.51.100.${index + 1}` });
      await one.requestCode();
      const code = one.code();
      answers.push(() => one.verify({ code }));
    }

    const { counts, tokens } = await countOutcomes(answers.map((answer) => answer()));

    expect(counts).toEqual({ "signed-in": 20 });
    expect(tokens.size).toBe(20);
    expect((await admin.admin.sessions.list.query({ phone, limit: 100 })).items).toHaveLength(10);
  });

  test("of 20 sign-ins at once with one phone, ten are given back", async () => {
    const { device, admin } = await createWorld({ dialect, limits: { ...limits, sendsPerDayPerPhone: 20 } });
    const { phone } = device();
    const answers: (() => Promise<SignIn>)[] = [];
    for (let index = 0; index < 20; index += 1) {
      const one = device({ phone, ip: `198.51.100.${index + 1}` });
      await one.requestCode();
      const code = one.code();
      answers.push(() => one.verify({ code }));
    }

    const { counts } = await countOutcomes(answers.map((answer) => answer()));

    expect(counts).toEqual({ "signed-in": 20 });
    expect(await admin.admin.numbers.show.query({ phone })).toMatchObject({ messagesOfDay: 10 });
  });

  test("1,000 requests at once by the ten known devices of a phone get no more than their shared messages", async () => {
    const { device, sms } = await createWorld({
      dialect,
      limits: { ...limits, sendsPerDayPerPhoneForKnownDevices: 4 },
    });
    const { phone } = device();
    const known = Array.from({ length: 10 }, (_, index) => device({ phone, ip: `198.51.100.${index + 1}` }));
    for (const one of known) await one.signIn();
    sms.length = 0;

    await Promise.allSettled(
      Array.from({ length: MANY / known.length }, () => known.map((one) => one.requestCode())).flat(),
    );

    expect(sms).toHaveLength(4);
  });
});

// Needs PostgreSQL; a machine without one is told loudly what was not run (postgres.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("races between two servers on one PostgreSQL", () => {
  const twoServers = async () => {
    const one = await createWorld({ dialect: "postgres", limits });
    const other = await joinWorld(one, { limits });
    return { one, other };
  };

  test(`${MANY} right answers, half to each, give exactly one session`, async () => {
    const { one, other } = await twoServers();
    const phone = one.device();
    const { challengeId } = await phone.requestCode();
    const onOther = other.device(phone);

    const { counts } = await countOutcomes(
      Array.from({ length: MANY }, (_, index) =>
        index % 2 ? phone.verify() : onOther.verify({ challengeId }),
      ),
    );

    expect(counts).toEqual({ "signed-in": 1, "otp/expired": MANY - 1 });
  });

  test(`${MANY} wrong answers, half to each, are judged three times`, async () => {
    const { one, other } = await twoServers();
    const phone = one.device();
    const { challengeId } = await phone.requestCode();
    const onOther = other.device(phone);
    const code = phone.wrongCode();

    const { counts } = await countOutcomes(
      Array.from({ length: MANY }, (_, index) =>
        index % 2 ? phone.verify({ code }) : onOther.verify({ challengeId, code }),
      ),
    );

    expect(counts).toEqual({ "otp/incorrect": 2, "otp/blocked": MANY - 2 });
    expect(await judgedWrong([one, other])).toBe(3);
  });
});
