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
