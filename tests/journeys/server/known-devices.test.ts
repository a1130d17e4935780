import { describe, expect, test } from "vitest";
import { DIALECTS, writeRows } from "../../support/databases/databases.ts";
import type { Device } from "../../support/students/device.ts";
import { createWorld, expectRefusal, somePhone, type World } from "../../support/servers/world.ts";

/** Returns a different address for each index. */
const addressAt = (index: number): string => `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`;

/** Signs in with `count` devices of one phone, a second apart, each from its own address; the oldest first. */
const signInWith = async (world: World, phone: string, count: number) => {
  const devices: Device[] = [];
  const signIns = [];
  for (let index = 0; index < count; index += 1) {
    const device = world.device({ phone, ip: addressAt(index) });
    signIns.push(await device.signIn());
    devices.push(device);
    world.clock.advance({ seconds: 1 });
  }
  return { devices, signIns };
};

/** Returns whether each device of the phone is known, oldest sign-in first, as an admin sees it. */
const knownFlagsOf = async (world: World, phone: string): Promise<boolean[]> => {
  const report = await world.admin.admin.numbers.show.query({ phone });
  return report.devices
    .toSorted((one, other) => (one.signedInAt ?? 0) - (other.signedInAt ?? 0))
    .map(({ isKnown }) => isKnown);
};

/** Enters nine wrong codes as strangers. Afterwards any device that is not known gets codes of 8 digits. */
const spendStrangersBudget = async (world: World, phone: string): Promise<void> => {
  for (let index = 0; index < 3; index += 1) {
    const stranger = world.device({ phone, ip: addressAt(500 + index) });
    await stranger.requestCode();
    for (let guess = 0; guess < 3; guess += 1)
      await stranger.verify({ code: stranger.wrongCode() }).catch(() => {});
  }
};

/** Requests five messages with each device, two minutes apart, which is a device's limit per hour. */
const requestFiveCodesEach = async (world: World, devices: readonly Device[]): Promise<void> => {
  for (let round = 0; round < 5; round += 1) {
    for (const device of devices) await device.requestCode();
    world.clock.advance({ minutes: 2 });
  }
};

describe.each(DIALECTS)("the admin's view of a number, on %s", (dialect) => {
  test("[SI31] lists and explains a number whose known devices have used 15 messages, until it is reset", async () => {
    const world = await createWorld({ dialect });
    const { numbers } = world.admin.admin;
    const [phone, other] = [somePhone(), somePhone()];
    const { devices } = await signInWith(world, phone, 4);
    const { devices: others } = await signInWith(world, other, 4);
    const startedAt = world.clock.now();
    await requestFiveCodesEach(world, devices.slice(0, 3));
    await requestFiveCodesEach(world, others.slice(0, 2));

    const spentUntil = startedAt + 86_400_000;
    expect((await numbers.list.query({ showPhones: true })).items).toMatchObject([
      { phone, knownBudgetSpentUntil: spentUntil, giveBackSpentUntil: null, blockedDevices: 0 },
    ]);
    expect(await numbers.show.query({ phone })).toMatchObject({
      messagesOfDay: 0,
      messagesToKnownOfDay: 15,
      signInsGivenBackOfDay: 4,
      allowed: { messagesOfDay: 10, messagesToKnownOfDay: 15, signInsGivenBackOfDay: 10 },
      explanation: [
        `Known devices get no message until ${new Date(spentUntil).toISOString()}: 15 were sent to them in 24 hours.`,
      ],
    });
    await expectRefusal(requestBy(devices[3]), "otp/throttled");
    expect(await numbers.unblock.mutate({ phone })).toMatchObject({ knownBudgetSpentUntil: spentUntil });

    expect(await numbers.unblock.mutate({ phone, resetBudget: true })).toMatchObject({
      knownBudgetSpentUntil: null,
    });
    expect((await numbers.list.query()).items).toEqual([]);
    expect(await devices[3]?.signIn()).toMatchObject({ isNewUser: false });
  });

  test("[SI31] lists and explains a number with ten sign-ins in 24 hours, but not one with nine", async () => {
    const world = await createWorld({ dialect });
    const { numbers } = world.admin.admin;
    const [phone, other] = [somePhone(), somePhone()];
    const startedAt = world.clock.now();
    await signInWith(world, phone, 10);
    await signInWith(world, other, 9);

    const until = new Date(startedAt + 86_400_000).toISOString();
    expect((await numbers.list.query({ showPhones: true })).items).toMatchObject([
      { phone, knownBudgetSpentUntil: null, giveBackSpentUntil: startedAt + 86_400_000 },
    ]);
    expect(await numbers.show.query({ phone })).toMatchObject({
      signInsGivenBackOfDay: 10,
      explanation: [
        `Messages that end in a sign-in count until ${until}: those of 10 sign-ins in 24 hours were given back.`,
      ],
    });

    await numbers.unblock.mutate({ phone, resetBudget: true });
    expect((await numbers.list.query()).items).toEqual([]);
    await signInWith(world, phone, 10);
    expect(await numbers.show.query({ phone })).toMatchObject({ messagesOfDay: 0, messagesToKnownOfDay: 0 });
    world.clock.advance({ days: 1 });
    expect((await numbers.list.query()).items).toEqual([]);
  });

  test("lists numbers with a spent budget and numbers with wrong codes in one order, page by page", async () => {
    const world = await createWorld({ dialect });
    const phones = [somePhone(), somePhone(), somePhone()].toSorted();
    const [spent = "", wrong = "", alsoSpent = ""] = phones;
    await signInWith(world, spent, 10);
    const stranger = world.device({ phone: wrong });
    await stranger.requestCode();
    await stranger.verify({ code: stranger.wrongCode() }).catch(() => {});
    await signInWith(world, alsoSpent, 10);

    const listed: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: { phone: string }[]; nextCursor: string | null } =
        await world.admin.admin.numbers.list.query({ showPhones: true, limit: 1, cursor });
      listed.push(...page.items.map(({ phone }) => phone));
      cursor = page.nextCursor;
    } while (cursor !== null);

    expect(listed).toEqual(phones);
  });
});

