import { expect, test } from "vitest";
import { addReports, countReasons, emptyReport } from "./import-report.ts";

const skip = (reason: string) => ({ index: 0, name: null, reason });

test("adds up the reports of several parts", () => {
  const part = { created: 1, updated: 2, unchanged: 3, skipped: [skip("no usable name")] };

  expect(addReports(addReports(emptyReport, part), part)).toEqual({
    created: 2,
    updated: 4,
    unchanged: 6,
    skipped: [skip("no usable name"), skip("no usable name")],
  });
});

test("counts reasons that differ only in a name together, the most frequent first", () => {
  const counted = countReasons([
    skip("no usable name"),
    skip('the same university as "Keio" earlier in this import'),
    skip('the same university as "The "Old" Bath" earlier in this import'),
  ]);

  expect(counted).toEqual([
    { reason: "the same university as another earlier in this import", count: 2 },
    { reason: "no usable name", count: 1 },
  ]);
});
