import type { CourseLevel } from "./catalogue.ts";
import type { UserId } from "./ids.ts";

/** The limits of a profile, for forms that check input before they send it. */
export const PROFILE_LIMITS = {
  /** Characters (UTF-16 code units) of the name. */
  nameCharacters: 100,
  /** Characters of the photo's `https:` URL. */
  photoUrlCharacters: 2_048,
  /** Characters of the bio; it may have several lines. */
  bioCharacters: 2_000,
  /** Characters of an institution, employer, title, degree or field. */
  lineCharacters: 200,
  /** Characters of the description of a job; it may have several lines. */
  descriptionCharacters: 1_000,
  /** Entries of the education, and separately of the work history. */
  historyEntries: 20,
  /** Countries where the student would like to study. */
  preferredCountries: 30,
  /** The minimum age, in whole years. */
  leastAge: 13,
  /** The maximum age, in whole years. */
  greatestAge: 120,
} as const;

/** A student as other students see them. A field that the student has not filled in is `null`. */
export interface PublicProfile {
  readonly id: UserId;
  readonly name: string | null;
  /** An `https:` URL. */
  readonly photoUrl: string | null;
  /** May have several lines. */
  readonly bio: string | null;
  readonly institution: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly homeCountry: string | null;
}

/** One entry of a student's education. Months are `YYYY-MM`. */
export interface Education {
  readonly institution: string;
  readonly degree: string | null;
  readonly field: string | null;
  readonly from: string | null;
  /** `null` while it continues. */
  readonly until: string | null;
}

/** One entry of a student's work history. Months are `YYYY-MM`. */
export interface Work {
  readonly employer: string;
  readonly title: string | null;
  /** May have several lines. */
  readonly description: string | null;
  readonly from: string | null;
  /** `null` while it continues. */
  readonly until: string | null;
}

/** A student's own profile: the public part, and the fields that nobody else sees. */
export interface Profile extends PublicProfile {
  /** E.164. `update` cannot change it, because the student signs in with it. */
  readonly phone: string;
  /** `YYYY-MM-DD`. */
  readonly dateOfBirth: string | null;
  /** In the student's own order, as is `work`. */
  readonly education: readonly Education[];
  readonly work: readonly Work[];
  /** ISO 3166-1 alpha-2, in the student's own order. */
  readonly preferredCountries: readonly string[];
  readonly preferredLevels: readonly CourseLevel[];
  /** Whether students who have this student's number may find the student by it. Default: off. */
  readonly findable: boolean;
  readonly updatedAt: number;
}

/** A change of a profile. A missing field stays as it is; `null` or an empty list clears it. */
export type ProfileChange = {
  readonly [Field in keyof Omit<Profile, "id" | "phone" | "updatedAt">]?: Profile[Field] | undefined;
};
