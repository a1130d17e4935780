import type { DeviceKey } from "@edvoyage/db";
import { SESSION_IDLE_MS, SESSION_LIFETIME_MS, type SessionId } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import { MINUTE_MS } from "../platform/clock.ts";
import { createSessionScene, refusal, START } from "./sessions-scene.test.shared.ts";

describe("opening a session", () => {
  test("returns it as its student sees it, counts it and records it", async () => {
    const { open, noted, student, audited } = await createSessionScene();

    const session = await open();

    expect(session).toEqual({
      id: session.id,
      deviceName: "The phone",
      platform: "android",
      appVersion: "1.2",
      createdAt: START,
      lastSeenAt: START,
      expiresAt: START + SESSION_IDLE_MS,
    });
    expect(noted).toMatchObject({ opened: 1, causes: [], heard: [] });
    expect(noted.devicesTaken).toEqual([{ deviceKey: "phone", userId: student.id }]);
    expect(audited()).toEqual([
      {
        action: "sign-in.succeeded",
        actor: `user:${student.id}`,
        id: session.id,
        phone: student.phone,
      },
    ]);
  });

  test("counts nothing when its unit of work fails", async () => {
    const { database, sessions, noted, student } = await createSessionScene();
    const input = { deviceKey: "d" as DeviceKey, key: "k", deviceName: null, appVersion: null } as const;

    const failed = database.write(async (tx) => {
      const who = { userId: student.id, phone: student.phone, platform: "ios", now: START } as const;
      await sessions.open(tx, { ...input, ...who });
      throw new Error("no");
    });

    await expect(failed).rejects.toThrow("no");
    expect(noted.opened).toBe(0);
  });

  test("replaces the session of the same device, which stays known", async () => {
    const { open, use, noted, audited, pass } = await createSessionScene();
    const first = await open({ key: "first" });
    pass(1);
    await open({ key: "second" });

    await expect(use("first")).rejects.toEqual(refusal("session/expired"));
    await use("second");
    expect(noted).toMatchObject({ causes: ["replaced"], pushesEnded: [first.id], forgotten: [] });
    expect(audited().map(({ action }) => action)).toEqual([
      "sign-in.succeeded",
      "session.replaced",
      "sign-in.succeeded",
    ]);
  });

  test("ends those that were unused for longest beyond the limit, and no other student's", async () => {
    const { open, use, noted, pass, addStudent, audited, settle } = await createSessionScene({
      sessionsPerUser: 2,
    });
    await open({ device: "other", of: await addStudent("+447400123457") });
    const [, unused] = [await open({ device: "a" }), await open({ device: "b" })];
    pass(MINUTE_MS);
    await use("a");
    await settle();
    expect(noted.causes).toEqual([]);

    await open({ device: "c" });

    expect(noted).toMatchObject({ causes: ["limit"], pushesEnded: [unused.id], forgotten: [] });
    await use("a");
    await use("other");
    await expect(use("b")).rejects.toEqual(refusal("session/expired"));
    expect(audited().map(({ action }) => action)).toContain("session.limit");
  });
});

describe("using a session", () => {
  test("returns it with its student", async () => {
    const { open, use, student } = await createSessionScene();
    const session = await open();

    const expected = { session, user: { id: student.id, phone: student.phone, createdAt: START } };
    expect(await use("phone")).toEqual(expected);
    expect(await use("phone")).toEqual(expected);
  });

  test("fails with a key that belongs to no session", async () => {
    const { open, use } = await createSessionScene();
    await open();

    await expect(use("unknown")).rejects.toEqual(refusal("session/unknown"));
  });

  test.each([
    ["from memory", true],
    ["from its row", false],
  ])("fails once it was unused for its idle time, %s", async (_where, isInMemory) => {
    const { open, use, pass } = await createSessionScene();
    await open({ device: "a" });
    await open({ device: "b" });
    if (isInMemory) await Promise.all([use("a"), use("b")]);

    pass(SESSION_IDLE_MS - 1);
    expect((await use("a")).session.expiresAt).toBe(START + 2 * SESSION_IDLE_MS - 1);
    pass(1);

    await expect(use("b")).rejects.toEqual(refusal("session/expired"));
    await use("a");
  });

  test("fails at the end of its lifetime, however much it is used", async () => {
    const { open, use, pass, settle } = await createSessionScene();
    await open();
    for (let used = 0; used + SESSION_IDLE_MS / 2 < SESSION_LIFETIME_MS; used += SESSION_IDLE_MS / 2) {
      await use("phone");
      await settle();
      pass(SESSION_IDLE_MS / 2);
    }
    pass(SESSION_IDLE_MS / 2 - 1);
    expect((await use("phone")).session.expiresAt).toBe(START + SESSION_LIFETIME_MS);

    pass(1);

    await expect(use("phone")).rejects.toEqual(refusal("session/expired"));
  });

  test("a use is written at most once a minute, and seen at once", async () => {
    const { open, use, pass, rows, settle } = await createSessionScene();
    await open();
    pass(MINUTE_MS - 1);
    expect((await use("phone")).session.lastSeenAt).toBe(START);
    await settle();
    expect(await rows()).toMatchObject([{ last_seen_at: START }]);

    pass(1);
    expect((await use("phone")).session.lastSeenAt).toBe(START + MINUTE_MS);
    await settle();

    expect(await rows()).toMatchObject([{ last_seen_at: START + MINUTE_MS }]);
  });

  test("finds out with its next write that another process has ended it", async () => {
    const { open, use, sessions, pass, noted, endElsewhere, settle } = await createSessionScene();
    const { id } = await open();
    await use("phone");
    pass(MINUTE_MS);
    await sessions.noticeEnds();
    await endElsewhere(id);
    noted.heard.length = 0;

    await use("phone");
    await settle();

    expect(noted.heard).toEqual([id]);
    await expect(use("phone")).rejects.toEqual(refusal("session/revoked"));
  });

  test("keeps a later use that another process has written", async () => {
    const { open, use, pass, rows, settle, database } = await createSessionScene();
    await open();
    const later = START + 10 * MINUTE_MS;
    await database.write((tx) => tx.kysely.updateTable("sessions").set({ last_seen_at: later }).execute());
    await use("phone");
    pass(SESSION_IDLE_MS + MINUTE_MS);

    expect((await use("phone")).session.expiresAt).toBeGreaterThan(START + 2 * SESSION_IDLE_MS);
    await settle();
    expect(await rows()).toMatchObject([{ last_seen_at: START + SESSION_IDLE_MS + MINUTE_MS }]);
  });
});

