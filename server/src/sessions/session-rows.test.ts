import type { DeviceKey } from "@edvoyage/db";
import { SESSION_IDLE_MS, SESSION_LIFETIME_MS, type SessionId, type UserId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS, MINUTE_MS } from "../platform/clock.ts";
import { createNewId, systemRandom } from "../platform/crypto.ts";
import { endsFrom } from "./session-ends.store.ts";
import { createSessionScene, refusal, START } from "./sessions-scene.test.shared.ts";

describe("a session that another process ended", () => {
  test("an ended session is answered from memory for less than a second, until its end is noticed", async () => {
    const { open, use, sessions, endElsewhere, noted, pass } = await createSessionScene();
    const { id } = await open();
    await use("phone");
    await endElsewhere(id);
    pass(999);
    await use("phone");

    pass(1);

    await expect(use("phone")).rejects.toEqual(refusal("session/revoked"));
    expect(noted.heard).toContain(id);
    await sessions.noticeEnds();
  });

  test("an ended session is read from its row while the ends cannot be read", async () => {
    const { open, use, pass, endElsewhere, noted, sessions } = await createSessionScene();
    const { id } = await open();
    await use("phone");
    pass(1_000);
    noted.canPoll = false;
    await expect(sessions.noticeEnds()).rejects.toThrow("down");
    await use("phone");

    await endElsewhere(id);

    await expect(use("phone")).rejects.toEqual(refusal("session/revoked"));
  });

  test("an ended session is found among the open ones after ends may have been missed", async () => {
    const { open, sessions, endElsewhere, noted, pass, settle } = await createSessionScene();
    const [live, ended] = [await open({ device: "a" }), await open({ device: "b" })];
    noted.open = [live.id, ...Array.from({ length: 499 }, (_, index) => `x${index}` as SessionId), ended.id];
    await sessions.noticeEnds();
    await settle();
    expect(noted.heard).not.toContain(ended.id);
    noted.heard.length = 0;
    await endElsewhere(ended.id);

    pass(11 * MINUTE_MS);
    await sessions.noticeEnds();
    await settle();

    expect(noted.heard.filter((id) => id === live.id || id === ended.id)).not.toContain(live.id);
    expect(noted.heard).toContain(ended.id);
    expect(noted.heard).toContain("x0");
  });
});

describe("the rows of sessions", () => {
  test("say which are live: neither ended, nor idle, nor past their lifetime", async () => {
    const { open, live, sessions, student, pass, endElsewhere } = await createSessionScene();
    const [ended, idle] = [await open({ device: "ended" }), await open({ device: "idle" })];
    await endElsewhere(ended.id);
    pass(SESSION_IDLE_MS - 1);
    const fresh = await open({ device: "fresh" });
    expect((await sessions.list(student.id)).map(({ id }) => id)).toEqual([fresh.id, idle.id]);
    expect(await sessions.countLive()).toBe(2);
    expect(await live(idle.id)).toEqual(idle);
    pass(1);

    expect(await sessions.list(student.id)).toEqual([fresh]);
    expect(await sessions.countLive()).toBe(1);
    expect(await live(fresh.id)).toEqual(fresh);
    expect(await live(idle.id)).toBeUndefined();
    expect(await live(ended.id)).toBeUndefined();
    expect(await live("none" as SessionId)).toBeUndefined();
  });

  test("rows of sessions are not live once their lifetime is over", async () => {
    const { open, live, sessions, student, pass, database } = await createSessionScene();
    const { id } = await open();
    pass(SESSION_LIFETIME_MS - 1);
    await database.write((tx) =>
      tx.kysely
        .updateTable("sessions")
        .set({ last_seen_at: START + SESSION_LIFETIME_MS - 1 })
        .execute(),
    );
    expect(await sessions.countLive()).toBe(1);
    expect(await live(id)).toBeDefined();
    pass(1);

    expect(await sessions.countLive()).toBe(0);
    expect(await sessions.list(student.id)).toEqual([]);
    expect(await live(id)).toBeUndefined();
  });

  test("rows of sessions are deleted 90 days after their lifetime, in batches", async () => {
    const { database, sessions, student, rows, pass } = await createSessionScene({ sessionsPerUser: 1_000 });
    const ids = createNewId(systemRandom);
    const values = Array.from({ length: 501 }, (_, index) => ({
      id: ids<SessionId>(START),
      user_id: student.id,
      device_key: `d${index}` as DeviceKey,
      key_hash: `k${index}`,
      device_name: null,
      platform: "ios" as const,
      app_version: null,
      created_at: START,
      last_seen_at: START,
      expires_at: START,
      ended_at: null,
      end_reason: null,
    }));
    await database.write((tx) => tx.kysely.insertInto("sessions").values(values).execute());
    pass(SESSION_LIFETIME_MS + 90 * DAY_MS);
    await sessions.prune(START + SESSION_LIFETIME_MS + 90 * DAY_MS);
    expect(await rows()).toHaveLength(501);

    await sessions.prune(START + SESSION_LIFETIME_MS + 90 * DAY_MS + 1);

    expect(await rows()).toEqual([]);
  });

  test("rows of ends are deleted an hour after the end, in batches", async () => {
    const { database, sessions } = await createSessionScene();
    const ends = () => database.read.kysely.selectFrom("session_ends").select("session_id").execute();
    const hourAgo = Date.now() - 60 * MINUTE_MS;
    const values = [
      ...Array.from({ length: 501 }, (_, index) => ({ session_id: `${index}`, logged_at: hourAgo - 1 })),
      { session_id: "young", logged_at: hourAgo + 10 * MINUTE_MS },
    ].map((value) => ({ ...value, session_id: value.session_id as SessionId }));
    await database.write((tx) => tx.kysely.insertInto("session_ends").values(values).execute());

    await sessions.prune(START);

    expect(await ends()).toEqual([{ session_id: "young" }]);
  });
});

