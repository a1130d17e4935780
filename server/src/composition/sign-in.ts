import type { SessionId } from "@edvoyage/protocol";
import { createAuth, type Auth, type AuthDeps } from "../auth/auth.ts";
import { createNumbers, type Numbers } from "../numbers/numbers.ts";
import type { PushTokens } from "../push/tokens.ts";
import { createSessions, type Sessions } from "../sessions/sessions.ts";
import { createSmsSender } from "../sms/sms.ts";
import type { Frame } from "./frame.ts";

/** The features that let a student in: phone numbers and their limits, codes, and sessions. */
export interface SignInFeatures {
  readonly numbers: Numbers;
  readonly sessions: Sessions;
  readonly auth: Auth;
}

export interface SignInFeaturesDeps extends Pick<AuthDeps, "registered"> {
  readonly pushTokens: PushTokens;
  /** Called when a session has ended, so that its sockets close. */
  readonly onEnded: (id: SessionId) => void;
  /** Returns the sessions with open sockets on this node. */
  readonly openSessions: () => readonly SessionId[];
}

export const createSignInFeatures = (frame: Frame, deps: SignInFeaturesDeps): SignInFeatures => {
  const { config, secrets, smsProvider, log, metrics } = frame;
  const numbers = createNumbers(frame);
  const sessions = createSessions({ ...frame, ...deps, forgetDevice: numbers.forgetDevice });
  const sendSms = createSmsSender({
    provider: smsProvider,
    domain: config.sms.domain,
    appHash: config.sms.appHash,
    onOutcome: (outcome, error) => {
      metrics.smsSent(outcome);
      if (outcome !== "sent") log.warn({ provider: smsProvider.name, outcome, error }, "An SMS was not sent");
    },
  });
  const { registered } = deps;
  const auth = createAuth({ ...frame, numbers, sessions, sendSms, registered, secret: secrets.secret });
  return { numbers, sessions, auth };
};
