import type { NotificationKind } from "@edvoyage/protocol";
import type { Access } from "../students/access.ts";
import type { Projections } from "../reads/query.ts";
import type { View } from "../reads/views.ts";

/** What a student wants to hear of. */
export interface NotificationPreferences {
  readonly kinds: Readonly<Record<NotificationKind, KindPreference>> & {
    /** Messages are never listed: they are in their rooms. */
    readonly message: Pick<KindPreference, "pushed">;
  };
  /** Whether a push shows what a message says; not unless told. */
  readonly previews: boolean;
}

/** What becomes of one kind; both unless told. */
export interface KindPreference {
  /** It comes into her list. */
  readonly listed: boolean;
  /** Her phones are told of what is listed, while the app is closed. */
  readonly pushed: boolean;
}

/** What is to change; the rest stays. */
export interface PreferencesChange {
  readonly kinds?: {
    readonly [Kind in keyof NotificationPreferences["kinds"]]?: Partial<
      NotificationPreferences["kinds"][Kind]
    >;
  };
  readonly previews?: boolean;
}

/** Her preferences, with whether a change of them waits to be sent. */
export interface OwnPreferences extends NotificationPreferences {
  readonly isPending: boolean;
}

/** What a student wants to hear of, the same on all of her devices. */
export interface Preferences extends Omit<View<OwnPreferences>, "loadMore"> {
  /** Kept on the device, and sent when there is a network. Of two devices that change one thing the later counts. */
  set(change: PreferencesChange): Promise<void>;
}

export const createPreferences = ({ open, queue }: Access): Preferences => ({
  ...open<"notifications.preferences", OwnPreferences>({
    procedure: "notifications.preferences",
    input: undefined,
  }),
  set: async (change) => {
    await queue("notifications.setPreferences", change, { about: "preferences" });
  },
});

export const preferenceProjections: Projections = {
  "notifications.preferences": (preferences, { entry, answer }) => {
    if (!preferences || entry.procedure !== "notifications.setPreferences" || entry.state !== "pending") {
      return preferences;
    }
    if (answer) return answer as NotificationPreferences;
    const { kinds = {}, previews = preferences.previews } = entry.input;
    const changed = Object.entries(preferences.kinds).map(([kind, preference]) => [
      kind,
      { ...preference, ...kinds[kind as keyof typeof kinds] },
    ]);
    return { kinds: Object.fromEntries(changed) as NotificationPreferences["kinds"], previews };
  },
};
