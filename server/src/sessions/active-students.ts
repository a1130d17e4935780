import type { Queries } from "@edvoyage/db";
import type { SessionId, UserId } from "@edvoyage/protocol";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { giveWay } from "../account/personal-data.ts";
import { sessionQueries as queries } from "./sessions.store.ts";

/** Rows of one read: SQLite's hold up everything else for as long as they take, some milliseconds for these. */
const PAGE = 500;
/** Sessions that are looked at in all. */
const MAX_SESSIONS = 100_000;
/** Less than every id: a page that begins here begins with the instant. */
const BEFORE_ALL = "" as SessionId;

interface Use {
  readonly id: SessionId;
  readonly user_id: UserId;
  readonly at: number | null;
}

/**
 * Counts the students with a session that was used in the last 24 hours, signed out since or not; exact to a minute, as
 * activity is written. Reads an index page by page, and other work goes on in between. Looks at 100,000 sessions at the most.
 */
export const createCountActiveStudents =
  ({ read, clock }: { readonly read: Queries; readonly clock: Clock }) =>
  async (): Promise<number> => {
    const usedSince = clock.now() - DAY_MS;
    const students = new Set<UserId>();
    let sessions = 0;

    const collect = async (
      readPage: (start: { readonly at: number; readonly id: SessionId }) => Promise<readonly Use[]>,
    ): Promise<void> => {
      let start = { at: usedSince + 1, id: BEFORE_ALL };
      while (sessions < MAX_SESSIONS) {
        const page = await readPage(start);
        for (const { user_id: userId } of page) students.add(userId);
        sessions += page.length;
        const last = page.at(-1);
        if (!last || page.length < PAGE) return;
        start = { at: last.at ?? usedSince, id: last.id };
        await giveWay();
      }
    };

    // A session that is used or ends meanwhile is further on, and not missed.
    await collect((start) => read.all(queries.usedLive, { ...start, limit: PAGE }));
    await collect((start) => read.all(queries.usedEnded, { ...start, usedSince, limit: PAGE }));
    return students.size;
  };
