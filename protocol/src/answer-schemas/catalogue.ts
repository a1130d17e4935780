import { z } from "zod";
import { COURSE_LEVELS, type Course, type University } from "../catalogue.ts";
import { FAVOURITE_KINDS, type Favourite } from "../documents.ts";
import type { CourseId, UniversityId } from "../ids.ts";
import { answerOf } from "./answer.ts";
import { count, country, currency, idAnswer, keyIdAnswer, instant, monthNumber } from "./values.ts";

export const university = answerOf<University>()(
  z
    .strictObject({
      id: idAnswer<UniversityId>(),
      name: z.string(),
      country,
      countryName: z.string(),
      city: z.string().nullable(),
      region: z.string().nullable().describe("State or province."),
      website: z.string().nullable(),
      domains: z.array(z.string()),
    })
    .meta({ id: "University", description: "A university as the app shows it." }),
);

export const course = answerOf<Course>()(
  z
    .strictObject({
      id: idAnswer<CourseId>(),
      universityId: idAnswer<UniversityId>(),
      universityName: z.string(),
      country,
      title: z.string(),
      level: z.enum(COURSE_LEVELS),
      subject: z.string(),
      language: z.string(),
      durationMonths: count,
      tuitionPerYear: count.describe("In whole units of `currency`. 0: free."),
      currency,
      startMonth: monthNumber,
      applicationFee: count
        .nullable()
        .describe("The fee of an application, in whole units of `currency`. 0: free. `null`: unknown."),
      applicationDeadline: instant
        .nullable()
        .describe(
          "The first instant that is too late to apply for `intakeYear`. `null`: open until the start.",
        ),
      intakeYear: count.describe("The year of the next intake that is still open for applications."),
      isSample: z
        .boolean()
        .describe("Whether the course was generated for demonstration and is not a real offer."),
    })
    .meta({ id: "Course", description: "A course as the app shows it." }),
);

export const favourite = answerOf<Favourite>()(
  z
    .strictObject({
      kind: z.enum(FAVOURITE_KINDS),
      id: keyIdAnswer<UniversityId | CourseId>(),
      addedAt: instant,
    })
    .meta({ id: "Favourite", description: "A university or course that a student likes." }),
);
