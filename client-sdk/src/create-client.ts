import type { Chat } from "./chat/api.ts";
import { createChat } from "./chat/chat.ts";
import { composeClient, type CoreClient } from "./client.ts";
import { createFavourites, type Favourites } from "./favourites/favourites.ts";
import { clientModules, openClientFeatures } from "./composition/client-features.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { inputChecks } from "./students/input-checks.ts";
import { assertPlatform } from "./runtime/platform.ts";
import { createSettings, type Settings } from "./settings/settings.ts";
import type { OpenedFeatures } from "./students/feature-module.ts";

/**
 * The client for the student who is signed in on this device. An app may hold on to its parts while students sign in and
 * out. Without a student, methods that need one reject with `signed-out`, and lists are empty.
 */
export interface Client extends CoreClient, OpenedFeatures<typeof clientModules> {
  readonly favourites: Favourites;
  readonly settings: Settings;
  readonly chat: Chat;
}

/**
 * Creates a client. It reads, writes and requests nothing before `ready()`. Throws `input/invalid` if `url` is not a base URL with
 * `http://` or `https://`, or if there is no `storage`.
 */
export const createClient = (given: ClientOptions): Client => {
  const options = { checks: inputChecks, ...given };
  const { client, student, environment } = composeClient(options, {
    openFeatures: openClientFeatures(options),
    areas: clientModules,
    assertPlatform,
  });
  return Object.assign(client, {
    favourites: createFavourites(student, environment),
    settings: createSettings(student),
    chat: createChat(student),
  });
};
