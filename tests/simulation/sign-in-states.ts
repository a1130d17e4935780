import type { AuthStatus } from "@edvoyage/client-sdk";

/** Events that may end a session on a device. */
export type EndCause =
  /** The student signed out on the device. */
  | "signed out"
  /** An admin has ended the session. */
  | "revoked"
  /** Something has deleted the device's data. */
  | "data deleted"
  /** A code was sent to the server. Once it has arrived, the former key is no longer valid. */
  | "signing in"
  /** The clock was moved. Without the server's answer, the app assumes that the student was away for long. */
  | "clock moved";

/** Checks that devices show their students as signed in as long as nothing has happened to their sessions. */
export interface SignInStates {
  /** Records that somebody has signed in on a device. Earlier events no longer count. */
  signedIn(device: string): void;
  /** From now on, the session on a device may end for this cause. */
  expectEnd(device: string, cause: EndCause): void;
  /** Records that the session did not end for this cause. */
  callOff(device: string, cause: EndCause): void;
  /** Checks what a device shows. */
  look(device: string, status: AuthStatus): void;
}

export const createSignInStates = ({
  wipesWhenRevoked,
  onBroken,
}: {
  /** Whether a device signs out when an admin ends its session. */
  readonly wipesWhenRevoked: (device: string) => boolean;
  /** Called with a description of what must never be seen. */
  readonly onBroken: (what: string) => void;
}): SignInStates => {
  /** Contains only devices on which somebody has signed in. */
  const causesByDevice = new Map<string, Set<EndCause>>();

  const isExplained = (device: string, { state, ...status }: AuthStatus, causes: Set<EndCause>): boolean => {
    if (status.student === null) {
      const isWiped = causes.has("revoked") && wipesWhenRevoked(device);
      return causes.has("signed out") || causes.has("signing in") || causes.has("data deleted") || isWiped;
    }
    if (state !== "expired") return true;
    // No history is long enough for the server itself to expire a session.
    const isGuess = "reason" in status && status.reason === "session/expired";
    return causes.has("revoked") || causes.has("signing in") || (isGuess && causes.has("clock moved"));
  };

  return {
    signedIn: (device) => void causesByDevice.set(device, new Set()),
    expectEnd: (device, cause) => void causesByDevice.get(device)?.add(cause),
    callOff: (device, cause) => void causesByDevice.get(device)?.delete(cause),
    look: (device, status) => {
      const causes = causesByDevice.get(device);
      if (!causes || isExplained(device, status, causes)) return;
      const state = status.student ? `${status.state} as ${status.student.phone}` : "signed out";
      onBroken(`${device} is ${state}, although nothing has ended the session`);
    },
  };
};
