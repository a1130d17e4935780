import type { CurrentStudent } from "../students/current-student.ts";
import { withFields } from "../reads/changed-values.ts";
import type { Projections } from "../reads/query.ts";
import type { ErrorReason } from "../runtime/errors.ts";
import type { Write } from "../outbox/write.ts";
import type { View } from "../reads/views.ts";
import type { Profile, ProfileChange, PublicProfile } from "@edvoyage/protocol";

/** The student's own profile, and whether a change to it waits to be sent. */
export interface OwnProfile extends Profile {
  readonly isPending: boolean;
  /** Why the last change was refused; the command is in `outbox`. */
  readonly failure?: ErrorReason;
}

/** Reads the student's own profile and the public profiles of others. */
export interface ProfileReader extends Omit<View<OwnProfile>, "loadMore"> {
  /**
   * Stores a change on the device and sends it when there is a network. If two devices change the same field, the later change
   * wins. With `checks`, throws `input/invalid` with `details.issues` for what the server would reject, except an implausible age.
   */
  update(change: ProfileChange): Promise<Write<Profile>>;
  /** Returns the public profile of another student; `not-found` when there is none. */
  of(userId: string): View<PublicProfile>;
}

export const createProfile = ({ open, queue }: CurrentStudent): ProfileReader => ({
  ...open<"profile.get", OwnProfile>({ procedure: "profile.get", input: undefined }),
  update: (change) => queue("profile.update", change, { about: "own" }),
  of: (userId) => open({ procedure: "profile.of", input: { userId } }),
});

export const profileProjections: Projections = {
  "profile.get": (profile, { entry, answer }) =>
    profile && entry.procedure === "profile.update" && entry.state === "pending"
      ? { ...withFields(profile, entry.input), ...(answer as Partial<Profile> | undefined) }
      : profile,
};
