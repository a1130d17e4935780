import { StorageError } from "@edvoyage/db";
import { expect, test } from "vitest";
import { errorToFacts } from "./errors.ts";

test.each([
  ["full", "unchanged", { reason: "storage/full", httpStatus: 507, retryAfterSeconds: 5 }],
  ["unavailable", "unchanged", { reason: "server/unavailable", httpStatus: 503, retryAfterSeconds: 1 }],
  ["unavailable", "unknown", { reason: "server/unavailable", httpStatus: 503, retryAfterSeconds: 1 }],
] as const)(
  "reports when to retry and whether anything was changed, when the database is %s and the outcome is %s",
  (kind, outcome, expected) => {
    const { reason, httpStatus, details, message } = errorToFacts(
      new StorageError(kind, "It failed", { outcome }),
    );

    expect({ reason, httpStatus, ...details }).toEqual(expected);
    expect(message.includes("Nothing was changed")).toBe(outcome === "unchanged");
  },
);
