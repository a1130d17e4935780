import { SmsRefusedError } from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import { createWorld, expectRefusal, somePhone, type World } from "../../support/servers/world.ts";
import { post, codeRequest } from "../../support/network/plain-request.ts";

describe("a refusal with a time to retry", () => {
  const replyTo = async (url: string, body: object) => {
    const response = await post(url, "auth.requestCode", { body: JSON.stringify(body) });
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      json: await response.json(),
    };
  };

  test("[SI30] sends Retry-After to a blocked device", async () => {
    const { url, device, clock } = await createWorld();
    const phone = device();
    await phone.requestCode();
    for (let i = 0; i < 3; i += 1) await phone.verify({ code: phone.wrongCode() }).catch(() => {});
    clock.advance({ seconds: 18, ms: 1 });

    expect(await replyTo(url, phone)).toMatchObject({
      status: 429,
      retryAfter: "282",
      json: { error: { data: { reason: "otp/blocked", details: { retryAfterSeconds: 282 } } } },
    });
  });

  test("[SI30] sends Retry-After to a number that has used up its messages", async () => {
    const { url, device, clock } = await createWorld({ limits: { sendsPerHourPerDevice: 1 } });
    const phone = device();
    await phone.requestCode();
    clock.advance({ minutes: 10 });

    expect(await replyTo(url, phone)).toMatchObject({
      status: 429,
      retryAfter: "3000",
      json: { error: { data: { reason: "otp/throttled", details: { retryAfterSeconds: 3_000 } } } },
    });
  });

  test.each([
    ["refused a message", new SmsRefusedError("no"), 5],
    ["did not answer", new Error("timeout"), 30],
  ])("[SI30] sends Retry-After when the SMS provider %s", async (_what, failure, retryAfterSeconds) => {
    const smsProvider = { name: "webhook", send: () => Promise.reject(failure) } as const;
    const { url } = await createWorld({ smsProvider });

    expect(await replyTo(url, codeRequest())).toMatchObject({
      status: 503,
      retryAfter: String(retryAfterSeconds),
      json: { error: { data: { reason: "sms/failed", details: { retryAfterSeconds } } } },
    });
  });

  test("sends Retry-After to an address that calls too often", async () => {
    const { url, clock } = await createWorld({ limits: { callsPerMinutePerIp: 1 } });
    await fetch(`${url}/trpc/universities.list`);
    clock.advance({ seconds: 45 });

    expect(await replyTo(url, codeRequest())).toMatchObject({
      status: 429,
      retryAfter: "15",
      json: { error: { data: { reason: "rate/limited", details: { retryAfterSeconds: 15 } } } },
    });
  });

  test("sends the longest time of a batch", async () => {
    const { url, device } = await createWorld({ limits: { blockSeconds: 60 } });
    const [blocked, other] = [device(), device()];
    await blocked.requestCode();
    for (let i = 0; i < 3; i += 1) await blocked.verify({ code: blocked.wrongCode() }).catch(() => {});

    const response = await post(url, "auth.requestCode,auth.requestCode?batch=1", {
      body: JSON.stringify({ 0: blocked, 1: other }),
    });

    expect(response.headers.get("retry-after")).toBe("60");
  });

  test("differs from other answers, which have no Retry-After", async () => {
    const { url } = await createWorld();

    expect((await fetch(`${url}/trpc/universities.list`)).headers.get("retry-after")).toBeNull();
    expect((await fetch(`${url}/trpc/sessions.list`)).headers.get("retry-after")).toBeNull();
  });
});

