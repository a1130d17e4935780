import type { CourseLevel, UserId } from "@edvoyage/protocol";
import type { Access } from "../students/access.ts";
import type { Projections } from "../reads/query.ts";
import type { View } from "../reads/views.ts";

/** A student's profile as others see it. Unknown fields are `null`. */
export interface PublicProfile {
  readonly id: UserId;
  readonly name: string | null;
  /** `https:`. */
  readonly photoUrl: string | null;
  /** May have several lines. */
  readonly bio: string | null;
  readonly institution: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly homeCountry: string | null;
}

/** A period of study. Months are `YYYY-MM`. */
export interface Education {
  readonly institution: string;
  readonly degree: string | null;
  readonly field: string | null;
  readonly from: string | null;
  /** `null` while it lasts. */
  readonly until: string | null;
}

/** A period of work. Months are `YYYY-MM`. */
export interface Work {
  readonly employer: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly from: string | null;
  /** `null` while it lasts. */
  readonly until: string | null;
}

/** A profile as its own student sees it. */
export interface Profile extends PublicProfile {
  /** E.164; the number for signing in. */
  readonly phone: string;
  /** `YYYY-MM-DD`. */
  readonly dateOfBirth: string | null;
  readonly education: readonly Education[];
  readonly work: readonly Work[];
  /** ISO 3166-1 alpha-2, in the student's order of preference. */
  readonly preferredCountries: readonly string[];
  readonly preferredLevels: readonly CourseLevel[];
  /** Whether anyone who has the student's number can find the student by it. */
  readonly findable: boolean;
  /** The server's clock. */
  readonly updatedAt: number;
}

/** The student's own profile, and whether a change to it waits to be sent. */
export interface OwnProfile extends Profile {
  readonly isPending: boolean;
}

/** The fields to change; all others stay as they are. `null` and an empty list clear a field. */
export type ProfileChange = {
  readonly [Field in keyof Omit<Profile, "id" | "phone" | "updatedAt">]?: Profile[Field];
};

/** Reads the student's own profile and the public profiles of others. */
export interface ProfileReader extends Omit<View<OwnProfile>, "loadMore"> {
  /** Stores a change on the device and sends it when there is a network. If two devices change the same field, the later change wins. */
  update(change: ProfileChange): Promise<void>;
  /** Returns the public profile of another student; `not-found` when there is none. */
  of(userId: string): View<PublicProfile>;
}

export const createProfile = ({ open, queue }: Access): ProfileReader => ({
  ...open<"profile.get", OwnProfile>({ procedure: "profile.get", input: undefined }),
  update: async (change) => {
    await queue("profile.update", change, { about: "own" });
  },
  of: (userId) => open({ procedure: "profile.of", input: { userId } }),
});

export const profileProjections: Projections = {
  "profile.get": (profile, { entry, answer }) =>
    profile && entry.procedure === "profile.update" && entry.state === "pending"
      ? { ...profile, ...entry.input, ...(answer as Partial<Profile> | undefined) }
      : profile,
};
