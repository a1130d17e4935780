import type { Session, SessionId } from "@edvoyage/protocol";
import { z } from "zod";
import { pageInput, parseCursor, toPage, type Page } from "../inputs/page.ts";
import { idInput } from "../inputs/id.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Clock } from "../platform/clock.ts";
import type { Sessions } from "./sessions.ts";

const sessionId = idInput<SessionId>();

/**
 * A procedure that ends sessions, without a rate limit. Otherwise a thief with a stolen key could use up the student's rate
 * limit, and the student's other devices could not end that session. The sign-ins before bound how much this can write.
 */
const endingProcedure = sessionProcedure.meta({ isMetered: false });

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
      }): Promise<Page<Session>> => {
        const after = parseCursor(cursor, "sessions", z.tuple([z.number(), z.string()]));
        const listed = await sessions.list(user.id);
        const rest = listed.filter(
          ({ lastSeenAt, id }) =>
            !after || lastSeenAt < after[0] || (lastSeenAt === after[0] && id < after[1]),
        );
        return toPage(rest, limit, {
          list: "sessions",
          itemOf: (item) => ({ ...item, isCurrent: item.id === session.id }),
          positionOf: ({ lastSeenAt, id }) => [lastSeenAt, id],
        });
      },
    ),

    revoke: endingProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ sessionId }))
      .mutation(
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

    logout: endingProcedure.meta({ reasons: ["not-found"] }).mutation(
      async ({
        ctx: {
          caller: { user, session },
        },
      }) => ({
        ended: await sessions.end(session.id, { reason: "logout", actor: `user:${user.id}`, owner: user.id }),
      }),
    ),
  });
