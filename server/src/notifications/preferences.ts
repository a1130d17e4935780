import type { Queries } from "@edvoyage/db";
import { NOTIFICATION_KINDS, type NotificationKind, type UserId } from "@edvoyage/protocol";
import type { CommandSource, Commands } from "../commands/commands.ts";
import type { Areas } from "../inbox/areas.ts";
import { preferenceQueries as queries } from "./preferences.store.ts";

/** What a student wants to hear of. */
export interface NotificationPreferences {
  /** `listed`: it comes into her list. `pushed`: her phones are told of what is listed, while the app is closed. */
  readonly kinds: Readonly<Record<NotificationKind, KindPreference>> & {
    /** Messages are never listed: they are in their rooms. */
    readonly message: Pick<KindPreference, "pushed">;
  };
  /** Whether a push shows what a message says; not unless told. */
  readonly previews: boolean;
}

/** What becomes of one kind; both unless told. */
export interface KindPreference {
  readonly listed: boolean;
  readonly pushed: boolean;
}

/** What is to change; the rest stays. */
export interface PreferencesChange {
  readonly kinds?:
    | {
        readonly [Kind in PreferenceKind]?:
          | { readonly listed?: boolean | undefined; readonly pushed?: boolean | undefined }
          | undefined;
      }
    | undefined;
  readonly previews?: boolean | undefined;
}

/** Every kind that a student has a say in. */
export type PreferenceKind = NotificationKind | "message";

export interface Preferences {
  get(userId: UserId): Promise<NotificationPreferences>;
  /** Holds for what happens from now on. Answers with all of them as they are now, also when the command is repeated. */
  set(asking: CommandSource, change: PreferencesChange): Promise<NotificationPreferences>;
}

export interface PreferencesDeps {
  readonly read: Queries;
  readonly commands: Commands;
  readonly areas: Areas;
}

const UNLESS_TOLD: KindPreference = { listed: true, pushed: true };
const KINDS: readonly PreferenceKind[] = [...NOTIFICATION_KINDS, "message"];

export const createPreferences = ({ read, commands, areas }: PreferencesDeps): Preferences => {
  const preferencesOf = async (from: Pick<Queries, "all" | "first">, userId: UserId) => {
    const rows = await from.all(queries.ofUser, { userId });
    const settings = await from.first(queries.settings, { userId });
    const of = (kind: PreferenceKind): KindPreference => {
      const row = rows.find((one) => one.kind === kind);
      return row ? { listed: row.is_listed === 1, pushed: row.is_pushed === 1 } : UNLESS_TOLD;
    };
    const preferences: NotificationPreferences = {
      kinds: {
        liked: of("liked"),
        commented: of("commented"),
        followed: of("followed"),
        mentioned: of("mentioned"),
        added: of("added"),
        moved: of("moved"),
        message: { pushed: of("message").pushed },
      },
      previews: settings?.shows_previews === 1,
    };
    return { preferences, of };
  };

  return {
    get: async (userId) => (await preferencesOf(read, userId)).preferences,

    set: async (asking, change) => {
      await commands.execute(
        asking,
        { procedure: "notifications.setPreferences", input: change },
        async (tx, now) => {
          const { userId } = asking;
          // Two devices that change one half each would lose one.
          await tx.lock(`preferences:${userId}`);
          const { of } = await preferencesOf(tx, userId);
          for (const kind of KINDS) {
            const wanted = change.kinds?.[kind];
            if (!wanted) continue;
            const { listed = of(kind).listed, pushed = of(kind).pushed } = wanted;
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
      return (await preferencesOf(read, asking.userId)).preferences;
    },
  };
};