const requestBy = (device: Device | undefined): Promise<unknown> =>
  device?.requestCode() ?? expect.fail("no such device");

describe.each(DIALECTS)("the known devices of a phone, on %s", (dialect) => {
  test("[SI19] include the ten that signed in last; the eleventh is a stranger again, but keeps its session", async () => {
    const world = await createWorld({ dialect, limits: { sessionsPerUser: 20 } });
    const phone = somePhone();
    const { devices, signIns } = await signInWith(world, phone, 11);
    const [eleventh, tenth] = devices;

    expect(await knownFlagsOf(world, phone)).toEqual([false, ...Array.from({ length: 10 }, () => true)]);
    await spendStrangersBudget(world, phone);

    expect(await eleventh?.requestCode()).toMatchObject({ codeLength: 8 });
    expect(await tenth?.requestCode()).toMatchObject({ codeLength: 6 });
    expect(await signIns[0]?.rpc.sessions.validate.query()).toMatchObject({ user: { phone } });
  });

  test("[SI19] include the eleventh again after it has signed in, and drop the one that is now the oldest", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const { devices } = await signInWith(world, phone, 11);
    world.clock.advance({ days: 1 });

    await devices[0]?.signIn();
    await spendStrangersBudget(world, phone);

    expect(await devices[1]?.requestCode()).toMatchObject({ codeLength: 8 });
    expect(await devices[0]?.requestCode()).toMatchObject({ codeLength: 6 });
  });

  test("[SI19] [SI21] do not include a revoked device, whose place the next older one takes", async () => {
    const world = await createWorld({ dialect, limits: { sessionsPerUser: 20 } });
    const phone = somePhone();
    const { devices, signIns } = await signInWith(world, phone, 11);

    await signIns[10]?.rpc.sessions.revoke.mutate({ sessionId: signIns[5]?.session.id ?? "" });
    await spendStrangersBudget(world, phone);

    expect(await devices[0]?.requestCode()).toMatchObject({ codeLength: 6 });
    expect(await devices[5]?.requestCode()).toMatchObject({ codeLength: 8 });
  });

  test("[SI19] [SI21] do not include a device whose session an admin revoked", async () => {
    const world = await createWorld({ dialect, limits: { sessionsPerUser: 20 } });
    const phone = somePhone();
    const { devices, signIns } = await signInWith(world, phone, 2);

    await world.admin.admin.sessions.revoke.mutate({ sessionId: signIns[1]?.session.id ?? "" });
    await spendStrangersBudget(world, phone);

    expect(await devices[0]?.requestCode()).toMatchObject({ codeLength: 6 });
    expect(await devices[1]?.requestCode()).toMatchObject({ codeLength: 8 });
  });

  test("[SI19] include only the ten newest of 118 that an older version has stored", async () => {
    const world = await createWorld({ dialect });
    const student = world.device();
    await student.signIn();
    const { phone } = student;
    const rows = Array.from(
      { length: 118 },
      (_, index) => `('${phone}', 'device-${index}', ${world.clock.now() - (118 - index) * 37})`,
    );
    await writeRows(
      world.databaseUrl,
      `insert into phone_devices (phone, device_key, signed_in_at) values ${rows.join(", ")}`,
    );

    const knownFlags = await knownFlagsOf(world, phone);

    expect(knownFlags).toHaveLength(119);
    expect(knownFlags.flatMap((isKnown, index) => (isKnown ? [index] : []))).toEqual(
      Array.from({ length: 10 }, (_, index) => 109 + index),
    );
  });

  test("[SI21] do not include those of an erased student: the next owner of the number starts with none", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const { devices, signIns } = await signInWith(world, phone, 3);
    await world.admin.admin.users.erase.mutate({ userId: signIns[0]?.user.id ?? "", reason: "asked" });

    expect(await devices[0]?.signIn()).toMatchObject({ isNewUser: true });

    expect(await knownFlagsOf(world, phone)).toEqual([true]);
  });
});
