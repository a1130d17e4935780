/** What the server takes of a profile, for forms that say so before it does. */
export const PROFILE_LIMITS = {
  /** Characters (UTF-16 code units) of the name. */
  nameCharacters: 100,
  /** Characters of the photo's URL, which is `https:`. */
  photoUrlCharacters: 2_048,
  /** Characters of the bio, which may have many lines. */
  bioCharacters: 2_000,
  /** Characters of an institution, employer, title, degree or field. */
  lineCharacters: 200,
  /** Characters of what is said of a job, which may have many lines. */
  descriptionCharacters: 1_000,
  /** Entries of the education, and of the work history. */
  historyEntries: 20,
  /** Countries where the student would study. */
  preferredCountries: 30,
  /** Whole years. */
  leastAge: 13,
  /** Whole years. */
  greatestAge: 120,
} as const;
