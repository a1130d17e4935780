import {
  APPLICATION_DOCUMENT_KINDS,
  APPLICATION_STATUSES,
  EMAIL_PATTERN,
  FUNDINGS,
  INTAKE_YEARS,
  MAX_APPLICATION_TEXT_CHARACTERS,
  MAX_DOCUMENT_NAME_CHARACTERS,
  MAX_EMAIL_CHARACTERS,
  MAX_WITHDRAWAL_NOTE_CHARACTERS,
  STUDY_MODES,
  type ApplicationDocumentId,
  type ApplicationId,
  type CourseId,
} from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput } from "../inputs/id.ts";
import { pageInput } from "../inputs/page.ts";
import { lineInput, proseInput } from "../inputs/text.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import type { Applications } from "./applications.ts";

const applicationId = idInput<ApplicationId>();
const documentId = idInput<ApplicationDocumentId>();
const courseId = idInput<CourseId>();
const commandId = commandIdInput();
const status = z.enum(APPLICATION_STATUSES);
const name = lineInput(MAX_DOCUMENT_NAME_CHARACTERS);

/** Treats an empty text as a field that was not filled in. */
const emptyAsNull = <Input extends z.ZodType>(input: Input) =>
  z.union([z.literal("").transform(() => null), input]);
const prose = z
  .string()
  .max(MAX_APPLICATION_TEXT_CHARACTERS)
  .transform((text) => text.trim())
  .pipe(emptyAsNull(proseInput(MAX_APPLICATION_TEXT_CHARACTERS)))
  .nullable();

const fieldShapes = {
  intakeYear: z.number().int().min(INTAKE_YEARS.first).max(INTAKE_YEARS.last).nullable(),
  studyMode: z.enum(STUDY_MODES).nullable(),
  contactEmail: z
    .string()
    .max(MAX_EMAIL_CHARACTERS)
    .trim()
    .pipe(emptyAsNull(z.email({ pattern: EMAIL_PATTERN })))
    .nullable(),
  funding: z.enum(FUNDINGS).nullable(),
  statement: prose,
  notes: prose,
};
const fields = z.strictObject({
  intakeYear: fieldShapes.intakeYear.exactOptional(),
  studyMode: fieldShapes.studyMode.exactOptional(),
  contactEmail: fieldShapes.contactEmail.exactOptional(),
  funding: fieldShapes.funding.exactOptional(),
  statement: fieldShapes.statement.exactOptional(),
  notes: fieldShapes.notes.exactOptional(),
});
/** The value that the device had, in its stored form. A value that cannot be stored becomes one that equals no stored value. */
const baseOf = <Shape extends z.ZodType>(shape: Shape) =>
  z
    .union([z.string().max(MAX_APPLICATION_TEXT_CHARACTERS), z.number(), z.null()])
    .transform((value): unknown => {
      const parsed = shape.safeParse(value);
      return parsed.success ? parsed.data : { unlikeAnyValue: value };
    })
    .optional();
const base = z.strictObject({
  intakeYear: baseOf(fieldShapes.intakeYear),
  studyMode: baseOf(fieldShapes.studyMode),
  contactEmail: baseOf(fieldShapes.contactEmail),
  funding: baseOf(fieldShapes.funding),
  statement: baseOf(fieldShapes.statement),
  notes: baseOf(fieldShapes.notes),
});

export const createApplicationsRouter = (deps: { readonly applications: Applications }) => {
  const { applications } = deps;
  return router({
    list: sessionProcedure
      .input(z.object({ status: status.optional(), ...pageInput }).prefault({}))
      .query(({ ctx, input }) => applications.list(ctx.caller.user.id, input)),
    get: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ applicationId }))
      .query(({ ctx, input }) => applications.get(ctx.caller.user.id, input.applicationId)),
    history: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ applicationId, ...pageInput }))
      .query(({ ctx, input }) => applications.history(ctx.caller.user.id, input)),

    create: sessionProcedure
      .meta({ reasons: ["not-found", "conflict", "limit/reached"] })
      .input(z.object({ courseId, fields: fields.default({}), commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.create({ userId: ctx.caller.user.id, commandId }, input),
      ),
    update: sessionProcedure
      .meta({ reasons: ["not-found", "conflict", "limit/reached"] })
      .input(z.object({ applicationId, changes: fields, base: base.default({}), commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.update({ userId: ctx.caller.user.id, commandId }, input),
      ),
    submit: sessionProcedure
      .meta({ reasons: ["not-found", "conflict"] })
      .input(z.object({ applicationId, from: status.optional(), commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.submit({ userId: ctx.caller.user.id, commandId }, input),
      ),
    withdraw: sessionProcedure
      .meta({ reasons: ["not-found", "conflict"] })
      .input(
        z.object({
          applicationId,
          from: status.optional(),
          note: proseInput(MAX_WITHDRAWAL_NOTE_CHARACTERS).nullish(),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.withdraw({ userId: ctx.caller.user.id, commandId }, input),
      ),

    addDocument: sessionProcedure
      .meta({ reasons: ["not-found", "conflict", "limit/reached"] })
      .input(
        z.object({
          applicationId,
          kind: z.enum(APPLICATION_DOCUMENT_KINDS),
          name,
          status: z.enum(["expected", "uploaded"]).default("expected"),
          commandId,
        }),
      )
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.addDocument({ userId: ctx.caller.user.id, commandId }, input),
      ),
    uploadDocument: sessionProcedure
      .meta({ reasons: ["not-found", "conflict"] })
      .input(z.object({ applicationId, documentId, name: name.nullish(), commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.uploadDocument({ userId: ctx.caller.user.id, commandId }, input),
      ),
    removeDocument: sessionProcedure
      .meta({ reasons: ["not-found", "conflict"] })
      .input(z.object({ applicationId, documentId, commandId }))
      .mutation(({ ctx, input: { commandId, ...input } }) =>
        applications.removeDocument({ userId: ctx.caller.user.id, commandId }, input),
      ),
  });
};
