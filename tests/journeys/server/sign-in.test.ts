import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal, somePhone } from "../../support/servers/world.ts";

const MINUTE_MS = 60_000;

describe.each(DIALECTS)("signing in, on %s", (dialect) => {
  test("opens a session for a new student with the right code, and recognises the student later", async () => {
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

  test("[SI2] [SI10] returns a challenge with its code length, its expiry and the time of the next resend", async () => {
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

  test("[SI12] counts wrong codes down from 2 to 1 tries, and blocks with the third", async () => {
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

  test("[SI13] stays blocked for exactly five minutes, for code requests and for the right code", async () => {
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

  test("[SI14] keeps the end of a block when codes are requested meanwhile or the server restarts", async () => {
    const world = await createWorld({ dialect });
    const phone = await blockedDevice(world);
    const blockedUntil = world.clock.now() + 5 * MINUTE_MS;
    world.clock.advance({ minutes: 2 });
    await expectRefusal(phone.requestCode(), "otp/blocked", { blockedUntil });

    const after = await world.restart();

    const sameDevice = after.device(phone);
    await expectRefusal(sameDevice.requestCode(), "otp/blocked", { blockedUntil, retryAfterSeconds: 180 });
    after.clock.advance({ minutes: 3 });
    expect(await sameDevice.requestCode()).toMatchObject({ attemptsRemaining: 3 });
  });

  test("[SI16] keeps the count of wrong codes over a new request, a new challenge and a restart", async () => {
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
    const sameDevice = (await world.restart()).device(phone);
    world.clock.advance({ minutes: 2 });
    await sameDevice.requestCode();

    await expectRefusal(sameDevice.verify({ code: sameDevice.wrongCode() }), "otp/blocked");
  });

  test("[SI15] continues on another device of the same number while one is blocked", async () => {
    const world = await createWorld({ dialect });
    const { phone } = await blockedDevice(world);

    expect(await world.device({ phone }).signIn()).toMatchObject({ user: { phone } });
  });

  test("[SI16] forgets wrong codes that led to no block after 24 hours, and after a success", async () => {
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

  test("[SI2] fails after a code's five minutes, without counting wrong codes", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();

    clock.advance({ minutes: 5 });
    for (let i = 0; i < 5; i += 1)
      await expectRefusal(phone.verify({ code: phone.wrongCode() }), "otp/expired");
    await expectRefusal(phone.verify(), "otp/expired");

    expect(await phone.requestCode()).toMatchObject({ attemptsRemaining: 3 });
  });

  test("[SI2] accepts a code in the last millisecond of its five minutes", async () => {
    const { device, clock } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();

    clock.advance({ minutes: 5, ms: -1 });

    expect(await phone.verify()).toMatchObject({ isNewUser: true });
  });

  test("[SI4] [SI23] sends nothing before `resendAt`, and the same code of the same challenge afterwards", async () => {
    const { device, clock, sms } = await createWorld({ dialect });
    const phone = device();
    const first = await phone.requestCode();

    clock.advance({ seconds: 29 });
    const early = await phone.requestCode();
    expect(early).toMatchObject({ challengeId: first.challengeId, resendAt: first.resendAt });
    expect(sms).toHaveLength(1);
    clock.advance({ seconds: 1 });
    const resent = await phone.requestCode();

    expect(resent).toMatchObject({ challengeId: first.challengeId, expiresAt: first.expiresAt });
    expect(resent.resendAt).toBe(clock.now() + 60_000);
    expect(sms.map(({ code }) => code)).toEqual([sms[0]?.code, sms[0]?.code]);
  });

  test("[SI23] makes messages to one device wait 30, 60, then 120 seconds, up to five an hour", async () => {
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

  test("[SI3] fails with otp/expired for a used code and for one of another challenge, device or number", async () => {
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

    // No attempt above counted as a wrong code.
    await expectRefusal(stranger.verify({ code: stranger.wrongCode() }), "otp/incorrect", {
      attemptsRemaining: 2,
    });
  });

  test("[SI7] returns the same session for a minute when a command is repeated after a lost reply", async () => {
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

  test("[SI7] never brings back an ended session when a command is repeated", async () => {
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
    ["spaces around it", "  +447400123456 ", "+447400123456"],
  ])("[SI9] normalises a number with %s to E.164", async (_what, written, phone) => {
    const { device, sms } = await createWorld({ dialect });

    await device({ phone: written }).requestCode();

    expect(sms[0]?.to).toBe(phone);
  });

  test.each([
    ["that is empty", ""],
    ["without a country code", "9876543210"],
    ["made of words", "call me maybe"],
    ["that is too short", "+91987"],
    ["that is too long", "+919876543210987654321"],
    ["longer than any number can be", `+${"9".repeat(200)}`],
    ["of a landline", "+912227547000"],
    ["of a free service", "+18005550123"],
    ["with an extension", "+12025550123 ext. 5"],
    ["of an unknown country", "+999123456789"],
    ["with a line break", "+919876543210\n+919876543211"],
    ["with a null character", "+91987654\u00003210"],
  ])("[SI9] refuses a number %s", async (_what, phone) => {
    const { device, sms } = await createWorld({ dialect });

    await expectRefusal(device({ phone }).requestCode(), "phone/invalid");

    expect(sms).toEqual([]);
  });

  test("[SI9] sends nothing to a country that is not served", async () => {
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
    ["a device name over the limit", { name: "n".repeat(101) }],
  ])("[SI8] rejects %s as invalid input, and sends nothing", async (_what, options) => {
    const { device, sms } = await createWorld({ dialect });

    await expectRefusal(device(options).requestCode(), "input/invalid");

    expect(sms).toEqual([]);
  });

  test.each([["letters"], [""], ["12345"], ["123456789"], ["١٢٣٤٥٦"]])(
    "[SI5] rejects the code %j as invalid input, which costs no try",
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

  test("[SI5] accepts a code with spaces and hyphens", async () => {
    const { device } = await createWorld({ dialect });
    const phone = device();
    await phone.requestCode();
    const code = phone.code();

    const written = ` ${code.slice(0, 3)} - ${code.slice(3)} `;

    expect(await phone.verify({ code: written })).toMatchObject({ isNewUser: true });
  });

  test("[SI40] ignores a user id in the input, so that nobody can act as another student", async () => {
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

  test("[SI6] answers alike for known and unknown numbers", async () => {
    const { device } = await createWorld({ dialect });
    const { phone } = (await device().signIn()).user;

    const knownAnswer = await device({ phone }).requestCode();
    const unknownAnswer = await device().requestCode();

    const comparable = ({
      codeLength,
      expiresAt,
      resendAt,
      attemptsRemaining,
      serverNow,
    }: typeof knownAnswer) => ({
      codeLength,
      expiresAt,
      resendAt,
      attemptsRemaining,
      serverNow,
    });
    expect(comparable(knownAnswer)).toEqual(comparable(unknownAnswer));
    expect(Object.keys(knownAnswer)).toEqual(Object.keys(unknownAnswer));
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
