import type { PushKind, Queries } from "@edvoyage/db";
import type { PushProviderName, UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { deliveryQueries as queries } from "./deliveries.store.ts";

/** A push that was given up, as an admin sees it: never its text or its token. */
export interface DeadPush {
  readonly id: string;
  readonly userId: UserId;
  readonly provider: PushProviderName;
  readonly kind: PushKind;
  readonly attempts: number;
  /** The last error of the provider, as its own code. */
  readonly error: string;
  readonly createdAt: number;
  readonly diedAt: number;
}

/** Lists and counts pushes that were given up, for admins. */
export interface DeadPushes {
  /** Lists the pushes that were given up in the last 30 days, newest first. */
  list(page: {
    readonly cursor?: string | null | undefined;
    readonly limit: number;
  }): Promise<Page<DeadPush>>;
  /** Counts each up to 10,000. */
  count(): Promise<{ readonly pending: number; readonly dead: number }>;
}

/** Sorts after every id. */
const AFTER_ALL = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const MAX_COUNTED = 10_000;

export const createDeadPushes = ({ read }: { readonly read: Queries }): DeadPushes => ({
  list: async ({ cursor, limit }) => {
    const before = parseCursor(cursor, "admin.push", z.tuple([z.string()]))?.[0] ?? AFTER_ALL;
    return toPage(await read.all(queries.deadLetters, { before, limit: limit + 1 }), limit, {
      list: "admin.push",
      itemOf: (row) => ({
        id: row.id,
        userId: row.user_id,
        provider: row.provider,
        kind: row.kind,
        attempts: row.attempts,
        error: row.error,
        createdAt: row.created_at,
        diedAt: row.died_at,
      }),
      positionOf: ({ id }) => [id],
    });
  },
  count: async () => {
    const [pending, dead] = await Promise.all([
      read.first(queries.countPending, { limit: MAX_COUNTED }),
      read.first(queries.countDead, { limit: MAX_COUNTED }),
    ]);
    return { pending: pending?.count ?? 0, dead: dead?.count ?? 0 };
  },
});
