import type { PushProviderName } from "@edvoyage/protocol";
import { putJson, remove } from "../storage/records.ts";
import type { FeatureDevice, FeatureModule } from "../students/feature-module.ts";

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

const KEY = "push";
const LANE = "push";

/** `check` sends the token again if the session has changed since. */
type PushService = Push & { readonly check: () => Promise<void> };

const createPush = ({ records: device, signedIn }: FeatureDevice): PushService => {
  const check = async (): Promise<void> => {
    const student = signedIn();
    const sessionId = student?.session.value.id;
    const registration = await device().getJson<Registration>(KEY);
    if (!student || !registration) return;
    const { account } = student;
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

/** The feature module for push messages. */
export const push: FeatureModule<Push> = {
  open: (_student, device) => createPush(device),
  onSession: ({ check }: PushService) => check(),
  projections: {},
};
