import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type DeviceKey, type UnitOfWork } from "@edvoyage/db";
import { defaultLimits, type ChallengeId, type LimitName } from "@edvoyage/protocol";
import { onTestFinished } from "vitest";
import type { AuditEntry } from "../audit/audit.ts";
import { createNewId, systemRandom } from "../platform/crypto.ts";
import { createNumberInspection } from "./inspection.ts";
import { createNumbers, type DeviceState } from "./numbers.ts";

/** The time at which a scene begins: half a minute past a full one. */
export const START = Date.UTC(2026, 8, 1, 8, 0, 30);
export const PHONE = "+447400123456";
export const OTHER_PHONE = "+447400123457";

/** Numbers on a SQLite database of their own. */
export const createNumberScene = async (limits: Partial<Record<LimitName, number>> = {}) => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-numbers-"));
  const database = await openDatabase(`sqlite:${join(folder, "numbers.sqlite")}`);
  onTestFinished(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  const time = { now: START };
  const newId = createNewId(systemRandom);
  const all = { ...defaultLimits, ...limits };
  const numbers = createNumbers({ database, newId, limits: all });
  const audited: AuditEntry[] = [];
  const inspection = createNumberInspection({
    database,
    audit: {
      record: async (_tx, entry) => void audited.push(entry),
      forgetAddresses: async () => {},
      list: async () => ({ items: [], nextCursor: null }),
    },
    clock: { now: () => time.now, monotonicNow: () => time.now, every: () => () => {} },
    limits: all,
  });
  const inUnit = <T>(
    act: (tx: UnitOfWork, device: DeviceState) => Promise<T>,
    { device = "phone", phone = PHONE } = {},
  ): Promise<T> =>
    database.write(async (tx) =>
      act(tx, await numbers.lockAndLoad(tx, { phone, deviceKey: device as DeviceKey, now: time.now })),
    );
  type At = Parameters<typeof inUnit>[1];
  return {
    numbers,
    inspection,
    database,
    inUnit,
    pass: (ms: number) => (time.now += ms),
    statusOf: (at?: At) => inUnit(async (_tx, { status }) => status, at),
    wrong: (at?: At & { codeLength?: number }) =>
      inUnit((tx, device) => numbers.recordWrongCode(tx, device, { codeLength: at?.codeLength ?? 6 }), at),
    send: (at?: At & { ip?: string; challenge?: string; sendId?: string }) =>
      inUnit(
        (tx, device) =>
          numbers.reserveSend(tx, device, {
            challengeId: (at?.challenge ?? "challenge") as ChallengeId,
            sendId: at?.sendId ?? newId<string>(time.now),
            ip: at?.ip ?? "192.0.2.1",
          }),
        at,
      ),
    signIn: (at?: At & { challenge?: string }) =>
      inUnit(
        (tx, device) => numbers.recordSignIn(tx, device, (at?.challenge ?? "challenge") as ChallengeId),
        at,
      ),
    sends: () => database.read.kysely.selectFrom("sends").selectAll().orderBy("id").execute(),
    minutes: () => database.read.kysely.selectFrom("send_minutes").selectAll().orderBy("minute").execute(),
    wrongCodes: () => database.read.kysely.selectFrom("wrong_codes").selectAll().orderBy("id").execute(),
    devices: () =>
      database.read.kysely.selectFrom("phone_devices").selectAll().orderBy("device_key").execute(),
    audited,
  };
};
