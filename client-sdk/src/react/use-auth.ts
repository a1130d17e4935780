import { useMemo, useSyncExternalStore } from "react";
import type { Auth } from "../auth/auth.ts";
import type { AuthStatus } from "../auth/auth-status.ts";
import { useClient } from "./provider.tsx";

/** The state of signing in, and the methods to change it. */
export interface UseAuth extends Pick<Auth, "requestCode" | "verifyCode" | "cancel" | "signOut"> {
  readonly status: AuthStatus;
}

/** Returns the state of signing in: signed out on the server and until the device has been read. `useReady` tells the two apart. */
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
