import type { Queries } from "@edvoyage/db";
import {
  NOTIFICATION_KINDS,
  type KindPreference,
  type NotificationPreferences,
  type PreferenceKind,
  type PreferencesChange,
  type UserId,
} from "@edvoyage/protocol";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { Areas } from "../inbox/areas.ts";
import { preferenceQueries as queries } from "./preferences.store.ts";

export type { NotificationPreferences, KindPreference } from "@edvoyage/protocol";

export interface Preferences {
  get(userId: UserId): Promise<NotificationPreferences>;
  /** Changes preferences for future events. Returns all preferences as they are now, also when the command is repeated. */
  set(source: CommandSource, change: PreferencesChange): Promise<NotificationPreferences>;
}

export interface PreferencesDeps {
  readonly read: Queries;
  readonly commands: Commands;
  readonly areas: Areas;
}

const DEFAULT_PREFERENCE: KindPreference = { listed: true, pushed: true };
const KINDS: readonly PreferenceKind[] = [...NOTIFICATION_KINDS, "message"];

export const createPreferences = ({ read, commands, areas }: PreferencesDeps): Preferences => {
  const preferencesOf = async (reader: Pick<Queries, "all" | "first">, userId: UserId) => {
    const rows = await reader.all(queries.ofUser, { userId });
    const settings = await reader.first(queries.settings, { userId });
    const preferenceFor = (kind: PreferenceKind): KindPreference => {
      const row = rows.find((candidate) => candidate.kind === kind);
      return row ? { listed: row.is_listed === 1, pushed: row.is_pushed === 1 } : DEFAULT_PREFERENCE;
    };
    const preferences: NotificationPreferences = {
      kinds: {
        liked: preferenceFor("liked"),
        commented: preferenceFor("commented"),
        followed: preferenceFor("followed"),
        mentioned: preferenceFor("mentioned"),
        added: preferenceFor("added"),
        moved: preferenceFor("moved"),
        message: { pushed: preferenceFor("message").pushed },
      },
      previews: settings?.shows_previews === 1,
    };
    return { preferences, preferenceFor };
  };

  return {
    get: async (userId) => (await preferencesOf(read, userId)).preferences,

    set: async (source, change) => {
      await commands.execute(
        source,
        { procedure: "notifications.setPreferences", input: change },
        async (tx, now) => {
          const { userId } = source;
          // Otherwise, when two devices change one field each at the same time, one change would be lost.
          await tx.lock(`preferences:${userId}`);
          const { preferenceFor } = await preferencesOf(tx, userId);
          for (const kind of KINDS) {
            const wanted = change.kinds?.[kind];
            if (!wanted) continue;
            const { listed = preferenceFor(kind).listed, pushed = preferenceFor(kind).pushed } = wanted;
            await tx.all(queries.upsert, {
              userId,
              kind,
              isListed: listed ? 1 : 0,
              isPushed: pushed ? 1 : 0,
            });
          }
          if (change.previews !== undefined) {
            await tx.all(queries.setPreviews, { userId, showsPreviews: change.previews ? 1 : 0 });
          }
          await areas.touch(tx, userId, { area: "notifications", now });
          return {};
        },
      );
      return (await preferencesOf(read, source.userId)).preferences;
    },
  };
};
