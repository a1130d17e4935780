import type { SessionId } from "@edvoyage/protocol";
import { z } from "zod";
import { pageInput, parseCursor, toPage, type Page } from "../inputs/page.ts";
import { idInput } from "../inputs/id.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Clock } from "../platform/clock.ts";
import type { Sessions, SessionView } from "./sessions.ts";

const sessionId = idInput<SessionId>();

/**
 * Ends sessions, whatever else was done at once: a stolen key that uses up the rate of its student must not keep the others
 * from ending it. What this writes is bounded by the sign-ins before.
 */
const endingProcedure = sessionProcedure.meta({ access: "session", isMetered: false });

/** A session in its student's list of devices. */
export interface ListedSession extends SessionView {
  /** The one that asks. */
  readonly isCurrent: boolean;
}

export const createSessionsRouter = ({
  sessions,
  clock,
}: {
  readonly sessions: Sessions;
  readonly clock: Clock;
}) =>
  router({
    validate: sessionProcedure.query(
      ({
        ctx: {
          caller: { user, session },
        },
      }) => ({
        user,
        session,
        serverNow: clock.now(),
      }),
    ),

    list: sessionProcedure.input(z.object(pageInput).prefault({})).query(
      async ({
        ctx: {
          caller: { user, session },
        },
        input: { cursor, limit },
      }): Promise<Page<ListedSession>> => {
        const after = parseCursor(cursor, "sessions", z.tuple([z.number(), z.string()]));
        const listed = await sessions.list(user.id);
        const rest = listed.filter(
          ({ lastSeenAt, id }) =>
            !after || lastSeenAt < after[0] || (lastSeenAt === after[0] && id < after[1]),
        );
        return toPage(rest, limit, {
          list: "sessions",
          itemOf: (one) => ({ ...one, isCurrent: one.id === session.id }),
          positionOf: ({ lastSeenAt, id }) => [lastSeenAt, id],
        });
      },
    ),

    revoke: endingProcedure.input(z.object({ sessionId })).mutation(
      async ({
        ctx: {
          caller: { user },
        },
        input,
      }) => ({
        ended: await sessions.end(input.sessionId, {
          reason: "revoked",
          actor: `user:${user.id}`,
          owner: user.id,
        }),
      }),
    ),

    revokeOthers: endingProcedure.mutation(
      async ({
        ctx: {
          caller: { user, session },
        },
      }) => ({
        ended: await sessions.endOthers(session.id, user.id),
      }),
    ),

    logout: endingProcedure.mutation(
      async ({
        ctx: {
          caller: { user, session },
        },
      }) => ({
        ended: await sessions.end(session.id, { reason: "logout", actor: `user:${user.id}`, owner: user.id }),
      }),
    ),
  });
