import type { PushProviderName, SessionId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { putJson, remove, type Records } from "../storage/records.ts";

/** Messages to this device while the app is closed. */
export interface Push {
  /**
   * Remembers the device's token, and tells the server of it for whoever signs in here, at once and later. Call it at every start
   * of the app: a token may change. It goes with the session.
   */
  register(token: string, options: { readonly provider: PushProviderName }): Promise<void>;
  /** Forgets it again. */
  unregister(): Promise<void>;
}

/** A token as the device keeps it. */
interface Registration {
  readonly token: string;
  readonly provider: PushProviderName;
}

interface Signed {
  readonly account: Pick<StudentContext, "records" | "outbox">;
  readonly sessionId: SessionId;
}

const KEY = "push";
const LANE = "push";

/** `device` is what is kept of no student. */
export const createPush = (
  device: () => Records,
  signedIn: () => Signed | undefined,
): Push & { readonly check: () => Promise<void> } => {
  const check = async (): Promise<void> => {
    const student = signedIn();
    const registration = await device().getJson<Registration>(KEY);
    if (!student || !registration) return;
    const { account, sessionId } = student;
    const told = { ...registration, sessionId };
    if (JSON.stringify(await account.records.getJson(KEY)) === JSON.stringify(told)) return;
    await account.outbox.addAll(
      [{ procedure: "push.register", input: registration, lane: LANE }],
      [putJson(KEY, told)],
    );
  };
  return {
    check,
    register: async (token, { provider }) => {
      await device().write([putJson(KEY, { token, provider } satisfies Registration)]);
      await check();
    },
    unregister: async () => {
      const registration = await device().getJson<Registration>(KEY);
      const student = signedIn();
      await device().write([remove(KEY)]);
      if (!registration || !student) return;
      const { token } = registration;
      await student.account.outbox.addAll(
        [{ procedure: "push.unregister", input: { token }, lane: LANE }],
        [remove(KEY)],
      );
    },
  };
};
