import { refusalOf } from "@edvoyage/client-sdk/rpc";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld } from "../../support/servers/world.ts";
import type { Device } from "../../support/students/device.ts";

type Answer = Parameters<Device["verify"]>[0];

/** Returns a code that differs from the right one by this number. */
const codeBeside = (device: Device, difference: number): string =>
  String((Number(device.code()) + difference) % 1_000_000).padStart(6, "0");

/** Answers the challenge. Returns how many attempts remain, or another reason of the refusal. */
const outcomeOf = async (device: Device, answer: Answer): Promise<unknown> => {
  const refusal = refusalOf(await device.verify(answer).catch((error: unknown) => error));
  return refusal?.reason === "otp/incorrect" ? refusal.details.attemptsRemaining : refusal?.reason;
};

describe.each(DIALECTS)("a repeated answer to a challenge, on %s", (dialect) => {
  test("[SI43] counts once with the same command and the same wrong code, also in parallel and over a restart", async () => {
    const world = await createWorld({ dialect });
    const device = world.device();
    await device.requestCode();
    const commandId = uuidv7();
    const wrong = { code: codeBeside(device, 1), commandId };

    const first = await outcomeOf(device, wrong);
    const parallel = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(device, wrong)));
    const restarted = await world.restart();
    const same = restarted.device({ phone: device.phone, deviceId: device.deviceId });
    const { attemptsRemaining } = await same.requestCode();
    const afterRestart = await outcomeOf(same, wrong);

    expect([first, attemptsRemaining, afterRestart]).toEqual([2, 2, 2]);
    expect(new Set(parallel)).toEqual(new Set([2]));
    const { items } = await restarted.admin.admin.audit.list.query({});
    expect(items.filter(({ action }) => action === "sign-in.wrong-code")).toHaveLength(1);
    expect(await same.verify({ commandId })).toMatchObject({ user: { phone: device.phone } });
  });

  test("[SI43] counts with another code, so that one command cannot try many codes", async () => {
    const { device: createDevice } = await createWorld({ dialect });
    const device = createDevice();
    await device.requestCode();
    const commandId = uuidv7();
    const outcomes: unknown[] = [];

    for (const difference of [1, 2, 1, 2, 3, 1])
      outcomes.push(await outcomeOf(device, { code: codeBeside(device, difference), commandId }));

    expect(outcomes).toEqual([2, 1, 1, 1, "otp/blocked", "otp/blocked"]);
    expect(await outcomeOf(device, { commandId })).toBe("otp/blocked");
  });

  test("[SI43] counts with another command, and without one", async () => {
    const { device: createDevice } = await createWorld({ dialect });
    const device = createDevice();
    await device.requestCode();
    const code = codeBeside(device, 1);
    const outcomes: unknown[] = [];

    for (const answer of [{ commandId: uuidv7() }, {}, { commandId: uuidv7() }])
      outcomes.push(await outcomeOf(device, { code, ...answer }));

    expect(outcomes).toEqual([2, 1, "otp/blocked"]);
  });

  test("[SI43] counts for another device that knows the command", async () => {
    const { device: createDevice } = await createWorld({ dialect });
    const device = createDevice();
    const other = createDevice({ phone: device.phone });
    await device.requestCode();
    await other.requestCode();
    const commandId = uuidv7();

    const outcomes = [
      await outcomeOf(device, { code: codeBeside(device, 1), commandId }),
      await outcomeOf(other, { code: codeBeside(other, 1), commandId }),
      await outcomeOf(other, { code: codeBeside(other, 2), commandId }),
    ];

    expect(outcomes).toEqual([2, 2, 1]);
  });
});
