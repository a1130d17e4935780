import { COURSE_LEVELS } from "../catalogue.ts";
import { COUNTRIES } from "../countries.ts";
import { PROFILE_LIMITS, type Education, type Work } from "../profile.ts";
import { fieldsOf, listOf, oneOf, optional, textCheck, withRule, type Check } from "./checks.ts";
import { httpsUrlCheck, lineCheck, MONTH_PATTERN, proseCheck } from "./texts.ts";

const line = lineCheck(PROFILE_LIMITS.lineCharacters);

const country = textCheck((code) => (COUNTRIES.has(code) ? undefined : "Not an ISO 3166-1 alpha-2 code"));

const date = textCheck((text) => {
  const [year = 0, month = 0, day = 0] = text.split("-").map(Number);
  // Day 0 of the next month is the last day of this one. 4 years from 2000 on have the same leap years as 400 from any other.
  const lastDay = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  return /^\d{4}-(?:0[1-9]|1[0-2])-\d\d$/.test(text) && day >= 1 && day <= lastDay
    ? undefined
    : "Must be a date of the calendar, such as 2004-02-29";
});

const month = textCheck((text) =>
  MONTH_PATTERN.test(text) ? undefined : "Must be a month, such as 2024-09",
);

const inOrder = {
  isValid: ({ from, until }: Pick<Education | Work, "from" | "until">): boolean =>
    !from || !until || from <= until,
  field: "until",
  message: "It ends before it begins",
};

const period = { from: optional(month), until: optional(month) };

const education = withRule(
  fieldsOf({ institution: line, degree: optional(line), field: optional(line), ...period }),
  inOrder,
);

const work = withRule(
  fieldsOf({
    employer: line,
    title: optional(line),
    description: optional(proseCheck(PROFILE_LIMITS.descriptionCharacters)),
    ...period,
  }),
  inOrder,
);

/** Returns a check that accepts a missing value, but not `null`. */
const ifGiven =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? [] : check(value, path);

/** Checks a change of a profile. The age is checked by the server only, because a device's clock may be wrong. */
export const profileChangeCheck: Check = fieldsOf({
  name: optional(lineCheck(PROFILE_LIMITS.nameCharacters)),
  photoUrl: optional(httpsUrlCheck(PROFILE_LIMITS.photoUrlCharacters)),
  bio: optional(proseCheck(PROFILE_LIMITS.bioCharacters)),
  institution: optional(line),
  homeCountry: optional(country),
  dateOfBirth: optional(date),
  education: ifGiven(listOf(education, { max: PROFILE_LIMITS.historyEntries })),
  work: ifGiven(listOf(work, { max: PROFILE_LIMITS.historyEntries })),
  preferredCountries: ifGiven(listOf(country, { max: PROFILE_LIMITS.preferredCountries, isDistinct: true })),
  preferredLevels: ifGiven(listOf(oneOf(COURSE_LEVELS), { max: COURSE_LEVELS.length, isDistinct: true })),
  findable: ifGiven(oneOf([true, false])),
});
