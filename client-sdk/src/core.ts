import type { FeatureModules, OpenedFeatures } from "./students/feature-module.ts";
import { composeClient, type CoreClient } from "./client.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { openCoreFeatures } from "./composition/core-features.ts";
import type { CoreFeatures, OpenFeatures } from "./students/features.ts";

export type { CoreClient } from "./client.ts";
export type { Write } from "./outbox/write.ts";
export {
  EdVoyageError,
  isEdVoyageError,
  type ClientReason,
  type ErrorReason,
  type ServerReason,
} from "./runtime/errors.ts";
export type { ClientOptions } from "./runtime/client-options.ts";
export { applications } from "./applications/applications.ts";
export { contacts } from "./contacts/contacts.ts";
export { notifications } from "./notifications/notifications.ts";
export { push } from "./push/push.ts";
export type { FeatureModule, FeatureModules, OpenedFeatures } from "./students/feature-module.ts";
export { inputChecks } from "./students/input-checks.ts";
export type { InputChecks } from "./runtime/valid-input.ts";
export { social } from "./social/social.ts";

/**
 * Creates a client without favourites, settings and chat, for apps that need none of them; it does not include Yjs. Contacts,
 * notifications, push, applications and the social area are there if they are chosen.
 * `createClient` can read the data of such an app. Without a socket, the client learns of changes elsewhere only when it wakes up.
 * `areas` adds features: `createCoreClient(options, { social, applications })`.
 */
export const createCoreClient = <Chosen extends FeatureModules = Readonly<Record<never, never>>>(
  options: ClientOptions,
  areas: Chosen = NOTHING as Chosen,
): CoreClient & OpenedFeatures<Chosen> =>
  composeClient(options, { openFeatures: openFeatures(areas), areas }).client;

const NOTHING: FeatureModules = {};

/** A date in the far future, for the first request: the device has no data yet that could be stale. */
const FAR_FUTURE = 2 ** 45;
/** Ask again from a little before the last answer: it could not include writes that were in progress. */
const OVERLAP_MS = 10_000;

const openFeatures =
  (chosen: FeatureModules): OpenFeatures<CoreFeatures> =>
  async (context) => {
    const features = await openCoreFeatures(context, chosen);
    const { rpc, report } = context.account;
    const askAreas = async (): Promise<void> => {
      const since = (features.areas.serverNow() ?? FAR_FUTURE + OVERLAP_MS) - OVERLAP_MS;
      // After a failure the next wake-up asks again. If the session has ended, the HTTP caller has already reported it.
      const answer = await rpc.inbox.changes.query({ since }).catch(() => undefined);
      if (answer) await features.areas.take(answer);
    };
    return {
      ...features,
      wake: () => {
        features.wake();
        askAreas().catch((cause: unknown) =>
          report({ kind: "not-kept", message: "An answer could not be stored.", cause }),
        );
      },
    };
  };
