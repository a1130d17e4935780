import { refusalOf } from "@edvoyage/client-sdk/rpc";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import type { Device } from "../../support/students/device.ts";
import { createWorld, expectRefusal, somePhone, type World } from "../../support/servers/world.ts";
import { roundsOf } from "../../support/scale.ts";

/** The number of strangers; each makes ten tries. */
const STRANGERS = roundsOf({ quick: 200, whole: 1_000 });

/** Returns a different address for each index. */
const addressAt = (index: number): string => `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`;

describe.each(DIALECTS)("the budget of wrong codes, on %s", (dialect) => {
  test("[SI17] ends the live 6-digit challenges of strangers after nine wrong codes in a day; new codes have 8 digits", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const waiting = world.device({ phone, ip: addressAt(99) });
    await waiting.requestCode();

    await spendWrongCodes(world, phone, 9);

    await expectRefusal(waiting.verify({ code: "000000" }), "otp/expired");
    world.clock.advance({ seconds: 30 });
    const next = await waiting.requestCode();
    expect(next.codeLength).toBe(8);
    expect(waiting.code()).toMatch(/^\d{8}$/);
    expect(await waiting.verify()).toMatchObject({ user: { phone } });
  });

  test("[SI20] [SI22] leaves a known device its 6 digits and its first try after strangers have spent it", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();

    await spendWrongCodes(world, student.phone, 9);

    expect(await student.requestCode()).toMatchObject({ codeLength: 6, attemptsRemaining: 3 });
    expect(await student.verify()).toMatchObject({ isNewUser: false });
  });

  test("[SI17] allows 6 digits again a day later, until 30 wrong codes in 30 days", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    for (let day = 0; day < 3; day += 1) {
      await spendWrongCodes(world, phone, 9);
      world.clock.advance({ days: 1 });
    }
    expect(await world.device({ phone, ip: addressAt(90) }).requestCode()).toMatchObject({ codeLength: 6 });

    await spendWrongCodes(world, phone, 3);
    world.clock.advance({ days: 1 });

    expect(await world.device({ phone, ip: addressAt(91) }).requestCode()).toMatchObject({ codeLength: 8 });
    world.clock.advance({ days: 26 });
    expect(await world.device({ phone, ip: addressAt(92) }).requestCode()).toMatchObject({ codeLength: 6 });
  });

  test("[SI18] pauses strangers after 100 wrong codes in 30 days, but not the known device", async () => {
    const world = await createWorld({ dialect, limits: { wrongCodesPerMonth: 12 } });
    const student = world.device();
    await student.signIn();
    const waiting = world.device({ phone: student.phone, ip: addressAt(99) });
    const startedAt = world.clock.now();

    await spendWrongCodes(world, student.phone, 9);
    await waiting.requestCode();
    await spendWrongCodes(world, student.phone, 3);

    const retryAfterSeconds = (startedAt + 30 * 86_400_000 - world.clock.now()) / 1000;
    await expectRefusal(waiting.verify(), "otp/throttled", { retryAfterSeconds });
    await expectRefusal(world.device({ phone: student.phone }).requestCode(), "otp/throttled", {
      retryAfterSeconds,
    });
    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    world.clock.advance({ days: 30 });
    expect(await world.device({ phone: student.phone }).requestCode()).toMatchObject({ codeLength: 6 });
  });

  test("[SI21] treats a device with a revoked session as a stranger again, but not one that logged out", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const [leaver, lost, keeper] = [
      world.device({ phone }),
      world.device({ phone }),
      world.device({ phone }),
    ];
    const left = await leaver.signIn();
    const stolen = await lost.signIn();
    const kept = await keeper.signIn();
    await left.rpc.sessions.logout.mutate();
    await kept.rpc.sessions.revoke.mutate({ sessionId: stolen.session.id });

    await spendWrongCodes(world, phone, 9);

    expect(await leaver.requestCode()).toMatchObject({ codeLength: 6 });
    expect(await lost.requestCode()).toMatchObject({ codeLength: 8 });
  });

  test("[SI19] treats a device as known for 180 days after its last sign-in", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();

    world.clock.advance({ days: 180, ms: -1 });
    await spendWrongCodes(world, student.phone, 9);
    expect(await student.requestCode()).toMatchObject({ codeLength: 6 });
    world.clock.advance({ seconds: 30 });

    expect(await student.requestCode()).toMatchObject({ codeLength: 8 });
  });

  test("[SI20] allows a known device 30 wrong codes of its own in 30 days, which do not count against strangers", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();
    for (let block = 0; block < 10; block += 1) {
      await student.requestCode();
      for (let i = 0; i < 3; i += 1) await student.verify({ code: student.wrongCode() }).catch(() => {});
      world.clock.advance({ hours: 1 });
    }

    await spendWrongCodes(world, student.phone, 9);

    expect(await student.requestCode()).toMatchObject({ codeLength: 8 });
  });
});

