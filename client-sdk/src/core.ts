import { composeClient, type CoreClient } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { openCoreFeatures } from "./core-features.ts";

export type { CoreClient } from "./client.ts";
export {
  EdVoyageError,
  isEdVoyageError,
  type ClientReason,
  type ErrorReason,
  type ServerReason,
} from "./errors.ts";
export type { ClientOptions } from "./client-options.ts";

/**
 * A client without favourites, settings and chat, for an app that needs none of them: it has no Yjs in it. What such
 * an app keeps is read by `createClient` as well.
 */
export const createCoreClient = (options: ClientOptions): CoreClient =>
  composeClient(options, openCoreFeatures).client;
