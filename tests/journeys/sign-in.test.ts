import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../support/databases.ts";
import { createWorld, expectRefusal, somePhone } from "../support/world.ts";

const MINUTE_MS = 60_000;

describe.each(DIALECTS)("signing in, on %s", (dialect) => {
  test("the right code opens a session for a new student, and the same student comes back", async () => {
    const { device } = await createWorld({ dialect });
    const phone = somePhone();

    const first = await device({ phone, name: "Asha's phone" }).signIn();
    const second = await device({ phone }).signIn();

    expect(first).toMatchObject({
      isNewUser: true,
      user: { phone },
      session: { deviceName: "Asha's phone" },
    });
    expect(first.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(second).toMatchObject({ isNewUser: false, user: { id: first.user.id } });
    expect(await second.rpc.sessions.validate.query()).toMatchObject({
      user: { id: first.user.id, phone, createdAt: first.user.createdAt },
      session: { id: second.session.id },
    });
    expect(await second.rpc.profile.get.query()).toMatchObject({ id: first.user.id, name: null });
  });

  test("a challenge says how long its code is, when it ends and when to ask again", async () => {
    const { device, clock, sms } = await createWorld({ dialect });

    const challenge = await device().requestCode();

    const now = clock.now();
    expect(challenge).toMatchObject({
      codeLength: 6,
      expiresAt: now + 5 * MINUTE_MS,
      resendAt: now + 30_000,
      attemptsRemaining: 3,
      serverNow: now,
    });
    expect(sms).toHaveLength(1);
    expect(sms[0]?.text).toMatch(/@edvoyage\.app #\d{6}$/);
    expect(Buffer.byteLength(sms[0]?.text ?? "")).toBeLessThanOrEqual(140);
  });

  test("wrong codes leave 2, then 1 try; the third answers the block itself", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();

    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect", { attemptsRemaining: 2 });
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect", { attemptsRemaining: 1 });
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/blocked", {
      attemptsRemaining: 0,
      blockedUntil: clock.now() + 5 * MINUTE_MS,
      retryAfterSeconds: 300,
    });
  });

  test("a block lasts exactly five minutes, for requests and for the right code", async () => {
    const world = await createWorld({ dialect });
    const phone = await blockedDevice(world);
    const blockedUntil = world.clock.now() + 5 * MINUTE_MS;

    await expectRefusal(phone.verify(), "otp/blocked", { blockedUntil });
    await expectRefusal(phone.requestCode(), "otp/blocked", { blockedUntil });
    world.clock.advance({ minutes: 4, seconds: 59 });
    await expectRefusal(phone.requestCode(), "otp/blocked", { blockedUntil, retryAfterSeconds: 1 });
    world.clock.advance({ seconds: 1 });

    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 3 });
    expect(await phone.verify()).toMatchObject({ isNewUser: true });
  });

  test("asking while blocked does not lengthen the block, and a restart does not end it", async () => {
    const world = await createWorld({ dialect });
    const phone = await blockedDevice(world);
    const blockedUntil = world.clock.now() + 5 * MINUTE_MS;
    world.clock.advance({ minutes: 2 });
    await expectRefusal(phone.requestCode(), "otp/blocked", { blockedUntil });

    const after = await world.restart();

    const again = after.device(phone);
    await expectRefusal(again.requestCode(), "otp/blocked", { blockedUntil, retryAfterSeconds: 180 });
    after.clock.advance({ minutes: 3 });
    expect(await again.requestCode()).toMatchObject({ attemptsRemaining: 3 });
  });

  test("a new request, a new challenge and a restart keep the count of wrong codes", async () => {
    const world = await createWorld({ dialect });
    const phone = world.device();
    await phone.signIn();
    await phone.requestCode();
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect", { attemptsRemaining: 2 });

    world.clock.advance({ seconds: 30 });
    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 2 });
    world.clock.advance({ minutes: 6 });
    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 2 });
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect", { attemptsRemaining: 1 });
    const again = (await world.restart()).device(phone);
    world.clock.advance({ minutes: 2 });
    await again.requestCode();

    await expectRefusal(again.verify({ code: again.wrongCode() }), "otp/blocked");
  });

  test("another device of the same number goes on while one is blocked", async () => {
    const world = await createWorld({ dialect });
    const { phone } = await blockedDevice(world);

    expect(await world.device({ phone }).signIn()).toMatchObject({ user: { phone } });
  });

  test("wrong codes that led to no block are forgotten after 24 hours, and on success", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect");
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect");

    clock.advance({ hours: 23, minutes: 59, seconds: 59 });
    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 1 });
    clock.advance({ seconds: 1 });
    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 3 });
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect", { attemptsRemaining: 2 });
    await phone.verify();
    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 3 });
  });

  test("a code expires after five minutes, and counts nothing then", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();

    clock.advance({ minutes: 5 });
    for (let i = 0; i < 5; i += 1)
      await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/expired");
    await expectRefusal(phone.verify(), "otp/expired");

    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 3 });
  });

  test("a code works in the last millisecond of its five minutes", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();

    clock.advance({ minutes: 5, ms: -1 });

    expect(await phone.verify()).toMatchObject({ isNewUser: true });
  });

  test("asking again sends nothing before resendAt, then the same code of the same challenge", async () => {
    const { device, clock, sms } = await createWorld({ dialect });
    const phone = device();
    const first = await phone.requestCode();

    clock.advance({ seconds: 29 });
    const early = await phone.requestCode();
    expect(early).toMatchObject({ challengeId: first.challengeId, resendAt: first.resendAt });
    expect(sms).toHaveLength(1);
    clock.advance({ seconds: 1 });
    const again = await phone.requestCode();

    expect(again).toMatchObject({ challengeId: first.challengeId, expiresAt: first.expiresAt });
    expect(again.resendAt).toBe(clock.now() + 60_000);
    expect(sms.map(({ code }) => code)).toEqual([sms[0]?.code, sms[0]?.code]);
  });

  test("messages to one device wait 30, 60, then 120 seconds, and are five an hour", async () => {
    const { device, clock, sms } = await createWorld({ dialect });
    const phone = device();
    await phone.signIn();
    sms.length = 0;
    const start = clock.now();

    for (const [index, waitSeconds] of [30, 60, 120, 120].entries()) {
      const { resendAt } = await phone.requestCode();
      expect(sms).toHaveLength(index + 1);
      expect(resendAt - clock.now()).toBe(waitSeconds * 1000);
      clock.advance({ seconds: waitSeconds });
    }
    const fifth = await phone.requestCode();

    expect(sms).toHaveLength(5);
    expect(fifth.resendAt).toBe(start + 60 * MINUTE_MS);
    clock.advance({ minutes: 10 });
    const refusal = await expectRefusal(phone.requestCode(), "otp/throttled");
    expect(refusal.details).toEqual({ retryAfterSeconds: (start + 60 * MINUTE_MS - clock.now()) / 1000 });
  });

  test("a used code is expired, and so is one of another challenge, device or number", async () => {
    const { device } = await createWorld({ dialect });
    const owner = device();
    const stranger = device();
    const { challengeId } = await owner.requestCode();
    const foreign = await stranger.requestCode();

    await expectRefusal(stranger.verify({ challengeId, code: owner.code() }), "otp/expired");
    await expectRefusal(
      device({ phone: owner.phone }).verify({ challengeId, code: owner.code() }),
      "otp/expired",
    );
    await expectRefusal(
      owner.verify({ challengeId: foreign.challengeId, code: stranger.code() }),
      "otp/expired",
    );
    await expectRefusal(owner.verify({ challengeId: uuidv7() }), "otp/expired");
    await owner.verify();
    await expectRefusal(owner.verify(), "otp/expired");

    // None of it cost anybody a try.
    await expectRefusal(stranger.verify({ code: stranger.wrongCode() }), "otp/incorrect", {
      attemptsRemaining: 2,
    });
  });

  test("the repetition of a command whose reply was lost gets the same session, for a minute", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();
    const commandId = uuidv7();

    const first = await phone.verify({ commandId });
    clock.advance({ seconds: 59 });
    const repeated = await phone.verify({ commandId });

    expect(repeated).toEqual(first);
    await expectRefusal(phone.verify({ commandId: uuidv7() }), "otp/expired");
    await expectRefusal(phone.verify({ commandId, code: phone.wrongCode() }), "otp/expired");
    clock.advance({ seconds: 1 });
    await expectRefusal(phone.verify({ commandId }), "otp/expired");
  });

  test("the repetition of a command does not bring back a session that was ended", async () => {
    const { device, rpc } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();
    const commandId = uuidv7();
    const { token } = await phone.verify({ commandId });
    await rpc({ token }).sessions.logout.mutate();

    await expectRefusal(phone.verify({ commandId }), "otp/expired");
  });

  test.each([
    ["spaces and hyphens", "+91 98765-43210", "+919876543210"],
    ["brackets and dots", "+1 (202) 555.0123", "+12025550123"],
    ["blanks around", "  +447400123456 ", "+447400123456"],
  ])("a number with %s is brought to E.164", async (_what, written, phone) => {
    const { device, sms } = await createWorld({ dialect });

    await device({ phone: written }).requestCode();

    expect(sms[0]?.to).toBe(phone);
  });

  test.each([
    ["empty", ""],
    ["without a country", "9876543210"],
    ["words", "call me maybe"],
    ["too short", "+91987"],
    ["too long", "+919876543210987654321"],
    ["longer than any number", `+${"9".repeat(200)}`],
    ["of a landline", "+912227547000"],
    ["free of charge", "+18005550123"],
    ["with an extension", "+12025550123 ext. 5"],
    ["of no country", "+999123456789"],
    ["with a line break", "+919876543210\n+919876543211"],
    ["with a null character", "+91987654\u00003210"],
  ])("a number that is %s is refused", async (_what, phone) => {
    const { device, sms } = await createWorld({ dialect });

    await expectRefusal(device({ phone }).requestCode(), "phone/invalid");

    expect(sms).toEqual([]);
  });

  test("a country that is not served gets no message", async () => {
    const { device, sms } = await createWorld({ dialect, environment: { EDVOYAGE_COUNTRIES: "IN,GB" } });

    await device({ phone: "+447400123456" }).requestCode();
    await expectRefusal(device({ phone: "+12025550123" }).requestCode(), "phone/country-not-served");

    expect(sms).toHaveLength(1);
  });

  test.each([
    ["a device id that is too short", { deviceId: "x".repeat(21) }],
    ["a device id that is too long", { deviceId: "x".repeat(65) }],
    ["a device id with other characters", { deviceId: `${"x".repeat(30)}é` }],
    ["a device name with control characters", { name: "\u001b[31mred" }],
    ["a device name without end", { name: "n".repeat(101) }],
  ])("%s is invalid input, and nothing is sent", async (_what, options) => {
    const { device, sms } = await createWorld({ dialect });

    await expectRefusal(device(options).requestCode(), "input/invalid");

    expect(sms).toEqual([]);
  });

  test.each([["letters"], [""], ["12345"], ["123456789"], ["١٢٣٤٥٦"]])(
    "the code %j is invalid input and costs no try",
    async (code) => {
      const { device } = await createWorld({ dialect });
      const phone = device();
      await phone.requestCode();

      await expectRefusal(phone.verify({ code }), "input/invalid");

      await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect", {
        attemptsRemaining: 2,
      });
    },
  );

  test("what a device sends in its fields' place is no way to say who asks", async () => {
    const { device, url } = await createWorld({ dialect });
    const { token } = await device().signIn();
    const other = await device().signIn();

    const response = await fetch(
      `${url}/trpc/sessions.list?input=${encodeURIComponent(JSON.stringify({ userId: other.user.id }))}`,
      {
        headers: { authorization: `Bearer ${token}` },
      },
    );

    expect(JSON.stringify(await response.json())).not.toContain(other.session.id);
  });

  test("an answer is the same for a known and for an unknown number", async () => {
    const { device } = await createWorld({ dialect });
    const { phone } = (await device().signIn()).user;

    const known = await device({ phone }).requestCode();
    const unknown = await device().requestCode();

    const same = ({ codeLength, expiresAt, resendAt, attemptsRemaining, serverNow }: typeof known) => ({
      codeLength,
      expiresAt,
      resendAt,
      attemptsRemaining,
      serverNow,
    });
    expect(same(known)).toEqual(same(unknown));
    expect(Object.keys(known)).toEqual(Object.keys(unknown));
  });

  const blockedDevice = async (world: Awaited<ReturnType<typeof createWorld>>) => {
    const phone = world.device({ deviceId: randomBytes(16).toString("hex") });
    await phone.requestCode();
    for (let i = 0; i < 2; i += 1)
      await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/incorrect");
    await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/blocked");
    return phone;
  };
});
