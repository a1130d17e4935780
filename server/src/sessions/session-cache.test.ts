import type { DeviceKey } from "@edvoyage/db";
import type { SessionId, UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { createSessionCache } from "./session-cache.ts";
import type { SessionRow } from "./sessions.store.ts";

const rowOf = (name: string, lastSeenAt = 1): SessionRow => ({
  id: `id ${name}` as SessionId,
  user_id: "user" as UserId,
  device_key: "device" as DeviceKey,
  key_hash: `hash ${name}`,
  device_name: null,
  platform: "ios",
  app_version: null,
  ephemeral: 0,
  created_at: 1,
  last_seen_at: lastSeenAt,
  expires_at: 100,
  ended_at: null,
  end_reason: null,
  phone: "+447400123456",
  user_created_at: 1,
});

test("returns a session that was added, and nothing once it is evicted", () => {
  const cache = createSessionCache(10);
  const row = rowOf("a");

  expect(cache.get("hash a")).toBeUndefined();
  expect(cache.add(row)).toEqual({ row, lastSeenAt: 1 });
  expect(cache.get("hash a")).toEqual({ row, lastSeenAt: 1 });
  cache.evict(rowOf("unknown").id);
  expect(cache.get("hash a")).toBeDefined();
  cache.evict(row.id);
  expect(cache.get("hash a")).toBeUndefined();
});

test("knows the last use of a session in memory, also of one that it no longer trusts", () => {
  const cache = createSessionCache(10);
  cache.add(rowOf("a", 5)).lastSeenAt = 8;

  cache.distrust();

  expect(cache.get("hash a")).toBeUndefined();
  expect(cache.lastSeenAt("hash a")).toBe(8);
  expect(cache.lastSeenAt("hash b")).toBe(0);
});

test("keeps the later of two last uses when a row is added again", () => {
  const cache = createSessionCache(10);
  cache.add(rowOf("a", 5)).lastSeenAt = 8;
  cache.distrust();

  expect(cache.add(rowOf("a", 6)).lastSeenAt).toBe(8);
  expect(cache.add(rowOf("a", 9)).lastSeenAt).toBe(9);
  expect(cache.get("hash a")?.lastSeenAt).toBe(9);
});

test("evicts the session that was unused for longest when it is full", () => {
  const cache = createSessionCache(2);
  cache.add(rowOf("a"));
  cache.add(rowOf("b"));
  expect(cache.get("hash a")).toBeDefined();

  cache.markUsed("hash a");
  cache.markUsed("hash unknown");
  cache.add(rowOf("c"));

  expect(cache.get("hash a")).toBeDefined();
  expect(cache.get("hash b")).toBeUndefined();
  expect(cache.get("hash c")).toBeDefined();
});

test("a mark of a session that is not in memory takes no place", () => {
  const cache = createSessionCache(2);
  cache.add(rowOf("a"));

  cache.markUsed("hash unknown");
  cache.add(rowOf("b"));

  expect(cache.get("hash a")).toBeDefined();
  expect(cache.get("hash b")).toBeDefined();
});
