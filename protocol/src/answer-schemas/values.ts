import { z } from "zod";

/** Types a schema of ids. An id is a plain string in lower case on the wire; only the type has a brand. */
const toIdAnswer = <Kind extends string>(schema: z.ZodGUID | z.ZodUUID): z.ZodType<Kind> =>
  schema.regex(/^[0-9a-f-]{36}$/) as z.ZodType<unknown> as z.ZodType<Kind>;

/** The schema of an id: a UUIDv7. */
export const idAnswer = <Kind extends string>(): z.ZodType<Kind> => toIdAnswer(z.uuidv7());

/** The schema of an id in a key of a document: any UUID, because no row needs to have it. */
export const keyIdAnswer = <Kind extends string>(): z.ZodType<Kind> => toIdAnswer(z.guid());

/** An instant in epoch milliseconds. */
export const instant = z.int().min(0).meta({ description: "Epoch milliseconds of the server's clock." });

/** A number of things, or a place that counts from 0. */
export const count = z.int().min(0);

/** A phone number in E.164. */
export const phone = z.e164();

/** A country by its ISO 3166-1 alpha-2 code. */
export const country = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .meta({ description: "ISO 3166-1 alpha-2." });

/** Builds the schema of a page of a list. */
export const pageAnswer = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().describe("The `cursor` of the next page; `null` on the last page."),
  });

/** A month of the year. */
export const monthNumber = z.int().min(1).max(12);

/** A currency by its ISO 4217 code. */
export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/)
  .meta({ description: "ISO 4217." });

/** The URL of a page or picture. */
export const httpsUrl = z.string().regex(/^https:\/\//);