describe("anonymous calls", () => {
  const CAMPUS = "203.0.113.9";

  test("have a limit per minute and address, which does not affect students, admins and other addresses", async () => {
    const { rpc, device, adminToken } = await createWorld({ limits: { callsPerMinutePerIp: 4 } });
    const student = await device({ ip: CAMPUS }).signIn();
    const stranger = rpc({ ip: CAMPUS });
    await stranger.universities.list.query();
    await stranger.universities.list.query();

    await expectRefusal(stranger.universities.list.query(), "rate/limited", { retryAfterSeconds: 60 });

    await expectRefusal(rpc({ ip: CAMPUS, token: "n".repeat(43) }).universities.list.query(), "rate/limited");
    expect(await student.rpc.sessions.validate.query()).toMatchObject({
      user: { id: student.user.id },
    });
    expect(await rpc({ ip: CAMPUS, token: adminToken }).admin.status.query()).toMatchObject({ sessions: 1 });
    expect(await rpc({ ip: "203.0.113.10" }).universities.list.query()).toMatchObject({ items: [] });
  });

  test("have a new allowance in the next minute", async () => {
    const { rpc, clock } = await createWorld({ limits: { callsPerMinutePerIp: 1 } });
    const stranger = rpc({ ip: CAMPUS });
    await stranger.universities.list.query();

    clock.advance({ seconds: 59 });
    await expectRefusal(stranger.universities.list.query(), "rate/limited", { retryAfterSeconds: 1 });
    clock.advance({ seconds: 1 });

    expect(await stranger.universities.list.query()).toMatchObject({ items: [] });
  });

  test("count one by one in a batch", async () => {
    const { url } = await createWorld({ limits: { callsPerMinutePerIp: 4 } });
    const batch = () => fetch(`${url}/trpc/universities.list,universities.list,universities.list?batch=1`);

    expect((await batch()).status).toBe(200);
    expect((await batch()).status).toBe(429);
  });

  test("count in a streamed batch too", async () => {
    const { url } = await createWorld({ limits: { callsPerMinutePerIp: 1 } });
    const stream = async () =>
      (
        await fetch(`${url}/trpc/universities.list?batch=1`, { headers: { accept: "application/jsonl" } })
      ).text();

    expect(await stream()).not.toContain("rate/limited");
    expect(await stream()).toContain("rate/limited");
  });
});

describe("x-forwarded-for", () => {
  /** Returns how many of five messages to one number, each for a new device, are sent under this header. */
  const sentOfFive = async (
    { url, sms }: World,
    forwardedFor: (index: number) => string,
  ): Promise<number> => {
    const phone = somePhone();
    for (let index = 0; index < 5; index += 1) {
      const body = JSON.stringify({ ...codeRequest(), phone });
      await post(url, "auth.requestCode", { body, forwardedFor: forwardedFor(index) });
    }
    return sms.length;
  };

  test("has no effect unless a proxy is trusted", async () => {
    const world = await createWorld({ environment: { EDVOYAGE_TRUSTED_PROXIES: "" } });

    expect(await sentOfFive(world, (index) => `203.0.113.${index}`)).toBe(3);
  });

  test("has no effect from an address that is not a trusted proxy", async () => {
    const world = await createWorld({ environment: { EDVOYAGE_TRUSTED_PROXIES: "192.0.2.1,10.0.0.0/8" } });

    expect(await sentOfFive(world, (index) => `203.0.113.${index}`)).toBe(3);
  });

  test("has effect from a trusted proxy", async () => {
    const world = await createWorld({ environment: { EDVOYAGE_TRUSTED_PROXIES: "127.0.0.0/8" } });

    expect(await sentOfFive(world, (index) => `203.0.113.${index}`)).toBe(5);
  });

  test("counts only in the part that the proxy added, not in the part that the client sent", async () => {
    const world = await createWorld();

    expect(await sentOfFive(world, (index) => `198.51.100.${index}, 203.0.113.9`)).toBe(3);
  });

  test("counts an IPv6 subscriber as one address, whichever address it uses", async () => {
    const world = await createWorld();

    expect(await sentOfFive(world, (index) => `2001:db8:1:2::${index}`)).toBe(3);
  });

  test("counts as one address when it is malformed", async () => {
    const world = await createWorld();

    expect(await sentOfFive(world, (index) => `nonsense-${index}`)).toBe(3);
  });
});
