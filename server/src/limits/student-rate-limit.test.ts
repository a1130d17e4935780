import type { UserId } from "@edvoyage/protocol";
import { expect, test } from "vitest";
import { AppError } from "../platform/errors.ts";
import { createStudentRateLimit } from "./student-rate-limit.ts";

const student = "0192a000-0000-7000-8000-000000000001" as UserId;
const other = "0192a000-0000-7000-8000-000000000002" as UserId;

const createRate = () => {
  let now = Date.UTC(2026, 8, 1);
  const rate = createStudentRateLimit({
    clock: { now: () => now, every: () => () => {} },
    perSecond: 20,
    burst: 1_000,
  });
  /** How many tokens there are now. */
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
  return { takeAll, take: rate.take, advance: (ms: number) => (now += ms) };
};

test("a student may write 1,000 messages at once, then 20 a second", () => {
  const { takeAll, advance } = createRate();

  expect(takeAll(student)).toBe(1_000);
  advance(1_000);
  expect(takeAll(student)).toBe(20);
  advance(50);
  expect(takeAll(student)).toBe(1);
});

test("one student's haste is nobody else's", () => {
  const { takeAll } = createRate();
  takeAll(student);

  expect(takeAll(other)).toBe(1_000);
});

test("a bucket holds no more than the burst, however long one was silent", () => {
  const { takeAll, advance } = createRate();
  takeAll(student);

  advance(24 * 3_600_000);

  expect(takeAll(student)).toBe(1_000);
});

test("a clock that is put back takes no tokens away and gives none", () => {
  const { takeAll, take, advance } = createRate();
  for (let index = 0; index < 400; index += 1) take(student);

  advance(-3_600_000);
  expect(takeAll(student)).toBe(600);
  advance(-3_600_000);
  expect(takeAll(student)).toBe(0);
  advance(1_000);

  expect(takeAll(student)).toBe(20);
  expect(takeAll(other)).toBe(1_000);
});