describe("ending a session", () => {
  test.each([
    ["logout", "session/revoked", "session.logout", false],
    ["revoked", "session/revoked", "session.revoked", true],
    ["admin", "session/revoked", "session.revoked", true],
  ] as const)("because of `%s` fails its key with %s", async (reason, failure, action, isForgotten) => {
    const { open, use, sessions, noted, student, audited } = await createSessionScene();
    const { id } = await open();
    await use("phone");

    expect(await sessions.end(id, { reason, actor: "admin", owner: student.id, note: "why" })).toBe(1);

    await expect(use("phone")).rejects.toEqual(refusal(failure));
    expect(noted).toMatchObject({ causes: [reason], pushesEnded: [id], heard: [id] });
    expect(noted.forgotten).toEqual(isForgotten ? [`${student.phone} phone`] : []);
    expect(audited()[1]).toEqual({
      action,
      actor: "admin",
      reason: "why",
      id,
      phone: student.phone,
    });
    expect(await sessions.end(id, { reason, actor: "admin" })).toBe(0);
    expect(audited()).toHaveLength(2);
    expect(noted.causes).toEqual([reason]);
  });

  test("an ending does not find another student's session, nor one that does not exist", async () => {
    const { open, use, sessions, addStudent } = await createSessionScene();
    const { id } = await open();
    const other = await addStudent("+447400123457");
    const act = { reason: "revoked", actor: `user:${other.id}`, owner: other.id } as const;

    await expect(sessions.end(id, act)).rejects.toEqual(refusal("not-found"));
    await expect(sessions.end("none" as SessionId, { reason: "admin", actor: "admin" })).rejects.toEqual(
      refusal("not-found"),
    );
    await use("phone");
  });

  test("ends all of a student's other sessions", async () => {
    const { open, use, sessions, student, noted, addStudent } = await createSessionScene();
    await open({ device: "other", of: await addStudent("+447400123457") });
    const { id: kept } = await open({ device: "kept" });
    expect(await sessions.endOthers(kept, student.id)).toBe(0);
    const { id } = await open({ device: "gone" });

    expect(await sessions.endOthers(kept, student.id)).toBe(1);

    expect(noted).toMatchObject({ causes: ["revoked"], heard: [id], forgotten: [`${student.phone} gone`] });
    await use("kept");
    await use("other");
    await expect(use("gone")).rejects.toEqual(refusal("session/revoked"));
  });

  test("ends all sessions of a deleted account, and tells others after the commit", async () => {
    const { open, use, sessions, student, noted, database, audited } = await createSessionScene();
    const { id } = await open();
    const act = { actor: "admin", now: START } as const;
    const failed = database.write(async (tx) => {
      await sessions.endAll(tx, student.id, act);
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(noted.heard).toEqual([]);

    await database.write((tx) => sessions.endAll(tx, student.id, act));

    expect(noted).toMatchObject({ causes: ["deleted"], heard: [id], forgotten: [] });
    await expect(use("phone")).rejects.toEqual(refusal("session/revoked"));
    expect(audited().at(-1)).toMatchObject({ action: "session.revoked", actor: "admin" });
  });
});