test("ends are read from a position, with the position and the time for the next read", async () => {
  const { database } = await createSessionScene();
  const ends = ["a", "b"].map((id) => ({ session_id: id as SessionId, logged_at: Date.now() }));
  await database.write((tx) => tx.kysely.insertInto("session_ends").values(ends).execute());

  const read = await database.read.all(endsFrom("sqlite"), { from: 2 });
  const none = await database.read.all(endsFrom("sqlite"), { from: 3 });

  expect(read).toEqual([{ next: 3, now: expect.any(Number), session_id: "b" }]);
  expect(none).toEqual([{ next: 3, now: expect.any(Number), session_id: null }]);
});

describe("the students who were active", () => {
  test("active students are counted once each, from sessions used in the last 24 hours, also if they have ended", async () => {
    const { open, pass, addStudent, activeStudents, sessions } = await createSessionScene();
    expect(await activeStudents()).toBe(0);
    const idle = await addStudent("+447400123457");
    await open({ device: "idle", of: idle });
    pass(1);
    await open({ device: "a" });
    await open({ device: "b" });
    const left = await open({ device: "c", of: await addStudent("+447400123458") });
    await sessions.end(left.id, { reason: "logout", actor: "admin" });
    expect(await activeStudents()).toBe(3);

    pass(DAY_MS - 1);

    expect(await activeStudents()).toBe(2);
    pass(1);
    expect(await activeStudents()).toBe(0);
  });

  test("active students are counted beyond one page of sessions, live and ended", async () => {
    const { database, activeStudents } = await createSessionScene();
    const ids = createNewId(systemRandom);
    const users = Array.from({ length: 1_002 }, (_, index) => ({
      id: ids<UserId>(START),
      phone: `phone ${index}`,
      created_at: START,
    }));
    const values = users.map(({ id }, index) => ({
      id: ids<SessionId>(START),
      user_id: id,
      device_key: `d${index}` as DeviceKey,
      key_hash: `k${index}`,
      device_name: null,
      platform: "ios" as const,
      app_version: null,
      created_at: START,
      last_seen_at: START,
      expires_at: START + DAY_MS,
      ended_at: index % 2 === 0 ? START : null,
      end_reason: index % 2 === 0 ? ("logout" as const) : null,
    }));
    await database.write(async (tx) => {
      await tx.kysely.insertInto("users").values(users).execute();
      await tx.kysely.insertInto("sessions").values(values).execute();
    });

    expect(await activeStudents()).toBe(1_002);
  });
});

describe("the list for admins", () => {
  const everything = { includeEnded: true, showPhones: true, limit: 10 };

  test("shows live sessions, or ended and expired ones too, most recently used first", async () => {
    const { open, pass, inspection, sessions, student } = await createSessionScene();
    const expired = await open({ device: "expired" });
    pass(SESSION_IDLE_MS - 1);
    const ended = await open({ device: "ended" });
    await sessions.end(ended.id, { reason: "logout", actor: "admin" });
    pass(1);
    const live = await open({ device: "live" });
    const endedAt = START + SESSION_IDLE_MS - 1;

    const all = await inspection.list(everything);
    const onlyLive = await inspection.list({ includeEnded: false, showPhones: false, limit: 10 });

    const shared = { userId: student.id, phone: student.phone, endedAt: null };
    expect(all.items).toEqual([
      { ...live, ...shared, state: "live" },
      { ...ended, ...shared, state: "logout", endedAt },
      { ...expired, ...shared, state: "expired" },
    ]);
    expect(onlyLive.items).toEqual([{ ...live, ...shared, phone: "+44••••••3456", state: "live" }]);
  });

  test("shows the sessions of one student, by id or phone", async () => {
    const { open, inspection, addStudent, student } = await createSessionScene();
    const other = await addStudent("+447400123457");
    const [own, others] = [await open(), await open({ of: other, key: "other" })];

    const byId = await inspection.list({ ...everything, userId: student.id });
    const byPhone = await inspection.list({ ...everything, phone: other.phone });

    expect(byId.items.map(({ id }) => id)).toEqual([own.id]);
    expect(byPhone.items.map(({ id }) => id)).toEqual([others.id]);
  });

  test("continues after its last session, also between two that were used at the same time", async () => {
    const { open, inspection, pass } = await createSessionScene();
    const ids = [await open({ device: "a" }), await open({ device: "b" })].map(({ id }) => id);
    pass(1);
    ids.push((await open({ device: "c" })).id);
    const listed: SessionId[] = [];

    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof inspection.list>> = await inspection.list({
        ...everything,
        limit: 1,
        cursor,
      });
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null && listed.length < 10);

    expect(listed).toEqual(ids.reverse());
  });
});
