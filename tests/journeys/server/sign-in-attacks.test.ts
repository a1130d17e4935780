import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import type { Device } from "../../support/students/device.ts";
import { createWorld, somePhone, type World } from "../../support/servers/world.ts";

/** Returns a different address for each index. */
const addressAt = (index: number): string => `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`;

/** A known device of a student who has nothing to do with the attack. */
const createBystander = async (world: World): Promise<Device> => {
  const student = world.device({ ip: "192.0.2.1" });
  await student.signIn();
  world.sms.length = 0;
  return student;
};

/** Signs in with `count` new devices of a number, one after another; returns all of them, even refused ones. */
const signInWithMany = async (
  world: World,
  { phone, count, ipOf }: { phone: string; count: number; ipOf: (index: number) => string },
): Promise<Device[]> => {
  const devices: Device[] = [];
  for (let index = 0; index < count; index += 1) {
    const device = world.device({ phone, ip: ipOf(index) });
    await device.signIn().catch(() => {});
    devices.push(device);
    world.clock.advance({ ms: 37 });
  }
  return devices;
};

/** Requests codes with each device as often as its limit allows: five times in ten minutes. */
const requestCodesOften = async (world: World, devices: readonly Device[]): Promise<void> => {
  for (let round = 0; round < 5; round += 1) {
    for (let start = 0; start < devices.length; start += 50)
      await Promise.allSettled(devices.slice(start, start + 50).map((device) => device.requestCode()));
    world.clock.advance({ minutes: 2 });
  }
};

const messagesTo = (world: World, phone: string): number => world.sms.filter(({ to }) => to === phone).length;

describe.each(DIALECTS)("a known device of another number, on %s", (dialect) => {
  test("[SI22] [SI24] [SI25] signs in at its first try after 118 devices of one address have signed in with one number", async () => {
    const world = await createWorld({ dialect });
    const student = await createBystander(world);
    const phone = somePhone();

    const devices = await signInWithMany(world, { phone, count: 118, ipOf: () => "203.0.113.9" });
    await requestCodesOften(world, devices);

    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    // Ten sign-ins were refunded, three counted against the address, and the known devices got their 15.
    expect(messagesTo(world, phone)).toBe(10 + 3 + 15);
  });

  test("[SI22] [SI28] signs in at its first try after five numbers have used up the hourly cap", async () => {
    const world = await createWorld({ dialect, limits: { sendsPerHour: 50, sendsPerHourReserve: 20 } });
    const student = await createBystander(world);
    const devices: Device[] = [];
    for (let number = 0; number < 5; number += 1) {
      const ipOf = (index: number): string => addressAt(number * 10 + index);
      devices.push(...(await signInWithMany(world, { phone: somePhone(), count: 8, ipOf })));
    }

    await requestCodesOften(world, devices);

    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    // The student's first sign-in was one of the 50 below the cap. Each number got three messages of the reserve.
    expect(world.sms).toHaveLength(49 + 5 * 3 + 1);
  });

  test("[SI22] signs in at its first try after ten new devices a day have signed in with one number", async () => {
    const world = await createWorld({ dialect, limits: { sendsPerHour: 100, sendsPerHourReserve: 20 } });
    const student = await createBystander(world);
    const phone = somePhone();
    const devices: Device[] = [];
    for (let day = 0; day < 4; day += 1) {
      devices.push(...(await signInWithMany(world, { phone, count: 10, ipOf: addressAt })));
      world.clock.advance({ days: 1 });
    }
    world.sms.length = 0;

    await requestCodesOften(world, devices);

    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    // The older devices are strangers again, with a separate budget of ten messages.
    expect(messagesTo(world, phone)).toBe(15 + 10);
  });

  test("[SI22] signs in at its first try after another device has signed in again and again", async () => {
    const world = await createWorld({ dialect, limits: { sendsPerHour: 50, sendsPerHourReserve: 20 } });
    const student = await createBystander(world);
    const attacker = world.device({ ip: "203.0.113.9" });

    for (let index = 0; index < 80; index += 1) {
      await attacker.signIn().catch(() => {});
      world.clock.advance({ seconds: 30 });
    }

    expect(await student.signIn()).toMatchObject({ isNewUser: false });
    // Ten sign-ins were refunded; afterwards the device's limit of five an hour applies.
    expect(messagesTo(world, attacker.phone)).toBe(10 + 5);
  });
});
