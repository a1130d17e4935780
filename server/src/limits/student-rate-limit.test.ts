import type { UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { AppError } from "../platform/errors.ts";
import { createStudentRateLimit } from "./student-rate-limit.ts";

const student = "0192a000-0000-7000-8000-000000000001" as UserId;
const other = "0192a000-0000-7000-8000-000000000002" as UserId;

const createRate = () => {
  let now = 0;
  let offsetMs = Date.UTC(2026, 8, 1);
  const rate = createStudentRateLimit({
    clock: { now: () => now + offsetMs, monotonicNow: () => now, every: () => () => {} },
    perSecond: 20,
    burst: 1_000,
  });
  /** Takes tokens until none is left and returns how many there were. */
  const takeAll = (userId: UserId): number => {
    for (let taken = 0; ; taken += 1) {
      try {
        rate.take(userId);
      } catch (error) {
        expect(error).toMatchObject({ reason: "rate/limited", details: { retryAfterSeconds: 1 } });
        expect(error).toBeInstanceOf(AppError);
        return taken;
      }
    }
  };
  return {
    takeAll,
    take: rate.take,
    advance: (ms: number) => (now += ms),
    setClock: (ms: number) => (offsetMs += ms),
  };
};

test("allows a student 1,000 actions at once and then 20 a second", () => {
  const { takeAll, advance } = createRate();

  expect(takeAll(student)).toBe(1_000);
  advance(1_000);
  expect(takeAll(student)).toBe(20);
  advance(50);
  expect(takeAll(student)).toBe(1);
});

test("counts each student separately", () => {
  const { takeAll } = createRate();
  takeAll(student);

  expect(takeAll(other)).toBe(1_000);
});

test("never holds more tokens than the burst, however long a student was inactive", () => {
  const { takeAll, advance } = createRate();
  takeAll(student);

  advance(24 * 3_600_000);

  expect(takeAll(student)).toBe(1_000);
});

test("neither removes nor adds tokens when the clock is set back", () => {
  const { takeAll, take, advance, setClock } = createRate();
  for (let index = 0; index < 400; index += 1) take(student);

  setClock(-3_600_000);
  expect(takeAll(student)).toBe(600);
  setClock(-3_600_000);
  expect(takeAll(student)).toBe(0);
  advance(1_000);

  expect(takeAll(student)).toBe(20);
  expect(takeAll(other)).toBe(1_000);
});
