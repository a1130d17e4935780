import type { PushProviderName, SessionId } from "@edvoyage/protocol";
import type { StudentContext } from "../students/student-context.ts";
import { putJson, remove, type Records } from "../storage/records.ts";

/** Push messages to this device while the app is closed. */
export interface Push {
  /**
   * Stores the device's token and sends it to the server for every student who signs in here. Call it at every start of the
   * app, because a token may change. The server deletes the token when the session ends.
   */
  register(token: string, options: { readonly provider: PushProviderName }): Promise<void>;
  /** Deletes the token, here and on the server. */
  unregister(): Promise<void>;
}

/** A token as the device stores it. */
interface Registration {
  readonly token: string;
  readonly provider: PushProviderName;
}

interface SignedIn {
  readonly account: Pick<StudentContext, "records" | "outbox">;
  readonly sessionId: SessionId;
}

const KEY = "push";
const LANE = "push";

/** `device` returns the records that belong to no student. */
export const createPush = (
  device: () => Records,
  signedIn: () => SignedIn | undefined,
): Push & { readonly check: () => Promise<void> } => {
  const check = async (): Promise<void> => {
    const student = signedIn();
    const registration = await device().getJson<Registration>(KEY);
    if (!student || !registration) return;
    const { account, sessionId } = student;
    const reported = { ...registration, sessionId };
    if (JSON.stringify(await account.records.getJson(KEY)) === JSON.stringify(reported)) return;
    await account.outbox.addAll(
      [{ procedure: "push.register", input: registration, lane: LANE }],
      [putJson(KEY, reported)],
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
