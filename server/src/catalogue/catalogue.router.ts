import { COURSE_LEVELS, type CourseId, type UniversityId } from "@edvoyage/protocol";
import { z } from "zod";
import { pageInput } from "../inputs/page.ts";
import { idInput } from "../inputs/id.ts";
import { publicProcedure, router } from "../http/trpc.ts";
import type { Catalogue } from "./catalogue.ts";
import { textToCountry } from "./fold.ts";

const query = z.string().max(100).optional();
const universityId = idInput<UniversityId>();
const courseId = idInput<CourseId>();
/** A country by its ISO code or English name. */
const country = z
  .string()
  .max(80)
  .transform((text, context) => {
    const code = textToCountry(text);
    if (code) return code;
    context.issues.push({
      code: "custom",
      message: "Not a country. Use its ISO code or English name",
      input: undefined,
    });
    return z.NEVER;
  })
  .optional();

/** Builds the procedures for universities. They are public, so that people can look at the catalogue before signing in. */
export const createUniversitiesRouter = ({ catalogue }: { readonly catalogue: Catalogue }) =>
  router({
    list: publicProcedure
      .input(z.object({ query, country, ...pageInput }).prefault({}))
      .query(({ input: { cursor, limit, ...filter } }) => catalogue.universities(filter, { cursor, limit })),
    get: publicProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ id: universityId }))
      .query(({ input }) => catalogue.university(input.id)),
  });

/** Builds the procedures for courses. They are public, like those for universities. */
export const createCoursesRouter = ({ catalogue }: { readonly catalogue: Catalogue }) =>
  router({
    list: publicProcedure
      .input(
        z
          .object({
            query,
            universityId: universityId.optional(),
            level: z.enum(COURSE_LEVELS).optional(),
            country,
            ...pageInput,
          })
          .prefault({}),
      )
      .query(({ input: { cursor, limit, ...filter } }) => catalogue.courses(filter, { cursor, limit })),
    get: publicProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ id: courseId }))
      .query(({ input }) => catalogue.course(input.id)),
  });
