import type { Queries } from "@edvoyage/db";
import type { SessionId, UserId } from "@edvoyage/protocol";
import { DAY_MS, type Clock } from "../platform/clock.ts";
import { giveWay } from "../account/personal-data.ts";
import { sessionQueries as queries } from "./sessions.store.ts";

/** Rows of one read. A read of SQLite blocks the process; this one takes a few milliseconds. */
const PAGE_SIZE = 500;
/** The most sessions that one count reads. */
const MAX_SESSIONS = 100_000;
/** Sorts before every id: a page from here starts with the instant itself. */
const BEFORE_ALL = "" as SessionId;

interface UsedSession {
  readonly id: SessionId;
  readonly user_id: UserId;
  readonly at: number | null;
}

/**
 * Counts the students with a session that was used in the last 24 hours, also if it was signed out since. Exact to a
 * minute, because activity is written once a minute. Reads an index page by page and lets other work run in between.
 * Reads at most 100,000 sessions.
 */
export const createCountActiveStudents =
  ({ read, clock }: { readonly read: Queries; readonly clock: Clock }) =>
  async (): Promise<number> => {
    const usedSince = clock.now() - DAY_MS;
    const students = new Set<UserId>();
    let sessions = 0;

    const collect = async (
      readPage: (start: { readonly at: number; readonly id: SessionId }) => Promise<readonly UsedSession[]>,
    ): Promise<void> => {
      let start = { at: usedSince + 1, id: BEFORE_ALL };
      while (sessions < MAX_SESSIONS) {
        const page = await readPage(start);
        for (const { user_id: userId } of page) students.add(userId);
        sessions += page.length;
        const last = page.at(-1);
        if (!last || page.length < PAGE_SIZE) return;
        start = { at: last.at ?? usedSince, id: last.id };
        await giveWay();
      }
    };

    // A session that is used or ended in the meantime moves to a later page, so it is not missed.
    await collect((start) => read.all(queries.usedLive, { ...start, limit: PAGE_SIZE }));
    await collect((start) => read.all(queries.usedEnded, { ...start, usedSince, limit: PAGE_SIZE }));
    return students.size;
  };
