import type { DeviceKey } from "@edvoyage/db";
import type { ChallengeId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import { createNewId, systemRandom } from "../platform/crypto.ts";
import { createNumberScene, OTHER_PHONE, PHONE, START } from "./numbers-scene.test.shared.ts";
import { MONTH_MS } from "./numbers.rules.ts";

describe("wrong codes", () => {
  test("count down to a block of five minutes, and then start anew", async () => {
    const { wrong, statusOf, pass, wrongCodes } = await createNumberScene();

    expect(await wrong()).toEqual({ state: "incorrect", attemptsRemaining: 2 });
    expect(await wrong()).toEqual({ state: "incorrect", attemptsRemaining: 1 });
    const blockedUntil = START + 5 * MINUTE_MS;
    expect(await wrong()).toEqual({ state: "blocked", blockedUntil });

    expect(await statusOf()).toMatchObject({ blockedUntil, attemptsRemaining: 0 });
    expect(await statusOf({ device: "other" })).toMatchObject({ blockedUntil: null, attemptsRemaining: 3 });
    expect(await statusOf({ phone: OTHER_PHONE })).toMatchObject({ blockedUntil: null });
    expect((await wrongCodes()).map(({ counts_to_block: counts }) => counts)).toEqual([0, 0, 0]);
    pass(5 * MINUTE_MS);
    expect(await statusOf()).toMatchObject({ blockedUntil: null, attemptsRemaining: 3 });
  });

  test("wrong codes of another device or phone stay counted when a device is blocked", async () => {
    const { wrong, statusOf } = await createNumberScene();
    await wrong({ device: "other" });
    await wrong({ phone: OTHER_PHONE });

    for (let times = 0; times < 3; times += 1) await wrong();

    expect(await statusOf({ device: "other" })).toMatchObject({ attemptsRemaining: 2 });
    expect(await statusOf({ phone: OTHER_PHONE })).toMatchObject({ attemptsRemaining: 2 });
  });

  test("wrong codes are stored with their length, and whether the device was known", async () => {
    const { wrong, signIn, wrongCodes } = await createNumberScene();
    await wrong({ codeLength: 8 });
    await signIn();
    await wrong();

    const row = { phone: PHONE, device_key: "phone", at: START };
    expect(await wrongCodes()).toMatchObject([
      { ...row, code_length: 8, known: 0, counts_to_block: 0 },
      { ...row, code_length: 6, known: 1, counts_to_block: 1 },
    ]);
  });

  test("block a device again after its block is over", async () => {
    const { wrong, devices, pass } = await createNumberScene({ wrongCodesPerBlock: 1 });
    await wrong();
    pass(HOUR_MS);
    await wrong();

    expect(await devices()).toEqual([
      {
        phone: PHONE,
        device_key: "phone",
        signed_in_at: null,
        blocked_until: START + HOUR_MS + 5 * MINUTE_MS,
      },
    ]);
  });
});

describe("a sign-in", () => {
  test("makes the device known to this phone, and ends its block and its wrong codes", async () => {
    const { signIn, statusOf, wrong, devices } = await createNumberScene();
    await wrong({ device: "other" });
    for (let times = 0; times < 4; times += 1) await wrong();

    await signIn();

    expect(await statusOf()).toMatchObject({ isKnown: true, blockedUntil: null, attemptsRemaining: 3 });
    expect(await statusOf({ device: "other" })).toMatchObject({ isKnown: false, attemptsRemaining: 2 });
    expect(await statusOf({ phone: OTHER_PHONE })).toMatchObject({ isKnown: false });
    expect(await devices()).toEqual([
      { phone: PHONE, device_key: "phone", signed_in_at: START, blocked_until: null },
    ]);
  });

  test("a sign-in gives back the messages of its challenge, and no others", async () => {
    const { send, signIn, sends } = await createNumberScene();
    await send({ challenge: "a", device: "a" });
    await send({ challenge: "b", device: "b" });
    await send({ challenge: "a", device: "a", phone: OTHER_PHONE });

    await signIn({ challenge: "a" });

    expect((await sends()).map(({ state }) => state)).toEqual(["signed-in", "counted", "counted"]);
  });

  test("a sign-in gives back no messages beyond the limit of a day", async () => {
    const { send, signIn, sends, pass } = await createNumberScene({ signInsGivenBackPerDayPerPhone: 1 });
    await send({ challenge: "a", device: "a" });
    await signIn({ challenge: "a", device: "a" });
    await send({ challenge: "b", device: "b" });
    await signIn({ challenge: "b", device: "b" });
    expect((await sends()).map(({ state }) => state)).toEqual(["signed-in", "counted"]);

    pass(DAY_MS);
    await send({ challenge: "c", device: "c" });
    await signIn({ challenge: "c", device: "c" });

    expect((await sends()).map(({ state }) => state)).toEqual(["signed-in", "counted", "signed-in"]);
  });

  test("a sign-in of more devices than the limit makes the oldest unknown; the same time is decided by the key", async () => {
    const { signIn, statusOf, pass } = await createNumberScene({ knownDevicesPerPhone: 2 });
    await signIn({ device: "c" });
    await signIn({ device: "a" });
    await signIn({ device: "b" });
    const known = async (device: string) => (await statusOf({ device })).isKnown;
    expect([await known("a"), await known("b"), await known("c")]).toEqual([false, true, true]);

    pass(1);
    await signIn({ device: "a" });

    expect([await known("a"), await known("b"), await known("c")]).toEqual([true, false, true]);
  });

  test("a sign-in is forgotten with the session of a device, for this phone", async () => {
    const { signIn, statusOf, numbers, database } = await createNumberScene();
    await signIn();
    await signIn({ device: "other" });
    await signIn({ phone: OTHER_PHONE });

    await database.write((tx) => numbers.forgetDevice(tx, PHONE, "phone" as DeviceKey));

    expect(await statusOf()).toMatchObject({ isKnown: false });
    expect(await statusOf({ device: "other" })).toMatchObject({ isKnown: true });
    expect(await statusOf({ phone: OTHER_PHONE })).toMatchObject({ isKnown: true });
  });
});

describe("a message", () => {
  test("a message is counted under its id, for its device, its address and its minute", async () => {
    const { send, sends, minutes, signIn } = await createNumberScene();
    await signIn();

    expect(await send({ sendId: "id" })).toEqual({
      state: "send",
      resendAt: START + 30_000,
      isFromReserve: false,
    });

    expect(await sends()).toEqual([
      {
        id: "id",
        phone: PHONE,
        device_key: "phone",
        challenge_id: "challenge",
        ip: "192.0.2.1",
        at: START,
        known: 1,
        from_reserve: 0,
        state: "counted",
      },
    ]);
    expect(await minutes()).toEqual([{ minute: START - 30_000, count: 1 }]);
    expect(await send()).toEqual({ state: "wait", resendAt: START + 30_000 });
    expect(await sends()).toHaveLength(1);
    expect(await minutes()).toMatchObject([{ count: 1 }]);
  });

  test("a message that the provider refused counts towards its address alone", async () => {
    const { send, numbers, sends, minutes, pass } = await createNumberScene({ sendsPerHourPerIp: 2 });
    await send({ sendId: "refused" });
    await send({ device: "other", phone: OTHER_PHONE, sendId: "sent" });
    expect(await minutes()).toMatchObject([{ count: 2 }]);
    pass(MINUTE_MS);

    await numbers.refuseSend("refused", START);

    expect((await sends()).map(({ id, state }) => [id, state])).toEqual([
      ["refused", "refused"],
      ["sent", "counted"],
    ]);
    expect(await minutes()).toEqual([{ minute: START - 30_000, count: 1 }]);
    expect(await send()).toMatchObject({ state: "throttled", until: START + HOUR_MS });
    expect(await send({ ip: "192.0.2.2" })).toMatchObject({ state: "send" });
  });

  test("a message is refused to unknown devices above the hourly cap, and comes from the reserve for known ones", async () => {
    const { send, signIn, sends, pass } = await createNumberScene({ sendsPerHour: 1 });
    await signIn();
    await send({ device: "a", phone: OTHER_PHONE });
    pass(HOUR_MS / 2);

    expect(await send({ device: "b" })).toEqual({ state: "throttled", until: START - 30_000 + HOUR_MS });
    expect(await send()).toMatchObject({ state: "send", isFromReserve: true });

    expect((await sends()).map(({ from_reserve: reserve, known }) => [reserve, known])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    pass(HOUR_MS / 2);
    expect(await send({ device: "b" })).toMatchObject({ state: "throttled" });
    pass(HOUR_MS / 2);
    expect(await send({ device: "b" })).toMatchObject({ state: "send", isFromReserve: false });
  });

  test("a message is not limited by the address of a known device", async () => {
    const { send, signIn, pass } = await createNumberScene({ sendsPerHourPerIp: 1 });
    await signIn();
    await send({ device: "a", phone: OTHER_PHONE });

    expect(await send()).toMatchObject({ state: "send" });
    expect(await send({ device: "b" })).toMatchObject({ state: "throttled" });
    pass(HOUR_MS);
    expect(await send({ device: "b" })).toMatchObject({ state: "send" });
  });

  test("counts for a day only", async () => {
    const { send, pass } = await createNumberScene({ sendsPerDayPerPhone: 1 });
    await send();
    pass(DAY_MS - 1);
    expect(await send({ device: "b" })).toMatchObject({ state: "throttled" });

    pass(1);

    expect(await send({ device: "b" })).toMatchObject({ state: "send" });
  });
});

describe("the rows of a phone", () => {
  test("the rows of a phone are deleted with its student", async () => {
    const { send, wrong, signIn, numbers, database, sends, wrongCodes, devices } = await createNumberScene();
    for (const phone of [PHONE, OTHER_PHONE]) {
      await send({ phone });
      await wrong({ phone });
      await signIn({ phone });
    }

    await database.write((tx) => numbers.forgetPhone(tx, PHONE));

    for (const rows of [await sends(), await wrongCodes(), await devices()])
      expect(rows.map(({ phone }) => phone)).toEqual([OTHER_PHONE]);
  });

  test("the rows of a phone are deleted after 30 days, in batches, but devices stay known", async () => {
    const { database, numbers, sends, wrongCodes, minutes, devices, signIn } = await createNumberScene();
    await signIn();
    const newId = createNewId(systemRandom);
    const of = { phone: PHONE, device_key: "phone" as DeviceKey };
    const sent = { ...of, challenge_id: "c" as ChallengeId, ip: "i", known: 0, from_reserve: 0 } as const;
    const wrong = { ...of, code_length: 6, known: 0, counts_to_block: 1 };
    await database.write(async (tx) => {
      for (const at of [...Array.from({ length: 501 }, () => START), START + 1]) {
        await tx.kysely
          .insertInto("sends")
          .values({ ...sent, id: newId<string>(at), at, state: "counted" })
          .execute();
        await tx.kysely
          .insertInto("wrong_codes")
          .values({ ...wrong, id: newId<string>(at), at })
          .execute();
      }
      for (const minute of [START, START + 1])
        await tx.kysely.insertInto("send_minutes").values({ minute, count: 1 }).execute();
    });

    await numbers.prune(START + 1 + MONTH_MS);

    expect(await sends()).toMatchObject([{ at: START + 1 }]);
    expect(await wrongCodes()).toMatchObject([{ at: START + 1 }]);
    expect(await minutes()).toMatchObject([{ minute: START + 1 }]);
    expect(await devices()).toHaveLength(1);
  });

  test("the rows of a phone are deleted in batches also if only one kind of them is many", async () => {
    const { database, numbers, wrongCodes } = await createNumberScene();
    const newId = createNewId(systemRandom);
    await database.write(async (tx) => {
      for (let index = 0; index < 501; index += 1)
        await tx.kysely
          .insertInto("wrong_codes")
          .values({
            id: newId<string>(START),
            phone: PHONE,
            device_key: "phone" as DeviceKey,
            at: START,
            code_length: 6,
            known: 0,
            counts_to_block: 1,
          })
          .execute();
    });

    await numbers.prune(START + MONTH_MS + 1);

    expect(await wrongCodes()).toEqual([]);
  });
});
