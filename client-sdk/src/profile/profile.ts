import type { CourseLevel, UserId } from "@edvoyage/protocol";
import type { Access } from "../students/access.ts";
import type { Projections } from "../reads/query.ts";
import type { View } from "../reads/views.ts";

/** What other students see of one. Whatever she has not told is `null`. */
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

/** Where and what a student has studied. Months are `YYYY-MM`. */
export interface Education {
  readonly institution: string;
  readonly degree: string | null;
  readonly field: string | null;
  readonly from: string | null;
  /** `null` while it lasts. */
  readonly until: string | null;
}

/** Where and as what a student has worked. Months are `YYYY-MM`. */
export interface Work {
  readonly employer: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly from: string | null;
  /** `null` while it lasts. */
  readonly until: string | null;
}

/** A student as herself sees her. */
export interface Profile extends PublicProfile {
  /** E.164; what she signs in with. */
  readonly phone: string;
  /** `YYYY-MM-DD`. */
  readonly dateOfBirth: string | null;
  readonly education: readonly Education[];
  readonly work: readonly Work[];
  /** ISO 3166-1 alpha-2, in her own order. */
  readonly preferredCountries: readonly string[];
  readonly preferredLevels: readonly CourseLevel[];
  /** Whether whoever has her number may find her by it. */
  readonly findable: boolean;
  /** The server's clock. */
  readonly updatedAt: number;
}

/** The own profile, with whether a change of it waits to be sent. */
export interface OwnProfile extends Profile {
  readonly isPending: boolean;
}

/** What of a profile is to change. What is not named stays; `null` and an empty list take away. */
export type ProfileChange = {
  readonly [Field in keyof Omit<Profile, "id" | "phone" | "updatedAt">]?: Profile[Field];
};

/** The student's own profile, and what others show of theirs. */
export interface ProfileReader extends Omit<View<OwnProfile>, "loadMore"> {
  /** Kept on the device, and sent when there is a network. Of two devices that change one field the later counts. */
  update(change: ProfileChange): Promise<void>;
  /** What another student shows; `not-found` when she shows nothing. */
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
