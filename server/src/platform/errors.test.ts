import { StorageError } from "@edvoyage/db";
import { expect, test } from "vitest";
import { errorToFacts } from "./errors.ts";

test.each([
  ["full", "unchanged", { reason: "storage/full", httpStatus: 507, retryAfterSeconds: 5 }],
  ["unavailable", "unchanged", { reason: "server/unavailable", httpStatus: 503, retryAfterSeconds: 1 }],
  ["unavailable", "unknown", { reason: "server/unavailable", httpStatus: 503, retryAfterSeconds: 1 }],
] as const)(
  "a database that is %s, with the outcome %s, says when to try again and what was changed",
  (kind, outcome, expected) => {
    const { reason, httpStatus, details, message } = errorToFacts(
      new StorageError(kind, "It failed", { outcome }),
    );

    expect({ reason, httpStatus, ...details }).toEqual(expected);
    expect(message.includes("Nothing was changed")).toBe(outcome === "unchanged");
  },
);
