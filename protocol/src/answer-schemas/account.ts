import { z } from "zod";
import type { AccountExport, UserView } from "../account.ts";
import type { ChallengeId, SessionId, UserId } from "../ids.ts";
import { PLATFORMS, type Session, type SessionView } from "../sessions.ts";
import type { Challenge, SignIn } from "../sign-in.ts";
import { answerOf } from "./answer.ts";
import { count, idAnswer, instant, phone } from "./values.ts";

export const userView = answerOf<UserView>()(
  z
    .strictObject({ id: idAnswer<UserId>(), phone, createdAt: instant })
    .meta({ id: "UserView", description: "A student's own account." }),
);

export const sessionView = answerOf<SessionView>()(
  z
    .strictObject({
      id: idAnswer<SessionId>(),
      deviceName: z.string().nullable(),
      platform: z.enum(PLATFORMS),
      appVersion: z.string().nullable(),
      createdAt: instant,
      lastSeenAt: instant.describe("Accurate to one minute."),
      expiresAt: instant.describe("When it expires if it is not used again."),
    })
    .meta({ id: "SessionView", description: "A session as its student sees it." }),
);

export const session = answerOf<Session>()(
  z
    .strictObject({
      ...sessionView.shape,
      isCurrent: z.boolean().describe("Whether it is the session of the caller."),
    })
    .meta({ id: "Session", description: "A session in its student's list of signed-in devices." }),
);

export const challenge = answerOf<Challenge>()(
  z
    .strictObject({
      challengeId: idAnswer<ChallengeId>(),
      codeLength: z.int().min(6).max(8).describe("The number of digits of the code."),
      expiresAt: instant,
      resendAt: instant.describe("Before this instant, another request sends no message."),
      attemptsRemaining: count,
      serverNow: instant,
    })
    .meta({ id: "Challenge", description: "A challenge as a device needs it to ask for the code." }),
);

export const signIn = answerOf<SignIn>()(
  z
    .strictObject({
      token: z
        .string()
        .regex(/^[A-Za-z0-9_-]{43}$/)
        .describe("The session's key."),
      session: sessionView,
      user: z.strictObject({
        ...userView.shape,
        deletionUndone: z
          .boolean()
          .describe("Whether this sign-in cancelled a pending deletion of the account."),
      }),
      isNewUser: z.boolean(),
    })
    .meta({ id: "SignIn", description: "A signed-in device." }),
);

export const accountExport = answerOf<AccountExport>()(
  z.object({ exportedAt: instant, user: userView }).catchall(z.unknown()).meta({
    id: "AccountExport",
    description: "All data about a student on the server: `user`, and every other part by its name.",
  }),
);
