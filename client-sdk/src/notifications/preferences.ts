import type { CurrentStudent } from "../students/current-student.ts";
import { withFields } from "../reads/changed-values.ts";
import type { Projections } from "../reads/query.ts";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Write } from "../outbox/write.ts";
import type { View } from "../reads/views.ts";
import type { KindPreference, NotificationPreferences, PreferencesChange } from "@edvoyage/protocol";

/** The student's preferences, and whether a change to them waits to be sent. */
export interface OwnPreferences extends NotificationPreferences {
  readonly isPending: boolean;
  /** Why the last change was refused; the command is in `outbox`. */
  readonly failure?: ErrorReason;
}

/** The student's notification preferences, the same on all of the student's devices. */
export interface Preferences extends Omit<View<OwnPreferences>, "loadMore"> {
  /** Stores a change on the device and sends it when there is a network. If two devices change the same setting, the later change wins. */
  set(change: PreferencesChange): Promise<Write<NotificationPreferences>>;
}

export const createPreferences = ({ open, queue }: CurrentStudent): Preferences => ({
  ...open<"notifications.preferences", OwnPreferences>({
    procedure: "notifications.preferences",
    input: undefined,
  }),
  set: (change) => queue("notifications.setPreferences", change, { about: "preferences" }),
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
      withFields<Partial<KindPreference>>(preference, kinds[kind as keyof typeof kinds] ?? {}),
    ]);
    return { kinds: Object.fromEntries(changed) as NotificationPreferences["kinds"], previews };
  },
};