describe.each(DIALECTS)("the limit of sign-in messages, on %s", (dialect) => {
  test("[SI24] allows a number ten a day from strangers, three of them from one address, and its known devices their own", async () => {
    const world = await createWorld({ dialect });
    const student = world.device({ ip: addressAt(0) });
    await student.signIn();
    world.sms.length = 0;
    const { phone } = student;

    for (let i = 0; i < 3; i += 1) await world.device({ phone, ip: addressAt(1) }).requestCode();
    await expectRefusal(world.device({ phone, ip: addressAt(1) }).requestCode(), "otp/throttled", {
      retryAfterSeconds: 86_400,
    });
    for (let i = 0; i < 7; i += 1) await world.device({ phone, ip: addressAt(2 + i) }).requestCode();
    await expectRefusal(world.device({ phone, ip: addressAt(50) }).requestCode(), "otp/throttled", {
      retryAfterSeconds: 86_400,
    });

    expect(world.sms).toHaveLength(10);
    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    world.clock.advance({ days: 1 });
    await world.device({ phone, ip: addressAt(1) }).requestCode();
  });

  test("[SI24] counts one IPv6 subscriber as one address, whatever the lower 64 bits are", async () => {
    const { device } = await createWorld({ dialect });
    const phone = somePhone();

    for (let i = 0; i < 3; i += 1) await device({ phone, ip: `2001:db8:1:2::${i + 1}` }).requestCode();

    await expectRefusal(device({ phone, ip: "2001:db8:1:2:ffff::9" }).requestCode(), "otp/throttled");
    await device({ phone, ip: "2001:db8:1:3::1" }).requestCode();
  });

  test("[SI26] refunds messages that end in a sign-in, for up to ten sign-ins in 24 hours", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const reinstalled = (index: number) => world.device({ phone, ip: addressAt(index) });

    for (let index = 0; index < 20; index += 1) await reinstalled(index).signIn();

    // Ten were refunded, and ten count against the budget of devices unknown to the number.
    await expectRefusal(reinstalled(20).requestCode(), "otp/throttled", { retryAfterSeconds: 86_400 });
    expect(world.sms).toHaveLength(20);
    world.clock.advance({ days: 1, ms: -1 });
    await expectRefusal(reinstalled(20).requestCode(), "otp/throttled");
    world.clock.advance({ ms: 1 });
    for (let index = 20; index < 40; index += 1) await reinstalled(index).signIn();
    await expectRefusal(reinstalled(40).requestCode(), "otp/throttled", { retryAfterSeconds: 86_400 });
  });

  test("[SI24] [SI26] allows an address three messages a day to one number, not counting refunded ones", async () => {
    const { device, sms } = await createWorld({ dialect });
    const phone = somePhone();

    for (let index = 0; index < 13; index += 1) await device({ phone }).signIn();

    await expectRefusal(device({ phone }).requestCode(), "otp/throttled", { retryAfterSeconds: 86_400 });
    expect(sms).toHaveLength(13);
  });

  test("[SI25] allows a number's known devices 15 messages a day together and strangers ten, from separate budgets", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const knownDevices = Array.from({ length: 4 }, (_, index) =>
      world.device({ phone, ip: addressAt(index) }),
    );
    for (const device of knownDevices) await device.signIn();
    const [first, second, third, last] = knownDevices;

    // One device may request five an hour.
    for (const device of [first, second, third]) {
      for (let i = 0; i < 5; i += 1) {
        await device?.requestCode();
        world.clock.advance({ minutes: 2 });
      }
    }

    await expectRefusal(last?.requestCode() ?? Promise.resolve(), "otp/throttled", {
      retryAfterSeconds: 86_400 - 30 * 60,
    });
    for (let index = 0; index < 10; index += 1)
      await world.device({ phone, ip: addressAt(10 + index) }).requestCode();
    await expectRefusal(world.device({ phone, ip: addressAt(30) }).requestCode(), "otp/throttled");
    expect(world.sms).toHaveLength(4 + 15 + 10);
    world.clock.advance({ days: 1, minutes: -30 });
    expect(await last?.signIn()).toMatchObject({ isNewUser: false });
  });

  test("[SI27] allows one address 120 messages an hour, while known devices behind it continue to sign in", async () => {
    const world = await createWorld({ dialect, limits: { sendsPerHourPerIp: 5 } });
    const campus = "203.0.113.9";
    const student = world.device({ ip: campus });
    await student.signIn();
    for (let i = 0; i < 4; i += 1) await world.device({ ip: campus }).requestCode();

    await expectRefusal(world.device({ ip: campus }).requestCode(), "otp/throttled", {
      retryAfterSeconds: 3_600,
    });

    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    expect(await world.device({ ip: "203.0.113.10" }).requestCode()).toMatchObject({ codeLength: 6 });
    world.clock.advance({ hours: 1 });
    await world.device({ ip: campus }).requestCode();
  });

  test("[SI28] caps the server's messages per hour, with a reserve for known devices", async () => {
    const world = await createWorld({
      dialect,
      limits: { sendsPerHourReserve: 1 },
      environment: { EDVOYAGE_SMS_HOURLY_CAP: "3" },
    });
    const [student, other] = [world.device(), world.device()];
    await student.signIn();
    await other.signIn();
    await world.device().requestCode();

    await expectRefusal(world.device().requestCode(), "otp/throttled", { retryAfterSeconds: 3_600 });
    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    await expectRefusal(other.requestCode(), "otp/throttled");
    world.clock.advance({ hours: 1 });
    await world.device().requestCode();
  });

  test("[SI29] refunds a message that the provider definitely refused, but not one with an unknown outcome", async () => {
    const { SmsRefusedError } = await import("@edvoyage/server/app");
    const answers: (Error | undefined)[] = [];
    const world = await createWorld({
      dialect,
      smsProvider: {
        name: "webhook",
        send: async () => {
          const answer = answers.shift();
          if (answer) throw answer;
        },
      },
    });
    const phone = world.device();

    answers.push(new SmsRefusedError("no"));
    await expectRefusal(phone.requestCode(), "sms/failed");
    answers.push(new Error("timeout"));
    const refusal = await expectRefusal(phone.requestCode(), "sms/failed", { retryAfterSeconds: 30 });

    expect(JSON.stringify(refusal)).not.toContain(phone.phone);
    const nextChallenge = await phone.requestCode();
    expect(nextChallenge.resendAt - world.clock.now()).toBe(30_000);
  });

  test("[SI29] counts a refused message for its address, but not for its phone and the server", async () => {
    const { SmsRefusedError } = await import("@edvoyage/server/app");
    let isRefusing = true;
    const world = await createWorld({
      dialect,
      limits: { sendsPerHourPerIp: 3, sendsPerDayPerPhone: 1, sendsPerHour: 1 },
      smsProvider: {
        name: "webhook",
        send: async () => {
          if (isRefusing) throw new SmsRefusedError("no such number");
        },
      },
    });
    const phone = somePhone();
    const [campus, home] = [addressAt(1), addressAt(2)];

    for (let i = 0; i < 3; i += 1)
      await expectRefusal(world.device({ phone, ip: campus }).requestCode(), "sms/failed");
    isRefusing = false;

    await expectRefusal(world.device({ phone, ip: campus }).requestCode(), "otp/throttled", {
      retryAfterSeconds: 3_600,
    });
    expect(await world.device({ phone, ip: home }).requestCode()).toMatchObject({ codeLength: 6 });
  });
});

