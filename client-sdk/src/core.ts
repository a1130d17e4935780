import type { FeatureModules, OpenedFeatures } from "./students/feature-module.ts";
import { composeClient, type CoreClient, type CoreFeatures } from "./client.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { openCoreFeatures } from "./core-features.ts";
import type { OpenFeatures } from "./students/open-student.ts";

export type { CoreClient } from "./client.ts";
export {
  EdVoyageError,
  isEdVoyageError,
  type ClientReason,
  type ErrorReason,
  type ServerReason,
} from "./runtime/errors.ts";
export type { ClientOptions } from "./runtime/client-options.ts";
export { applications } from "./applications/applications.ts";
export type { FeatureModule, FeatureModules, OpenedFeatures } from "./students/feature-module.ts";
export { social } from "./social/social.ts";

/**
 * A client without favourites, settings and chat, for an app that needs none of them: it has no Yjs in it. What such
 * an app keeps is read by `createClient` as well. Without a socket it hears of changes elsewhere when it wakes up.
 * `areas` are what it has beside: `createCoreClient(options, { social, applications })`.
 */
export const createCoreClient = <Chosen extends FeatureModules = Readonly<Record<never, never>>>(
  options: ClientOptions,
  areas: Chosen = NOTHING as Chosen,
): CoreClient & OpenedFeatures<Chosen> =>
  composeClient(options, { openFeatures: openFeatures(areas), areas }).client;

const NOTHING: FeatureModules = {};

/** So late that nothing has changed since: the first time nothing is known that may have become stale. */
const AFTER_ALL = 2 ** 45;
/** What was being written at the last answer was not seen yet. */
const OVERLAP_MS = 10_000;

const openFeatures =
  (chosen: FeatureModules): OpenFeatures<CoreFeatures> =>
  async (context) => {
    const features = await openCoreFeatures(context, chosen);
    const { rpc, report } = context.account;
    const askAreas = async (): Promise<void> => {
      const since = (features.areas.serverNow() ?? AFTER_ALL + OVERLAP_MS) - OVERLAP_MS;
      // What is not answered is asked again when it wakes up next; what that says of the session was heard on the way.
      const answer = await rpc.inbox.changes.query({ since }).catch(() => undefined);
      if (answer) await features.areas.take(answer);
    };
    return {
      ...features,
      wake: () => {
        features.wake();
        askAreas().catch((cause: unknown) =>
          report({ kind: "not-kept", message: "An answer could not be kept.", cause }),
        );
      },
    };
  };
