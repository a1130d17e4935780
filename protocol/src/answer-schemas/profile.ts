import { z } from "zod";
import { COURSE_LEVELS } from "../catalogue.ts";
import type { UserId } from "../ids.ts";
import { PROFILE_LIMITS, type Education, type Profile, type PublicProfile, type Work } from "../profile.ts";
import { answerOf } from "./answer.ts";
import { country, httpsUrl, idAnswer, instant, phone } from "./values.ts";

const line = z.string().max(PROFILE_LIMITS.lineCharacters);
const month = z
  .string()
  .regex(/^\d{4}-(?:0[1-9]|1[0-2])$/)
  .meta({ description: "`YYYY-MM`." });
const until = month.nullable().describe("`YYYY-MM`; `null` while it continues.");

export const publicProfile = answerOf<PublicProfile>()(
  z
    .strictObject({
      id: idAnswer<UserId>(),
      name: z.string().max(PROFILE_LIMITS.nameCharacters).nullable(),
      photoUrl: httpsUrl.max(PROFILE_LIMITS.photoUrlCharacters).nullable(),
      bio: z.string().max(PROFILE_LIMITS.bioCharacters).nullable().describe("May have several lines."),
      institution: line.nullable(),
      homeCountry: country.nullable(),
    })
    .meta({
      id: "PublicProfile",
      description: "A student as other students see them. A field that is not filled in is `null`.",
    }),
);

const education = answerOf<Education>()(
  z
    .strictObject({
      institution: line,
      degree: line.nullable(),
      field: line.nullable(),
      from: month.nullable(),
      until,
    })
    .meta({ id: "Education", description: "One entry of a student's education." }),
);

const work = answerOf<Work>()(
  z
    .strictObject({
      employer: line,
      title: line.nullable(),
      description: z.string().max(PROFILE_LIMITS.descriptionCharacters).nullable(),
      from: month.nullable(),
      until,
    })
    .meta({ id: "Work", description: "One entry of a student's work history." }),
);

export const profile = answerOf<Profile>()(
  z
    .strictObject({
      ...publicProfile.shape,
      phone,
      dateOfBirth: z.iso.date().nullable(),
      education: z
        .array(education)
        .max(PROFILE_LIMITS.historyEntries)
        .describe("In the student's own order."),
      work: z.array(work).max(PROFILE_LIMITS.historyEntries).describe("In the student's own order."),
      preferredCountries: z
        .array(country)
        .max(PROFILE_LIMITS.preferredCountries)
        .describe("In the student's own order."),
      preferredLevels: z.array(z.enum(COURSE_LEVELS)).max(COURSE_LEVELS.length),
      findable: z
        .boolean()
        .describe("Whether students who have this student's number may find the student by it."),
      updatedAt: instant,
    })
    .meta({
      id: "Profile",
      description: "A student's own profile: the public part, and the fields that nobody else sees.",
    }),
);
