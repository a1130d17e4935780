import { z } from "zod";

/** A JSON Schema (2020-12), with the keywords that zod writes. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly contentMediaType?: string;
  readonly contentSchema?: JsonSchema;
}

/** The folder of shared shapes in an OpenAPI document. */
export const SHAPES = "#/components/schemas/";

/** Converts the zod schema of an input. The result describes what a caller sends, before any transformation. */
export const inputToSchema = (input: z.ZodType): JsonSchema => {
  const { $schema: _, default: emptyInput, ...schema } = convert(input, "input");
  // A query whose input may be left out has an empty object as its default: that it is optional says the same.
  return isEmpty(emptyInput) ? schema : { ...schema, default: emptyInput };
};

/** Whether a caller may leave out the whole input. */
export const isOptionalInput = (input: z.ZodType): boolean => input.safeParse(undefined).success;

/** Converts the zod schema of an answer. Shapes with an `id` become references to `shapes`, which holds them by that id. */
export const answerToSchema = (
  answer: z.ZodType,
): { readonly schema: JsonSchema; readonly shapes: Readonly<Record<string, JsonSchema>> } => {
  // Inside another object, an answer with an id becomes a reference like any other shape.
  const { properties, $defs = {} } = convert(z.object({ answer }), "output");
  return { schema: properties?.["answer"] ?? {}, shapes: $defs };
};

interface Converted extends JsonSchema {
  readonly $schema?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

const convert = (schema: z.ZodType, io: "input" | "output"): Converted => {
  const converted = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === "undefined") jsonSchema.not = {};
    },
  });
  const tidied: Converted = JSON.parse(JSON.stringify(converted), tidy);
  return tidied;
};

/**
 * Leaves out what tells a reader nothing: the bounds of every safe integer, the default `undefined`, and fields that must be
 * absent. Points references to the shared shapes.
 */
const tidy = (key: string, value: unknown): unknown => {
  if (key === "maximum" && value === Number.MAX_SAFE_INTEGER) return undefined;
  if (key === "minimum" && value === Number.MIN_SAFE_INTEGER) return undefined;
  if (key === "$ref" && typeof value === "string") return value.replace("#/$defs/", SHAPES);
  if (key === "id" && typeof value === "string") return undefined;
  if (isRecord(value) && isEmpty(value["not"])) return undefined;
  return value;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isEmpty = (value: unknown): boolean => isRecord(value) && Object.keys(value).length === 0;

/** Gives each field of an object, at any depth, the description that `meaningOf` returns for its name. */
export const describeFields = (schema: JsonSchema, meaningOf: (field: string) => string): JsonSchema => {
  const describe = (inner: JsonSchema): JsonSchema => describeFields(inner, meaningOf);
  return {
    ...schema,
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, field]) => [
          name,
          { ...describe(field), description: field.description ?? meaningOf(name) },
        ]),
      ),
    }),
    ...(schema.items && { items: describe(schema.items) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map(describe) }),
    ...(schema.oneOf && { oneOf: schema.oneOf.map(describe) }),
    ...(schema.allOf && { allOf: schema.allOf.map(describe) }),
  };
};
