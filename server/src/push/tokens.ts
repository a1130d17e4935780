import type { Database, DeviceKey, UnitOfWork } from "@edvoyage/db";
import type { Platform, PushProviderName, SessionId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import { sha256 } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import type { SignedIn } from "../sessions/sessions.ts";
import { tokenQueries as queries } from "./tokens.store.ts";

/** Where pushes go. A token belongs to the session that registered it last, and goes when that is ended. */
export interface PushTokens {
  /**
   * Makes a device known, or known again; a token that another student registered moves. A session has one token of
   * each provider. Throws `session/revoked` for one that was ended meanwhile.
   */
  register(
    caller: SignedIn,
    device: {
      readonly token: string;
      readonly provider: PushProviderName;
      readonly platform?: Platform | undefined;
    },
  ): Promise<{ readonly registered: true }>;
  /** Nothing happens to a token that is not hers. */
  unregister(userId: UserId, token: string): Promise<{ readonly removed: number }>;
  /** A session was ended by somebody; one that is only idle keeps its token. */
  sessionEnded(tx: UnitOfWork, id: SessionId): Promise<void>;
  /** A student has signed in on a device: what it was told as somebody else's ends. */
  deviceTaken(
    tx: UnitOfWork,
    device: { readonly deviceKey: DeviceKey; readonly userId: UserId },
  ): Promise<void>;
}

/** Sessions that idled away keep their tokens: those of the longest ago go. */
const MAX_TOKENS = 20;

export const createPushTokens = ({
  database,
  clock,
}: {
  readonly database: Database;
  readonly clock: Clock;
}): PushTokens => ({
  register: ({ user, session }, { token, provider, platform = session.platform }) =>
    database.write(async (tx) => {
      // Whoever ends a session holds this lock: none is ended between the look at it and the row.
      await tx.lock(`phone:${user.phone}`);
      const key = keyOf(provider, token);
      await tx.all(queries.forgetOthers, { key, userId: user.id });
      const device = { key, token, provider, platform, sessionId: session.id, now: clock.now() };
      if (!(await tx.first(queries.register, device))) {
        throw new AppError("session/revoked", "This session has been ended.");
      }
      await tx.all(queries.forgetFormer, { key, provider, sessionId: session.id });
      await tx.all(queries.forgetBeyond, { userId: user.id, kept: MAX_TOKENS });
      return { registered: true };
    }),

  unregister: async (userId, token) => {
    const [expoKey, fcmKey] = [keyOf("expo", token), keyOf("fcm", token)];
    const removed = await database.write((tx) => tx.all(queries.unregister, { expoKey, fcmKey, userId }));
    return { removed: removed.length };
  },

  sessionEnded: async (tx, sessionId) => {
    await tx.all(queries.forgetSession, { sessionId });
  },

  deviceTaken: async (tx, device) => {
    await tx.all(queries.forgetDevice, device);
  },
});

const keyOf = (provider: PushProviderName, token: string): string => sha256(`${provider}:${token}`);
