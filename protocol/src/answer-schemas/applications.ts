import { z } from "zod";
import {
  APPLICATION_DOCUMENT_KINDS,
  APPLICATION_DOCUMENT_STATUSES,
  APPLICATION_STATUSES,
  FUNDINGS,
  STUDY_MODES,
  type ApplicationDocument,
  type ApplicationFields,
  type ApplicationMove,
  type AppliedCourse,
  type SentApplication,
} from "../applications.ts";
import { COURSE_LEVELS } from "../catalogue.ts";
import type { ApplicationDocumentId, ApplicationId, CourseId, UniversityId, UserId } from "../ids.ts";
import { answerOf } from "./answer.ts";
import { count, country, currency, idAnswer, instant, monthNumber } from "./values.ts";

const status = z.enum(APPLICATION_STATUSES);

export const applicationFields = answerOf<ApplicationFields>()(
  z
    .strictObject({
      intakeYear: count.nullable(),
      studyMode: z.enum(STUDY_MODES).nullable(),
      contactEmail: z.string().nullable(),
      funding: z.enum(FUNDINGS).nullable(),
      statement: z.string().nullable(),
      notes: z.string().nullable(),
    })
    .meta({ id: "ApplicationFields", description: "The fields that a student fills in; `null` is empty." }),
);

export const applicationDocument = answerOf<ApplicationDocument>()(
  z
    .strictObject({
      id: idAnswer<ApplicationDocumentId>(),
      kind: z.enum(APPLICATION_DOCUMENT_KINDS),
      name: z.string(),
      status: z.enum(APPLICATION_DOCUMENT_STATUSES),
      note: z.string().nullable().describe("The note of the admin who judged it."),
      updatedAt: instant,
    })
    .meta({ id: "ApplicationDocument", description: "A document that an application refers to." }),
);

export const applicationMove = answerOf<ApplicationMove>()(
  z
    .strictObject({
      position: count.describe("Counts from 0 without gaps."),
      at: instant,
      by: z.enum(["student", "admin"]),
      actorId: idAnswer<UserId>().nullable().describe("The student; `null` for an admin."),
      from: status.nullable().describe("`null` for the first step."),
      to: status,
      note: z.string().nullable(),
    })
    .meta({ id: "ApplicationMove", description: "A step of an application from one status to another." }),
);

/** The fields of the course of an application. The interface `AppliedCourse` lacks `isOffered`. */
const appliedCourse = answerOf<AppliedCourse & { readonly isOffered: boolean }>()(
  z
    .strictObject({
      id: idAnswer<CourseId>(),
      title: z.string(),
      level: z.enum(COURSE_LEVELS),
      universityId: idAnswer<UniversityId>(),
      universityName: z.string(),
      country,
      startMonth: monthNumber,
      isOffered: z.boolean().describe("Whether the course is still in the catalogue."),
    })
    .meta({
      id: "AppliedCourse",
      description: "The course of an application, as it was when the application was created or submitted.",
    }),
);

export const application = answerOf<SentApplication>()(
  z
    .strictObject({
      id: idAnswer<ApplicationId>(),
      status,
      moves: z.array(status).describe("The statuses that the caller may set now."),
      course: appliedCourse,
      fields: applicationFields,
      fee: z
        .strictObject({ amount: count, currency })
        .nullable()
        .describe("The fee in whole units of the currency. `null` when unknown."),
      deadline: instant
        .nullable()
        .describe("The first instant that is too late to submit. `null` when there is none."),
      documents: z.array(applicationDocument),
      createdAt: instant,
      updatedAt: instant,
      submittedAt: instant.nullable(),
    })
    .meta({ id: "Application", description: "A student's application to a course." }),
);
