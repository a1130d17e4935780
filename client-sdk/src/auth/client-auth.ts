import { watchValue, type Observable } from "../runtime/observable.ts";
import type { Auth, AuthService } from "./auth.ts";
import type { AuthStatus } from "./auth-status.ts";

/** Creates the part of a client for signing in. `opened` throws `closed` before `ready()` and after `close()`. */
export const createClientAuth = (status: Observable<AuthStatus>, opened: () => AuthService): Auth => ({
  get state() {
    return status.value.state;
  },
  get status() {
    return status.value;
  },
  onChange: (listener) => watchValue(status, listener),
  requestCode: async (phone) => opened().requestCode(phone),
  verifyCode: async (code) => opened().verifyCode(code),
  cancel: async () => opened().cancel(),
  signOut: async (how) => opened().signOut(how),
});
