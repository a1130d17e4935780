import { SmsRefusedError } from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import { DIALECTS } from "../../support/databases/databases.ts";
import { createWorld, expectRefusal, type World } from "../../support/servers/world.ts";
import { administer } from "../../support/databases/administer.ts";

describe("a monitor of the server", () => {
  test.each(DIALECTS)("finds it healthy and ready, on %s", async (dialect) => {
    const { url } = await createWorld({ dialect });

    const [healthz, readyz] = await Promise.all([fetch(`${url}/healthz`), fetch(`${url}/readyz`)]);

    expect(healthz.status).toBe(200);
    expect(readyz.status).toBe(200);
    expect(await readyz.json()).toEqual({ status: "ready" });
  });

  test.each(DIALECTS)("finds it healthy but not ready while it cannot write, on %s", async (dialect) => {
    const { url, databaseUrl, clock } = await createWorld({ dialect });
    await administer(databaseUrl, "alter table heartbeat rename to moved_away");
    const { status, headers } = await fetch(`${url}/readyz`);
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);

    await administer(databaseUrl, "alter table moved_away rename to heartbeat");
    clock.advance({ seconds: 1 });

    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test("reads counts from /metrics, but nothing about persons", async () => {
    const world = await createWorld();
    const [student, guesser] = [world.device(), world.device()];
    const { token, user } = await student.signIn();
    await guesser.requestCode();
    for (let i = 0; i < 3; i += 1) await guesser.verify({ code: guesser.wrongCode() }).catch(() => {});
    await expectRefusal(guesser.requestCode(), "otp/blocked");
    await fetch(`${world.url}/trpc/of.my.own.making`);

    const { samples, text } = await metricsOf(world);

    expect(samples).toMatchObject({
      'edvoyage_codes_judged_total{outcome="right"}': 1,
      'edvoyage_codes_judged_total{outcome="wrong"}': 3,
      'edvoyage_sms_sent_total{outcome="sent"}': 2,
      'edvoyage_sms_sent_total{outcome="refused"}': 0,
      'edvoyage_sms_sent_total{outcome="unknown"}': 0,
      edvoyage_device_blocks_total: 1,
      edvoyage_sessions_active: 1,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.requestCode",reason="ok"}': 2,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.requestCode",reason="otp/blocked"}': 1,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.verifyCode",reason="ok"}': 1,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.verifyCode",reason="otp/incorrect"}': 2,
      'edvoyage_procedure_duration_seconds_count{procedure="auth.verifyCode",reason="otp/blocked"}': 1,
      'edvoyage_procedure_duration_seconds_count{procedure="(unknown)",reason="not-found"}': 1,
    });
    for (const secret of [
      student.phone,
      student.code(),
      student.deviceId,
      token,
      user.id,
      "of.my.own.making",
    ])
      expect(text).not.toContain(secret.replace("+", ""));
  });

  test("reads the provider's results from /metrics", async () => {
    const answers = [new SmsRefusedError("no"), new Error("timeout")];
    const send = async (): Promise<void> => {
      const answer = answers.shift();
      if (answer) throw answer;
    };
    const world = await createWorld({ smsProvider: { name: "webhook", send } });
    for (let i = 0; i < 3; i += 1)
      await world
        .device()
        .requestCode()
        .catch(() => {});

    expect((await metricsOf(world)).samples).toMatchObject({
      'edvoyage_sms_sent_total{outcome="sent"}': 1,
      'edvoyage_sms_sent_total{outcome="refused"}': 1,
      'edvoyage_sms_sent_total{outcome="unknown"}': 1,
    });
  });

  test.each(DIALECTS)("reads from /metrics that a session ended or expired, on %s", async (dialect) => {
    const world = await createWorld({ dialect });
    const [first] = await Promise.all([
      world.device().signIn(),
      world.device().signIn(),
      world.device().signIn(),
    ]);
    expect((await metricsOf(world)).samples).toMatchObject({ edvoyage_sessions_active: 3 });

    await first.rpc.sessions.logout.mutate();
    // Sessions are counted at most once a second.
    world.clock.advance({ seconds: 1 });
    expect((await metricsOf(world)).samples).toMatchObject({ edvoyage_sessions_active: 2 });
    world.clock.advance({ hours: 24 });
    expect((await metricsOf(world)).samples).toMatchObject({ edvoyage_sessions_active: 0 });
  });

  const metricsOf = async ({ url }: World) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
    const samples = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.lastIndexOf(" ")),
        Number(line.slice(line.lastIndexOf(" ") + 1)),
      ]),
    );
    return { text, samples };
  };
});