describe.each(DIALECTS)("a stranger with unlimited time, on %s", (dialect) => {
  test(`[SI17] [SI22] never locks the student out with ${STRANGERS * 10} tries from ${STRANGERS} devices and addresses`, async () => {
    const world = await createWorld({ dialect });
    const student = world.device({ ip: "192.0.2.1" });
    await student.signIn();
    world.sms.length = 0;
    const { phone } = student;
    const strangers = Array.from({ length: STRANGERS }, (_, index) =>
      world.device({ phone, ip: addressAt(index) }),
    );
    const tries = { made: 0, judged: 0, sixDigits: 0 };

    // Two rounds within one day: every device requests a challenge, then sends four codes to the challenge it has.
    for (let round = 0; round < 2; round += 1) {
      const codeLengthByDevice = new Map<Device, number>();
      await inParallel(strangers, async (stranger) => {
        tries.made += 1;
        const challenge = await stranger.requestCode().catch(() => undefined);
        if (challenge) codeLengthByDevice.set(stranger, challenge.codeLength);
      });
      for (let guess = 0; guess < 4; guess += 1) {
        await inParallel(strangers, async (stranger) => {
          tries.made += 1;
          const codeLength = codeLengthByDevice.get(stranger);
          const answer = codeLength ? { code: stranger.wrongCode().slice(0, codeLength) } : UNKNOWN_CHALLENGE;
          const reason = await reasonOf(stranger.verify(answer));
          if (reason !== "otp/incorrect" && reason !== "otp/blocked") return;
          // The fourth code is refused by the block and not compared.
          if (guess < 3) tries.judged += 1;
          if (guess < 3 && codeLength === 6) tries.sixDigits += 1;
        });
      }
      world.clock.advance({ hours: 10 });
    }

    expect(tries.made).toBe(STRANGERS * 10);
    expect(world.sms).toHaveLength(10);
    expect(tries.sixDigits).toBe(9);
    expect(tries.judged).toBeLessThanOrEqual(30);
    expect(await student.signIn()).toMatchObject({ isNewUser: false });
  }, 180_000);
});

const UNKNOWN_CHALLENGE = { challengeId: "01990000-0000-7000-8000-000000000000", code: "123123" };

const reasonOf = async (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => expect.fail("a stranger signed in"),
    (error: unknown) => refusalOf(error)?.reason,
  );

/** Sends this many wrong codes of 6 or more digits now, from new devices at many addresses; each is compared. */
const spendWrongCodes = async (world: World, phone: string, wrongCodes: number): Promise<void> => {
  let left = wrongCodes;
  for (let index = 10; left > 0; index += 1) {
    const stranger = world.device({ phone, ip: addressAt(index + wrongCodes * 20) });
    await stranger.requestCode();
    for (let i = 0; i < 3 && left > 0; i += 1) {
      expect(await reasonOf(stranger.verify({ code: stranger.wrongCode() }))).toMatch(
        /^otp\/(incorrect|blocked)$/,
      );
      left -= 1;
    }
  }
};

/** Runs fifty at a time, so that sockets do not run out. */
const inParallel = async <T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> => {
  for (let start = 0; start < items.length; start += 50)
    await Promise.all(items.slice(start, start + 50).map(act));
};
