import type { Database, DeviceKey, UnitOfWork } from "@edvoyage/db";
import type { Platform, PushProviderName, SessionId, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import { sha256 } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { tokenQueries as queries } from "./tokens.store.ts";

/**
 * The push tokens of devices. A token belongs to the session that registered it last, and is deleted when that session
 * is ended.
 */
export interface PushTokens {
  /**
   * Registers the device's token, or renews it; idempotent. A token that another student registered moves to the caller. A
   * session has one token for each provider. Throws `session/revoked` if the session was ended in the meantime.
   */
  register(
    caller: {
      readonly user: { readonly id: UserId; readonly phone: string };
      readonly session: { readonly id: SessionId; readonly platform: Platform };
    },
    device: {
      readonly token: string;
      readonly provider: PushProviderName;
      readonly platform?: Platform | undefined;
    },
  ): Promise<{ readonly registered: true }>;
  /** Deletes a token of the student. Does nothing to the token of another student. */
  unregister(userId: UserId, token: string): Promise<{ readonly removed: number }>;
  /** Deletes the tokens of a session that was ended. A session that only expired keeps its token. */
  sessionEnded(tx: UnitOfWork, id: SessionId): Promise<void>;
  /** Deletes the tokens that other students have on a device, because a student has signed in on it. */
  deviceTaken(
    tx: UnitOfWork,
    device: { readonly deviceKey: DeviceKey; readonly userId: UserId },
  ): Promise<void>;
}

/** Tokens of a student at most: expired sessions keep theirs, and the oldest are deleted. */
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
      // Ending a session takes the same lock: otherwise the session could end between the check and the insert.
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
