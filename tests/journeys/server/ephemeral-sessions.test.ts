import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal, somePhone } from "../../support/servers/world.ts";

describe.each(DIALECTS)("a device that keeps nothing, on %s", (dialect) => {
  test("[SI42] ends only the student's other session of this kind", async () => {
    const { device } = await createWorld({ dialect });
    const phone = somePhone();
    const lasting = await device({ phone }).signIn();
    const other = await device({ isEphemeral: true }).signIn();
    const first = await device({ phone, isEphemeral: true }).signIn();

    const second = await device({ phone, isEphemeral: true }).signIn();

    await expectRefusal(first.rpc.sessions.validate.query(), "session/expired");
    await other.rpc.sessions.validate.query();
    await second.rpc.sessions.validate.query();
    const { items } = await lasting.rpc.sessions.list.query({});
    expect(items.map(({ id }) => id).sort()).toEqual([lasting.session.id, second.session.id].sort());
  });

  test("[SI42] counts neither as one of ten sessions nor ends one of them, and an eleventh lasting one leaves it alone", async () => {
    const { device, clock } = await createWorld({ dialect, limits: { sendsPerDayPerPhone: 100 } });
    const phone = somePhone();
    const lasting = [];
    for (let index = 0; index < 10; index += 1) {
      lasting.push(await device({ phone, ip: `198.51.100.${index + 1}` }).signIn());
      clock.advance({ seconds: 1 });
    }

    const ephemeral = await device({ phone, ip: "198.51.100.50", isEphemeral: true }).signIn();
    for (const { rpc } of lasting) await rpc.sessions.validate.query();
    clock.advance({ minutes: 1 });
    await device({ phone, ip: "198.51.100.51" }).signIn();

    await ephemeral.rpc.sessions.validate.query();
    const outcomes = await Promise.allSettled(lasting.map(({ rpc }) => rpc.sessions.validate.query()));
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(1);
  });

  test("[SI42] never becomes known to the phone, however often it signs in", async () => {
    const world = await createWorld({ dialect });
    const browser = world.device({ isEphemeral: true });
    const { phone } = browser;
    await browser.signIn();
    world.clock.advance({ minutes: 3 });
    await browser.signIn();

    const report = await world.admin.admin.numbers.show.query({ phone });
    expect(report.devices.map(({ isKnown }) => isKnown)).not.toContain(true);
    // A sign-in without the mark makes the same device known.
    world.clock.advance({ minutes: 3 });
    await world.device({ phone, deviceId: browser.deviceId }).signIn();
    const { devices } = await world.admin.admin.numbers.show.query({ phone });
    expect(devices.map(({ isKnown }) => isKnown)).toEqual([true]);
  });

  test("[SI42] is judged by its last request, when several share one code", async () => {
    const world = await createWorld({ dialect });
    const phone = somePhone();
    const lasting = await world.device({ phone }).signIn();
    const device = world.device({ phone });
    await device.requestCode();
    const marked = world.device({ phone, deviceId: device.deviceId, isEphemeral: true });
    await marked.requestCode();

    await marked.verify();

    await lasting.rpc.sessions.validate.query();
    const { devices } = await world.admin.admin.numbers.show.query({ phone });
    expect(devices.filter(({ isKnown }) => isKnown)).toHaveLength(1);
    await expectRefusal(
      world.rpc({}).auth.requestCode.mutate({
        phone,
        deviceId: device.deviceId,
        // A caller without types.
        ephemeral: JSON.parse("false"),
      }),
      "input/invalid",
    );
  });
});
