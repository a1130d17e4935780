import type { Queries, SessionEnd } from "@edvoyage/db";
import { SESSION_IDLE_MS, type SessionId, type SessionView, type UserId } from "@edvoyage/protocol";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import { parseCursor, toPage, type Page } from "../inputs/page.ts";
import { maskPhone } from "../numbers/phone.ts";
import { rowToView } from "./sessions.ts";
import { sessionsPage, type SessionRow } from "./sessions.store.ts";

/** A session as an admin sees it. */
export interface InspectedSession extends SessionView {
  readonly userId: UserId;
  /** Masked, except with `showPhones`. */
  readonly phone: string;
  readonly state: "live" | "expired" | SessionEnd;
  readonly endedAt: number | null;
}

/** Lists sessions for admins. */
export interface SessionInspection {
  /** Lists sessions, most recently used first; only live ones unless `includeEnded` is set. */
  list(options: {
    readonly userId?: UserId | undefined;
    readonly phone?: string | undefined;
    readonly includeEnded: boolean;
    readonly showPhones: boolean;
    readonly cursor?: string | null | undefined;
    readonly limit: number;
  }): Promise<Page<InspectedSession>>;
}

export const createSessionInspection = ({
  read,
  clock,
}: {
  readonly read: Queries;
  readonly clock: Clock;
}): SessionInspection => ({
  list: async ({ userId, phone, includeEnded, showPhones, cursor, limit }) => {
    const now = clock.now();
    const position = parseCursor(cursor, "admin.sessions", z.tuple([z.number(), z.string()]));
    const rows = await sessionsPage(read, {
      userId,
      phone,
      live: includeEnded ? undefined : { idleSince: now - SESSION_IDLE_MS, now },
      after: position && [position[0], position[1] as SessionId],
      limit: limit + 1,
    });
    return toPage(rows, limit, {
      list: "admin.sessions",
      itemOf: (row) => rowToInspected(row, { now, showPhones }),
      positionOf: ({ last_seen_at: lastSeenAt, id }) => [lastSeenAt, id],
    });
  },
});

const rowToInspected = (
  row: SessionRow,
  { now, showPhones }: { readonly now: number; readonly showPhones: boolean },
): InspectedSession => {
  const view = rowToView(row);
  return {
    ...view,
    userId: row.user_id,
    phone: showPhones ? row.phone : maskPhone(row.phone),
    state: row.end_reason ?? (now < view.expiresAt ? "live" : "expired"),
    endedAt: row.ended_at,
  };
};
