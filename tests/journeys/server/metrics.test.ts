import { readFileSync } from "node:fs";
import { SmsRefusedError, type PushOutcome, type PushProvider } from "@edvoyage/server/app";
import { describe, expect, test } from "vitest";
import { DIALECTS, writeRows } from "../../support/databases/databases.ts";
import { createStudent, openDirect, openGroup } from "../../support/students/student.ts";
import { connectStock, until, untilWithin } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, joinWorld, type World } from "../../support/servers/world.ts";

const PAGE = readFileSync(new URL("../../../docs/operations/monitoring.md", import.meta.url), "utf8");

/** Returns the current values of `/metrics`, by series as it is printed: `name{label="value"}`. */
const scrape = async ({ url }: Pick<World, "url">): Promise<Readonly<Record<string, number>>> => {
  const lines = (await textOf({ url })).split("\n").filter((line) => line && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
};

const textOf = async ({ url }: Pick<World, "url">): Promise<string> => (await fetch(`${url}/metrics`)).text();

/** A push provider with the same outcome for every message. */
const pushProviderWith = (outcome: PushOutcome): PushProvider => ({
  name: "expo",
  batchSize: 100,
  serves: ["expo"],
  send: async (messages) => messages.map(() => outcome),
});

describe.each(DIALECTS)("/metrics, on %s", (dialect) => {
  test("counts code requests by their outcome", async () => {
    const answers = [undefined, undefined, new SmsRefusedError("no"), new Error("timeout")];
    const codes: string[] = [];
    const send = async ({ code }: { readonly code: string }): Promise<void> => {
      codes.push(code);
      const answer = answers.shift();
      if (answer) throw answer;
    };
    const world = await createWorld({
      dialect,
      smsProvider: { name: "webhook", send },
      limits: { sendsPerHourPerDevice: 1 },
    });
    const [student, blocked] = [world.device(), world.device()];
    await student.requestCode();
    await student.requestCode();
    world.clock.advance({ minutes: 6 });
    await expectRefusal(student.requestCode(), "otp/throttled");
    await blocked.requestCode();
    const wrong = codes.at(-1) === "111111" ? "222222" : "111111";
    for (let i = 0; i < 3; i += 1) await blocked.verify({ code: wrong }).catch(() => {});
    await expectRefusal(blocked.requestCode(), "otp/blocked");
    for (let i = 0; i < 2; i += 1) await expectRefusal(world.device().requestCode(), "sms/failed");

    expect(await scrape(world)).toMatchObject({
      'edvoyage_codes_requested_total{outcome="sent"}': 2,
      'edvoyage_codes_requested_total{outcome="waiting"}': 1,
      'edvoyage_codes_requested_total{outcome="failed"}': 2,
      'edvoyage_codes_requested_total{outcome="throttled"}': 1,
      'edvoyage_codes_requested_total{outcome="blocked"}': 1,
    });
  });

  test("counts opened sessions, and ended sessions by their cause", async () => {
    const world = await createWorld({ dialect, limits: { sessionsPerUser: 2 } });
    const first = world.device();
    const { phone } = first;
    const afterResend = () => world.clock.advance({ minutes: 3 });
    await first.signIn();
    afterResend();
    const replacement = await first.signIn();
    const second = await world.device({ phone }).signIn();
    const third = await world.device({ phone }).signIn();
    await third.rpc.sessions.revoke.mutate({ sessionId: second.session.id });
    await third.rpc.sessions.revoke.mutate({ sessionId: second.session.id });
    await world.admin.admin.sessions.revoke.mutate({ sessionId: third.session.id });
    await (await world.device().signIn()).rpc.sessions.logout.mutate();
    await (await world.device().signIn()).rpc.account.delete.mutate();

    // The student may have two sessions: the third sign-in ended the one that was unused for longest.
    await expectRefusal(replacement.rpc.sessions.validate.query(), "session/expired");
    expect(await scrape(world)).toMatchObject({
      edvoyage_sessions_opened_total: 6,
      'edvoyage_sessions_ended_total{cause="replaced"}': 1,
      'edvoyage_sessions_ended_total{cause="limit"}': 1,
      'edvoyage_sessions_ended_total{cause="revoked"}': 1,
      'edvoyage_sessions_ended_total{cause="admin"}': 1,
      'edvoyage_sessions_ended_total{cause="logout"}': 1,
      'edvoyage_sessions_ended_total{cause="deleted"}': 1,
    });
  });

  test("counts once each student who was active in the last 24 hours, signed out or not", async () => {
    const world = await createWorld({ dialect });
    const [early, late] = [await createStudent(world), await createStudent(world)];
    await world.device({ phone: early.phone }).signIn();
    await late.rpc.sessions.logout.mutate();
    const active = async () => (await scrape(world))["edvoyage_students_active"];
    expect(await active()).toBe(2);

    // The gauge is refreshed at most once a minute.
    await createStudent(world);
    expect(await active()).toBe(2);
    world.clock.advance({ minutes: 1 });
    expect(await active()).toBe(3);

    world.clock.advance({ hours: 23 });
    await early.rpc.sessions.validate.query();
    world.clock.advance({ hours: 1 });
    // The time of the last use is stored after the answer.
    await untilWithin(
      { clock: world.clock, within: { minutes: 2 }, step: { minutes: 1 } },
      async () => (await active()) === 1,
    );
    world.clock.advance({ hours: 24 });
    expect(await active()).toBe(0);
  });

  test("counts every student once, however many sessions were used in one millisecond", async () => {
    const world = await createWorld({ dialect });
    const now = world.clock.now();
    const numbersTo = (last: number): string =>
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${last})`;
    await writeRows(
      world.databaseUrl,
      `${numbersTo(1_300)} insert into users (id, phone, created_at) select 'student-' || i, 'phone-' || i, 0 from n`,
    );
    // Each student has two sessions; a third of the sessions have ended.
    await writeRows(
      world.databaseUrl,
      `${numbersTo(2_600)} insert into sessions
         (id, user_id, device_key, key_hash, platform, created_at, last_seen_at, expires_at, ended_at, end_reason)
       select 'session-' || i, 'student-' || (1 + i % 1300), 'device-' || i, 'key-' || i, 'ios', 0, ${now}, ${now * 2},
         case when i % 3 = 0 then ${now} end, case when i % 3 = 0 then 'logout' end from n`,
    );

    expect(await scrape(world)).toMatchObject({ edvoyage_students_active: 1_300 });
  });

  test("counts what reaches the sockets of a room: each frame, and each entry in it", async () => {
    const world = await createWorld({ dialect });
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openDirect(ada, bo);
    for (const { token } of [ada, bo])
      await connectStock({ url: world.url, token }, `room/${roomId}/0`).synced();
    const before = await scrape(world);

    await ada.send(roomId, "Hello");
    await until(async () => {
      const after = await scrape(world);
      return (
        increase(after, before, 'edvoyage_frames_delivered_total{document="room"}') === 2 &&
        increase(after, before, "edvoyage_entries_delivered_total") === 2 &&
        increase(after, before, 'edvoyage_sync_lag_seconds_count{document="room"}') === 1
      );
    });

    const newcomer = connectStock({ url: world.url, token: bo.token }, `room/${roomId}/0`);
    await newcomer.synced();
    const after = await scrape(world);
    expect(increase(after, before, 'edvoyage_frames_delivered_total{document="room"}')).toBe(3);
    expect(increase(after, before, "edvoyage_entries_delivered_total")).toBe(2 + newcomer.events().length);
    // A newcomer's first frames do not count as lag.
    expect(increase(after, before, 'edvoyage_sync_lag_seconds_count{document="room"}')).toBe(1);
  });

  test("counts what reaches a student's other devices, but not what the sender gets", async () => {
    const world = await createWorld({ dialect });
    const ada = await createStudent(world);
    const open = () => connectStock({ url: world.url, token: ada.token }, `user/${ada.id}`);
    const [phone, tablet] = [open(), open()];
    await Promise.all([phone.synced(), tablet.synced()]);
    const before = await scrape(world);

    phone.doc.getArray("settings").push([{ key: "theme", val: "dark" }]);
    await until(() => tablet.doc.getArray("settings").length === 1);

    const after = await scrape(world);
    expect(increase(after, before, 'edvoyage_frames_delivered_total{document="user"}')).toBe(1);
    expect(increase(after, before, 'edvoyage_sync_lag_seconds_count{document="user"}')).toBe(1);
  });

  test("counts failed pushes: those with a retry and those given up", async () => {
    const outcomes = [
      ["refused", "dead"],
      ["failed", "retried"],
    ] as const;

    for (const [state, result] of outcomes) {
      const world = await createWorld({ dialect, pushProvider: pushProviderWith({ state, error: "down" }) });
      const [ada, bo] = [await createStudent(world), await createStudent(world)];
      await ada.rpc.push.register.mutate({
        provider: "expo",
        token: "ExponentPushToken[a0b1c2d3e4f5]",
        platform: "ios",
      });
      const series = `edvoyage_pushes_total{provider="expo",result="${result}"}`;
      expect(await scrape(world)).toMatchObject({ [series]: 0 });

      await bo.send(await openDirect(ada, bo), "Hello");

      await until(async () => (await scrape(world))[series] === 1);
      world.clock.advance({ seconds: 1 });
      const gauge = state === "refused" ? "edvoyage_pushes_dead" : "edvoyage_pushes_pending";
      expect(await scrape(world)).toMatchObject({ [gauge]: 1 });
    }
  });
});

describe("the sync lag", () => {
  test("measures how long another node's change took to be noticed", async () => {
    const world = await createWorld({ dialect: "postgres" });
    const other = await joinWorld(world);
    const [ada, bo] = [await createStudent(world), await createStudent(world)];
    const roomId = await openGroup(ada, [bo]);
    const room = connectStock({ url: other.url, token: bo.token }, `room/${roomId}/0`);
    const own = connectStock({ url: other.url, token: ada.token }, `user/${ada.id}`);
    await Promise.all([room.synced(), own.synced()]);

    await ada.send(roomId, "Hello");
    await ada.rpc.favourites.add.mutate({ kind: "university", id: await someUniversity(world) });
    world.clock.advance({ ms: 400 });
    await until(() => room.texts().length === 1 && own.doc.getArray("favourites").length === 1);

    expect(await scrape(other)).toMatchObject({
      'edvoyage_sync_lag_seconds_sum{document="room"}': 0.4,
      'edvoyage_sync_lag_seconds_bucket{le="0.25",document="room"}': 0,
      'edvoyage_sync_lag_seconds_bucket{le="0.5",document="room"}': 1,
      'edvoyage_sync_lag_seconds_sum{document="user"}': 0.4,
      'edvoyage_sync_lag_seconds_count{document="user"}': 1,
    });
  });
});

describe("the page about monitoring", () => {
  /** The metric names in its table, each with its labels. */
  const rows = [...PAGE.matchAll(/^\| `(edvoyage_[a-z_]+)(?:\{([a-z,]+)\})?` \|/gm)];
  const documented = Object.fromEntries(rows.map(([, name, labels = ""]) => [name, labels]));

  test("names every metric of /metrics with its labels, and no other", async () => {
    const world = await createWorld({ pushProvider: pushProviderWith({ state: "taken" }) });
    const ada = await createStudent(world);
    connectStock({ url: world.url, token: ada.token }, `user/${ada.id}`);
    await ada.rpc.sessions.logout.mutate();
    await until(async () => (await textOf(world)).includes("edvoyage_sockets_closed_total{"));

    const text = await textOf(world);

    const printed = new Map<string, string>();
    for (const [, name = "", type] of text.matchAll(/^# TYPE (edvoyage_\w+) (\w+)$/gm)) {
      const series = new RegExp(`^${name}${type === "histogram" ? "_count" : ""}(?:\\{(.*)\\})? `, "m");
      const [sample, labels = ""] = series.exec(text) ?? [];
      expect(sample, `${name} has no series`).toBeDefined();
      printed.set(name, [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).join(","));
    }
    expect(printed.size).toBeGreaterThan(15);
    expect(documented).toEqual(Object.fromEntries(printed));
    expect(rows).toHaveLength(printed.size);
  });

  test("covers every metric that its alerts use", () => {
    const namesInAlerts = PAGE.match(/edvoyage_[a-z_]+/g) ?? [];

    const unknownNames = namesInAlerts.filter(
      (name) => !Object.hasOwn(documented, name.replace(/_(bucket|count|sum)$/, "")),
    );

    expect(namesInAlerts.length).toBeGreaterThan(rows.length);
    expect(unknownNames).toEqual([]);
  });
});

const increase = (
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
  series: string,
): number => (after[series] ?? Number.NaN) - (before[series] ?? Number.NaN);

const someUniversity = async (world: World): Promise<string> => {
  await world.server.seedIfEmpty();
  const [university] = (await world.rpc().universities.list.query({ limit: 1 })).items;
  return university?.id ?? expect.fail("there is no university");
};
