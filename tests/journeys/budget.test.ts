import { refusalOf } from "@edvoyage/client-sdk/rpc";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../support/databases.ts";
import type { Device } from "../support/device.ts";
import { createWorld, expectRefusal, somePhone, type World } from "../support/world.ts";
import { roundsOf } from "../support/scale.ts";

/** Each makes ten tries. */
const STRANGERS = roundsOf({ quick: 200, whole: 1_000 });

/** An address of its own for each number. */
const address = (index: number): string => `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`;

describe.each(DIALECTS)("the budget of wrong codes, on %s", (dialect) => {
  test("nine wrong 6-digit codes in a day kill live 6-digit challenges of strangers; new codes have 8 digits", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const waiting = world.device({ phone, ip: address(99) });
    await waiting.requestCode();

    await spend(world, phone, 9);

    await expectRefusal(waiting.verify({ code: "000000" }), "otp/expired");
    world.clock.advance({ seconds: 30 });
    const next = await waiting.requestCode();
    expect(next.codeLength).toBe(8);
    expect(waiting.code()).toMatch(/^\d{8}$/);
    expect(await waiting.verify()).toMatchObject({ user: { phone } });
  });

  test("a known device has 6 digits and its first try while strangers have spent the budget", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();

    await spend(world, student.phone, 9);

    expect(await student.requestCode()).toMatchObject({ codeLength: 6, attemptsRemaining: 3 });
    expect(await student.verify()).toMatchObject({ isNewUser: false });
  });

  test("a day later 6 digits are back, until 30 wrong ones in 30 days", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    for (let day = 0; day < 3; day += 1) {
      await spend(world, phone, 9);
      world.clock.advance({ days: 1 });
    }
    expect(await world.device({ phone, ip: address(90) }).requestCode()).toMatchObject({ codeLength: 6 });

    await spend(world, phone, 3);
    world.clock.advance({ days: 1 });

    expect(await world.device({ phone, ip: address(91) }).requestCode()).toMatchObject({ codeLength: 8 });
    world.clock.advance({ days: 26 });
    expect(await world.device({ phone, ip: address(92) }).requestCode()).toMatchObject({ codeLength: 6 });
  });

  test("after 100 wrong codes in 30 days strangers are paused, and the known device is not", async () => {
    const world = await createWorld({ dialect, limits: { wrongCodesPerMonth: 12 } });
    const student = world.device();
    await student.signIn();
    const waiting = world.device({ phone: student.phone, ip: address(99) });
    const startedAt = world.clock.now();

    await spend(world, student.phone, 9);
    await waiting.requestCode();
    await spend(world, student.phone, 3);

    const retryAfterSeconds = (startedAt + 30 * 86_400_000 - world.clock.now()) / 1000;
    await expectRefusal(waiting.verify(), "otp/throttled", { retryAfterSeconds });
    await expectRefusal(world.device({ phone: student.phone }).requestCode(), "otp/throttled", {
      retryAfterSeconds,
    });
    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    world.clock.advance({ days: 30 });
    expect(await world.device({ phone: student.phone }).requestCode()).toMatchObject({ codeLength: 6 });
  });

  test("a device whose session was revoked is a stranger again, one that logged out is not", async () => {
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

    await spend(world, phone, 9);

    expect(await leaver.requestCode()).toMatchObject({ codeLength: 6 });
    expect(await lost.requestCode()).toMatchObject({ codeLength: 8 });
  });

  test("a device is known for 180 days after it last signed in", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();

    world.clock.advance({ days: 180, ms: -1 });
    await spend(world, student.phone, 9);
    expect(await student.requestCode()).toMatchObject({ codeLength: 6 });
    world.clock.advance({ seconds: 30 });

    expect(await student.requestCode()).toMatchObject({ codeLength: 8 });
  });

  test("a known device has 30 wrong codes in 30 days of its own, which strangers do not pay", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();
    for (let block = 0; block < 10; block += 1) {
      await student.requestCode();
      for (let i = 0; i < 3; i += 1) await student.verify({ code: student.wrongCode() }).catch(() => {});
      world.clock.advance({ hours: 1 });
    }

    await spend(world, student.phone, 9);

    expect(await student.requestCode()).toMatchObject({ codeLength: 8 });
  });
});

