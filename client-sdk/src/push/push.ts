import type { CommandId, PushProviderName } from "@edvoyage/protocol";
import { createDoneWrite, toWrite, type Write } from "../outbox/write.ts";
import { putJson, remove } from "../storage/records.ts";
import type { FeatureDevice, FeatureModule } from "../students/feature-module.ts";

/** Push messages to this device while the app is closed. */
export interface Push {
  /**
   * Stores the device's token and sends it to the server for every student who signs in here. Call it at every start of the
   * app, because a token may change. The server deletes the token when the session ends. `settled` rejects if the server refuses the
   * token; without a student it resolves at once.
   */
  register(token: string, options: { readonly provider: PushProviderName }): Promise<Write>;
  /** Deletes the token, here and on the server. */
  unregister(): Promise<Write>;
}

/** A token as the device stores it. */
interface Registration {
  readonly token: string;
  readonly provider: PushProviderName;
}

const KEY = "push";
const LANE = "push";

/** A token as it was sent for a student, with the id of the command. */
interface Report extends Registration {
  readonly sessionId: string;
  readonly id: CommandId;
}

/** `check` sends the token again if the session has changed since, or if the server has refused it. */
type PushService = Push & { readonly check: () => Promise<unknown> };

const createPush = ({ records: device, signedIn, newId }: FeatureDevice): PushService => {
  /** Returns the command that sends the token, or has sent it; `undefined` without a student or a token. */
  const check = async () => {
    const student = signedIn();
    const registration = await device().getJson<Registration>(KEY);
    if (!student || !registration) return undefined;
    const { outbox, records } = student.account;
    const { token, provider } = registration;
    const sessionId = student.session.value.id;
    const sent = await records.getJson<Report>(KEY);
    if (sent?.token === token && sent.provider === provider && sent.sessionId === sessionId) {
      const { id } = sent;
      const isRefused =
        !outbox.get(id) &&
        (await outbox.settled(id).then(
          () => false,
          () => true,
        ));
      if (!isRefused) return { outbox, id };
    }
    const id: CommandId = newId();
    await outbox.addAll(
      [{ procedure: "push.register", input: registration, lane: LANE, id }],
      [putJson(KEY, { ...registration, sessionId, id } satisfies Report)],
    );
    return { outbox, id };
  };
  return {
    check,
    register: async (token, { provider }) => {
      await device().write([putJson(KEY, { token, provider } satisfies Registration)]);
      const sent = await check();
      return sent ? toWrite(sent.outbox, sent.id) : createDoneWrite(newId());
    },
    unregister: async () => {
      const registration = await device().getJson<Registration>(KEY);
      const student = signedIn();
      await device().write([remove(KEY)]);
      const id: CommandId = newId();
      if (!registration || !student) return createDoneWrite(id);
      const { outbox } = student.account;
      const { token } = registration;
      await outbox.addAll(
        [{ procedure: "push.unregister", input: { token }, lane: LANE, id }],
        [remove(KEY)],
      );
      return toWrite(outbox, id);
    },
  };
};

/** The feature module for push messages. */
export const push: FeatureModule<Push> = {
  open: (_student, device) => createPush(device),
  onSession: async ({ check }: PushService) => void (await check()),
  projections: {},
};
