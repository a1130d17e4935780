import { z } from "zod";
import { challenge, session, sessionView, signIn, userView } from "./account.ts";
import { count, instant, pageAnswer } from "./values.ts";

/**
 * The schema of each procedure's answer (`result.data`), by the procedure's path. Tests parse real answers with them, and the
 * API reference is generated from them. The server does not parse its answers. Shapes with a name have it as the `id` of
 * their zod metadata.
 */
export const answerSchemas = {
  "auth.requestCode": challenge,
  "auth.verifyCode": signIn,

  "sessions.validate": z.strictObject({ user: userView, session: sessionView, serverNow: instant }),
  "sessions.list": pageAnswer(session),
  "sessions.revoke": z.strictObject({ ended: count }),
  "sessions.revokeOthers": z.strictObject({ ended: count }),
  "sessions.logout": z.strictObject({ ended: count }),
} as const satisfies Readonly<Record<string, z.ZodType>>;