describe.each(DIALECTS)("messages, on %s", (dialect) => {
  test("a number gets ten a day from strangers, three of one address, and its known devices their own", async () => {
    const world = await createWorld({ dialect });
    const student = world.device({ ip: address(0) });
    await student.signIn();
    world.sms.length = 0;
    const { phone } = student;

    for (let i = 0; i < 3; i += 1) await world.device({ phone, ip: address(1) }).requestCode();
    await expectRefusal(world.device({ phone, ip: address(1) }).requestCode(), "otp/throttled", {
      retryAfterSeconds: 86_400,
    });
    for (let i = 0; i < 7; i += 1) await world.device({ phone, ip: address(2 + i) }).requestCode();
    await expectRefusal(world.device({ phone, ip: address(50) }).requestCode(), "otp/throttled", {
      retryAfterSeconds: 86_400,
    });

    expect(world.sms).toHaveLength(10);
    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    world.clock.advance({ days: 1 });
    await world.device({ phone, ip: address(1) }).requestCode();
  });

  test("one IPv6 subscriber is one address, whatever the lower 64 bits", async () => {
    const { device } = await createWorld({ dialect });
    const phone = somePhone();

    for (let i = 0; i < 3; i += 1) await device({ phone, ip: `2001:db8:1:2::${i + 1}` }).requestCode();

    await expectRefusal(device({ phone, ip: "2001:db8:1:2:ffff::9" }).requestCode(), "otp/throttled");
    await device({ phone, ip: "2001:db8:1:3::1" }).requestCode();
  });

  test("messages that end in a sign-in are given back, those of ten sign-ins in 24 hours", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const reinstalled = (index: number) => world.device({ phone, ip: address(index) });

    for (let index = 0; index < 20; index += 1) await reinstalled(index).signIn();

    // Ten were given back, and ten cost the budget of devices unknown to the number.
    await expectRefusal(reinstalled(20).requestCode(), "otp/throttled", { retryAfterSeconds: 86_400 });
    expect(world.sms).toHaveLength(20);
    world.clock.advance({ days: 1, ms: -1 });
    await expectRefusal(reinstalled(20).requestCode(), "otp/throttled");
    world.clock.advance({ ms: 1 });
    for (let index = 20; index < 40; index += 1) await reinstalled(index).signIn();
    await expectRefusal(reinstalled(40).requestCode(), "otp/throttled", { retryAfterSeconds: 86_400 });
  });

  test("an address gets three messages a day to one number besides those that were given back", async () => {
    const { device, sms } = await createWorld({ dialect });
    const phone = somePhone();

    for (let index = 0; index < 13; index += 1) await device({ phone }).signIn();

    await expectRefusal(device({ phone }).requestCode(), "otp/throttled", { retryAfterSeconds: 86_400 });
    expect(sms).toHaveLength(13);
  });

  test("known devices of a number share 15 messages a day, and strangers ten: neither spends the other's", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const known = Array.from({ length: 4 }, (_, index) => world.device({ phone, ip: address(index) }));
    for (const device of known) await device.signIn();
    const [first, second, third, last] = known;

    // Five an hour are what one device gets.
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
      await world.device({ phone, ip: address(10 + index) }).requestCode();
    await expectRefusal(world.device({ phone, ip: address(30) }).requestCode(), "otp/throttled");
    expect(world.sms).toHaveLength(4 + 15 + 10);
    world.clock.advance({ days: 1, minutes: -30 });
    expect(await last?.signIn()).toMatchObject({ isNewUser: false });
  });

  test("one address causes 120 an hour; known devices behind it go on", async () => {
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

  test("the server sends so many an hour in all, with a reserve for known devices", async () => {
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

  test("a definite refusal by the provider gives the allowance back, an unknown outcome does not", async () => {
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
    const again = await phone.requestCode();
    expect(again.resendAt - world.clock.now()).toBe(30_000);
  });
});

describe.each(DIALECTS)("a stranger with all the time in the world, on %s", (dialect) => {
  test(`who tries ${STRANGERS * 10} times from ${STRANGERS} devices and addresses never locks the student out`, async () => {
    const world = await createWorld({ dialect });
    const student = world.device({ ip: "192.0.2.1" });
    await student.signIn();
    world.sms.length = 0;
    const { phone } = student;
    const strangers = Array.from({ length: STRANGERS }, (_, index) =>
      world.device({ phone, ip: address(index) }),
    );
    const tries = { made: 0, judged: 0, sixDigits: 0 };

    // Twice in one day: every device asks for a challenge, then each gives four codes to whatever it has.
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
          const answer = codeLength ? { code: stranger.wrongCode().slice(0, codeLength) } : UNKNOWN;
          const reason = await reasonOf(stranger.verify(answer));
          if (reason !== "otp/incorrect" && reason !== "otp/blocked") return;
          // A fourth answer is refused by the block and not judged.
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

const UNKNOWN = { challengeId: "01990000-0000-7000-8000-000000000000", code: "123123" };

const reasonOf = async (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => expect.fail("a stranger signed in"),
    (error: unknown) => refusalOf(error)?.reason,
  );

/** Wrong 6-digit (or longer) codes by new devices of many addresses, as many as are wanted, all judged now. */
const spend = async (world: World, phone: string, wrongCodes: number): Promise<void> => {
  let left = wrongCodes;
  for (let index = 10; left > 0; index += 1) {
    const stranger = world.device({ phone, ip: address(index + wrongCodes * 20) });
    await stranger.requestCode();
    for (let i = 0; i < 3 && left > 0; i += 1) {
      expect(await reasonOf(stranger.verify({ code: stranger.wrongCode() }))).toMatch(
        /^otp\/(incorrect|blocked)$/,
      );
      left -= 1;
    }
  }
};

/** Fifty at a time, so that sockets do not run out. */
const inParallel = async <T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> => {
  for (let start = 0; start < items.length; start += 50)
    await Promise.all(items.slice(start, start + 50).map(act));
};
