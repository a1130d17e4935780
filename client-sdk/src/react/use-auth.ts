import { useMemo, useSyncExternalStore } from "react";
import type { Auth } from "../auth/auth.ts";
import type { AuthStatus } from "../auth/auth-status.ts";
import { useClient } from "./provider.tsx";

/** How far signing in has come, and what can be done about it. */
export interface UseAuth extends Pick<Auth, "requestCode" | "verifyCode" | "cancel" | "signOut"> {
  readonly status: AuthStatus;
}

/** On the server, and until the device has been read, nobody is signed in: `useReady` tells the two apart. */
export const useAuth = (): UseAuth => {
  const { auth } = useClient();
  const status = useSyncExternalStore(
    auth.onChange,
    () => auth.status,
    () => NOBODY,
  );
  return useMemo(() => {
    const { requestCode, verifyCode, cancel, signOut } = auth;
    return { status, requestCode, verifyCode, cancel, signOut };
  }, [auth, status]);
};

const NOBODY: AuthStatus = { state: "signedOut", student: null };
