import type { AuthStatus } from "@edvoyage/client-sdk";

/** What may end a session on a device. */
export type EndCause =
  /** She was signed out on the device. */
  | "signed out"
  /** An admin has ended the session. */
  | "revoked"
  /** An answer to a code is on its way: once it has arrived, the key from before it is dead. */
  | "signing in"
  /** The clock was moved: without the server's word, the app thinks that she was away for long. */
  | "clock moved";

/** Whether devices show their students as signed in for as long as nothing has happened to their sessions. */
export interface SignInStates {
  /** Somebody has signed in on a device: what came before is over. */
  signedIn(device: string): void;
  /** From now on the session on a device may end for this. */
  expectEnd(device: string, cause: EndCause): void;
  /** It has not ended for this after all. */
  callOff(device: string, cause: EndCause): void;
  /** Looks at what a device shows. */
  look(device: string, status: AuthStatus): void;
}

export const createSignInStates = ({
  wipesWhenRevoked,
  onBroken,
}: {
  /** Whether a session that an admin ends signs a device out. */
  readonly wipesWhenRevoked: (device: string) => boolean;
  /** Told what must never be seen. */
  readonly onBroken: (what: string) => void;
}): SignInStates => {
  /** Of devices on which somebody has signed in. */
  const causesByDevice = new Map<string, Set<EndCause>>();

  const isExplained = (device: string, { state, ...status }: AuthStatus, causes: Set<EndCause>): boolean => {
    if (status.student === null) {
      const isWiped = causes.has("revoked") && wipesWhenRevoked(device);
      return causes.has("signed out") || causes.has("signing in") || isWiped;
    }
    if (state !== "expired") return true;
    // No history is so long that the server would say it.
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
      onBroken(`${device} is ${state}, and nothing has ended the session`);
    },
  };
};
