import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type DeviceKey, type SessionEnd } from "@edvoyage/db";
import { defaultLimits, type LimitName, type SessionId, type UserId } from "@edvoyage/protocol";
import { expect, onTestFinished } from "vitest";
import type { Audit, AuditEntry } from "../audit/audit.ts";
import { createNewId, sha256, systemRandom } from "../platform/crypto.ts";
import { createCountActiveStudents } from "./active-students.ts";
import { createSessionInspection } from "./inspection.ts";
import { createSessions } from "./sessions.ts";

/** The time at which a scene begins. */
export const START = Date.UTC(2026, 8, 1, 8);

/** Sessions on a SQLite database of their own. */
export const createSessionScene = async (limits: Partial<Record<LimitName, number>> = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-sessions-"));
  const database = await openDatabase(`sqlite:${join(folder, "sessions.sqlite")}`);
  onTestFinished(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  const time = { now: START };
  const clock = { now: () => time.now, monotonicNow: () => time.now, every: () => () => {} };
  const newId = createNewId(systemRandom);
  const noted = {
    opened: 0,
    causes: [] as SessionEnd[],
    forgotten: [] as string[],
    pushesEnded: [] as SessionId[],
    devicesTaken: [] as unknown[],
    heard: [] as SessionId[],
    open: [] as SessionId[],
    canPoll: true,
  };
  const { read } = database;
  const all: typeof read.all = (query, params) =>
    noted.canPoll ? read.all(query, params) : Promise.reject(new Error("down"));
  const tasks: Promise<unknown>[] = [];
  const entries: AuditEntry[] = [];
  const audit: Audit = {
    record: async (_tx, entry) => void entries.push(entry),
    forgetAddresses: async () => {},
    list: async () => ({ items: [], nextCursor: null }),
  };
  const sessions = createSessions({
    database: { ...database, read: { kysely: read.kysely, first: read.first, all } },
    audit,
    clock,
    newId,
    limits: { ...defaultLimits, ...limits },
    metrics: {
      sessionOpened: () => (noted.opened += 1),
      sessionEnded: (cause) => void noted.causes.push(cause),
    },
    forgetDevice: async (_tx, phone, deviceKey) => void noted.forgotten.push(`${phone} ${deviceKey}`),
    pushTokens: {
      sessionEnded: async (_tx, id) => void noted.pushesEnded.push(id),
      deviceTaken: async (_tx, device) => void noted.devicesTaken.push(device),
    },
    background: (task) => void tasks.push(task),
    onEnded: (id) => void noted.heard.push(id),
    openSessions: () => noted.open,
  });
  const addStudent = async (phone = "+447400123456") => {
    const id = newId<UserId>(time.now);
    await database.write((tx) =>
      tx.kysely.insertInto("users").values({ id, phone, created_at: START }).execute(),
    );
    return { id, phone };
  };
  const student = await addStudent();
  return {
    database,
    sessions,
    noted,
    student,
    addStudent,
    settle: () => Promise.all(tasks.splice(0)),
    pass: (ms: number) => (time.now += ms),
    /** Opens a session on a device; its key is the device's name. */
    open: ({
      device = "phone",
      of = student,
      key = device,
    }: { device?: string; of?: typeof student; key?: string } = {}) =>
      database.write((tx) =>
        sessions.open(tx, {
          userId: of.id,
          phone: of.phone,
          deviceKey: device as DeviceKey,
          key,
          deviceName: `The ${device}`,
          platform: "android",
          appVersion: "1.2",
          now: time.now,
        }),
      ),
    use: (key: string) => sessions.authenticate(sha256(key)),
    live: (id: SessionId) => database.write((tx) => sessions.live(tx, id, time.now)),
    /** Ends a session as another process does. */
    endElsewhere: (id: SessionId) =>
      database.write((tx) =>
        tx.kysely
          .updateTable("sessions")
          .set({ ended_at: 1, end_reason: "revoked" })
          .where("id", "=", id)
          .execute(),
      ),
    rows: () => database.read.kysely.selectFrom("sessions").selectAll().orderBy("id").execute(),
    /** Returns what was recorded, also by units of work that were rolled back. */
    audited: () =>
      entries.map(({ action, actor, reason, sessionId: id, phone }) => ({
        action,
        actor,
        reason,
        id,
        phone,
      })),
    activeStudents: createCountActiveStudents({ read: database.read, clock }),
    inspection: createSessionInspection({ read: database.read, clock }),
  };
};

/** Matches an error with this reason. */
export const refusal = (reason: string) => expect.objectContaining({ reason });
