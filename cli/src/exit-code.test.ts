import { expect, test } from "vitest";
import { reasonToExitCode, type FailureReason } from "./exit-code.ts";

const table: readonly (readonly [FailureReason, number])[] = [
  ["failed", 1],
  ["bug", 1],
  ["storage/full", 1],
  ["rate/limited", 1],
  ["input/invalid", 2],
  ["phone/invalid", 2],
  ["not-found", 3],
  ["forbidden", 4],
  ["session/required", 4],
  ["session/unknown", 4],
  ["session/expired", 4],
  ["session/revoked", 4],
  ["session/not-fresh", 4],
  ["conflict", 5],
  ["limit/reached", 5],
  ["server/unavailable", 6],
  ["interrupted", 130],
];

test.each(table)("maps %s to exit code %i", (reason, exitCode) => {
  expect(reasonToExitCode(reason)).toBe(exitCode);
});

test("maps a reason that only a newer server knows to exit code 1", () => {
  const reason: string = "moon/full";

  expect(reasonToExitCode(reason as FailureReason)).toBe(1);
});
