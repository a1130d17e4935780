import type { OpenedFeatures } from "./students/feature-module.ts";
import type { Chat } from "./chat/api.ts";
import { createCurrentChat } from "./chat/current-chat.ts";
import type { ClientOptions } from "./runtime/client-options.ts";
import { composeClient, type CoreClient } from "./client.ts";
import type { Favourite } from "@edvoyage/protocol";
import type { Favourites } from "./favourites/favourites.ts";
import { clientModules, openClientFeatures, type ClientFeatures } from "./features.ts";
import { follow, watchFrom } from "./runtime/observable.ts";
import type { Settings, SettingValues } from "./settings/settings.ts";

/**
 * The client for the student who is signed in on this device. An app may hold on to its parts while students sign in and
 * out. Without a student, methods that need one reject with `signed-out`, and lists are empty.
 */
export interface Client extends CoreClient, OpenedFeatures<typeof clientModules> {
  readonly favourites: Favourites;
  readonly settings: Settings;
  readonly chat: Chat;
}

/** Creates a client. It reads, writes and requests nothing before `ready()`. */
export const createClient = (options: ClientOptions): Client => {
  const { client, current, require } = composeClient(options, {
    openFeatures: openClientFeatures(options),
    areas: clientModules,
  });
  const favourites = follow<ClientFeatures, readonly Favourite[]>(
    current,
    (features) => features.favourites.changed,
    NO_FAVOURITES,
  );
  const settings = follow<ClientFeatures, SettingValues>(
    current,
    (features) => features.settings.changed,
    NO_SETTINGS,
  );
  return Object.assign(client, {
    favourites: {
      toggle: async (kind, id) => require().favourites.toggle(kind, id),
      add: async (kind, id) => require().favourites.add(kind, id),
      remove: async (kind, id) => require().favourites.remove(kind, id),
      has: (kind, id) => current.value?.favourites.has(kind, id) ?? false,
      list: () => favourites.value,
      watch: (listener) => watchFrom(favourites, listener),
    } satisfies Favourites,
    settings: {
      get: (key) => current.value?.settings.get(key),
      set: async (key, value) => require().settings.set(key, value),
      all: () => settings.value,
      watch: (listener) => watchFrom(settings, listener),
    } satisfies Settings,
    chat: createCurrentChat(current),
  });
};

const NO_FAVOURITES: readonly Favourite[] = [];
const NO_SETTINGS: SettingValues = {};
