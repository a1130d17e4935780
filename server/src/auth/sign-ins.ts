import type { Tables, UnitOfWork } from "@edvoyage/db";
import type { CommandId, SignIn, UserId, UserView } from "@edvoyage/protocol";
import type { Audit, AuditActor } from "../audit/audit.ts";
import { deriveMac, type NewId, type Random } from "../platform/crypto.ts";
import type { DeviceState, Numbers } from "../numbers/numbers.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { authQueries as queries } from "./auth.store.ts";

type ChallengeRow = Tables["challenges"];

/** Signs a device in after a right code: creates the student if needed, and opens a session. */
export interface SignIns {
  /** Creates a student as a first sign-in does. The caller makes sure that the number is not taken. */
  register(
    tx: UnitOfWork,
    user: { readonly id: UserId; readonly phone: string; readonly now: number },
  ): Promise<void>;
  /** Opens a session and uses up the challenge. The caller has checked the code and holds the phone's lock. */
  signIn(
    tx: UnitOfWork,
    challenge: ChallengeRow,
    answer: { readonly commandId: CommandId | null; readonly device: DeviceState },
  ): Promise<SignIn>;
  /** Returns the sign-in of a used challenge again, with the same session key; `undefined` once its session has ended. */
  repeatSignIn(tx: UnitOfWork, challenge: ChallengeRow, device: DeviceState): Promise<SignIn | undefined>;
}

export interface SignInsDeps {
  readonly numbers: Numbers;
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly random: Random;
  readonly newId: NewId;
  /** The server's secret; keys for codes and sessions are derived from it. */
  readonly secret: string;
  /** Called in the unit of work that creates a student. */
  readonly registered: (
    tx: UnitOfWork,
    user: { readonly id: UserId; readonly phone: string },
  ) => Promise<void>;
}

/** 256 random bits. */
const KEY_BYTES = 32;

export const createSignIns = (deps: SignInsDeps): SignIns => {
  const { numbers, sessions, audit, random, newId, registered } = deps;
  const keyMac = deriveMac(deps.secret, "session-key");

  const register: SignIns["register"] = async (tx, { id, phone, now }) => {
    await tx.all(queries.insertUser, { id, phone, now });
    await tx.all(queries.insertProfile, { id, now });
    await registered(tx, { id, phone });
  };

  const deriveSessionKey = ({ id, device_key: deviceKey }: ChallengeRow, commandId: CommandId): string =>
    keyMac(id, deviceKey, commandId).toString("base64url");

  const signIn: SignIns["signIn"] = async (tx, challenge, { commandId, device }) => {
    const { phone, deviceKey, now } = device;
    const found = await tx.first(queries.userByPhone, { phone });
    const user = found ?? { id: newId<UserId>(now), phone, created_at: now };
    const deletionUndone = found !== undefined && found.erase_at !== null;
    if (!found) await register(tx, { id: user.id, phone, now });
    if (deletionUndone) {
      await tx.all(queries.cancelDeletion, { id: user.id });
      const actor: AuditActor = `user:${user.id}`;
      await audit.record(tx, { at: now, action: "account.deletion-undone", actor, userId: user.id, phone });
    }
    const token = commandId
      ? deriveSessionKey(challenge, commandId)
      : Buffer.from(random(KEY_BYTES)).toString("base64url");
    const isEphemeral = challenge.ephemeral === 1;
    const session = await sessions.open(tx, {
      userId: user.id,
      phone,
      deviceKey,
      key: token,
      deviceName: challenge.device_name,
      platform: challenge.platform,
      appVersion: challenge.app_version,
      isEphemeral,
      now,
    });
    const isNewUser = found === undefined;
    await tx.all(queries.useChallenge, {
      id: challenge.id,
      at: now,
      commandId,
      sessionId: session.id,
      isNewUser: isNewUser ? 1 : 0,
      undidDeletion: deletionUndone ? 1 : 0,
    });
    await numbers.recordSignIn(tx, { ...device, isEphemeral }, challenge.id);
    return { token, session, user: { ...userToView(user), deletionUndone }, isNewUser };
  };

  const repeatSignIn: SignIns["repeatSignIn"] = async (tx, challenge, { phone, now }) => {
    const { session_id: sessionId, used_by_command_id: commandId } = challenge;
    const user = await tx.first(queries.userByPhone, { phone });
    const session = sessionId ? await sessions.live(tx, sessionId, now) : undefined;
    if (!user || !session || !commandId) return undefined;
    const token = deriveSessionKey(challenge, commandId);
    const isNewUser = challenge.is_new_user === 1;
    const deletionUndone = challenge.undid_deletion === 1;
    return { token, session, user: { ...userToView(user), deletionUndone }, isNewUser };
  };

  return { register, signIn, repeatSignIn };
};

const userToView = (user: { id: UserId; phone: string; created_at: number }): UserView => ({
  id: user.id,
  phone: user.phone,
  createdAt: user.created_at,
});
