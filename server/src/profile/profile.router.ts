import { COUNTRIES, COURSE_LEVELS, MONTH_PATTERN, PROFILE_LIMITS, type UserId } from "@edvoyage/protocol";
import { z } from "zod";
import { commandIdInput, idInput } from "../inputs/id.ts";
import { lineInput, proseInput } from "../inputs/text.ts";
import { router, sessionProcedure } from "../http/trpc.ts";
import { httpsUrlInput } from "../inputs/url.ts";
import type { Profiles } from "./profile.ts";

const orNull = <Input extends z.ZodType>(input: Input) => input.nullish().transform((given) => given ?? null);

const line = lineInput(PROFILE_LIMITS.lineCharacters);

const photoUrl = httpsUrlInput(PROFILE_LIMITS.photoUrlCharacters);

const country = z.string().refine((code) => COUNTRIES.has(code), "Not an ISO 3166-1 alpha-2 code");

const date = z.iso.date("Must be a date of the calendar, such as 2004-02-29");
const month = z.string().regex(MONTH_PATTERN, "Must be a month, such as 2024-09");

const period = { from: orNull(month), until: orNull(month) };
const isInOrder = ({
  from,
  until,
}: {
  readonly from: string | null;
  readonly until: string | null;
}): boolean => from === null || until === null || from <= until;
const inOrder = { message: "It ends before it begins", path: ["until"] };

const education = z
  .object({ institution: line, degree: orNull(line), field: orNull(line), ...period })
  .refine(isInOrder, inOrder);

const work = z
  .object({
    employer: line,
    title: orNull(line),
    description: orNull(proseInput(PROFILE_LIMITS.descriptionCharacters)),
    ...period,
  })
  .refine(isInOrder, inOrder);

const withoutRepeats = <Item>(items: readonly Item[]): boolean => new Set(items).size === items.length;

export const createProfileRouter = ({ profiles }: { readonly profiles: Profiles }) =>
  router({
    get: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .query(({ ctx }) => profiles.get(ctx.caller.user.id)),

    of: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(z.object({ userId: idInput<UserId>() }))
      .query(({ ctx, input }) => profiles.publicOf(ctx.caller.user.id, input.userId)),

    update: sessionProcedure
      .meta({ reasons: ["not-found"] })
      .input(
        z.object({
          name: lineInput(PROFILE_LIMITS.nameCharacters).nullish(),
          photoUrl: photoUrl.nullish(),
          bio: proseInput(PROFILE_LIMITS.bioCharacters).nullish(),
          institution: line.nullish(),
          homeCountry: country.nullish(),
          dateOfBirth: date.nullish(),
          education: z.array(education).max(PROFILE_LIMITS.historyEntries).optional(),
          work: z.array(work).max(PROFILE_LIMITS.historyEntries).optional(),
          preferredCountries: z
            .array(country)
            .max(PROFILE_LIMITS.preferredCountries)
            .refine(withoutRepeats, "Names a country twice")
            .optional(),
          preferredLevels: z
            .array(z.enum(COURSE_LEVELS))
            .max(COURSE_LEVELS.length)
            .refine(withoutRepeats, "Names a level twice")
            .optional(),
          findable: z.boolean().optional(),
          commandId: commandIdInput(),
        }),
      )
      .mutation(({ ctx, input: { commandId, ...change } }) =>
        profiles.update({ userId: ctx.caller.user.id, commandId }, change),
      ),
  });
