import { z } from "zod";

/** The path of a field in an input; `*` stands for each element of a list. */
export type FieldPath = readonly string[];

const ID_NAME = /(?:^id|^ids|Ids?|^replyTo|^mentions)$/;
/** The pattern of the server's `idInput`. */
const ID_PATTERN = "^\\P{Cc}{0,64}$";

/** The parts of a JSON Schema that show where ids are. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** A field and its schema. */
interface Field {
  readonly path: FieldPath;
  readonly schema: Schema;
}

const fieldsOf = (schema: Schema, path: FieldPath = []): Field[] => [
  { path, schema },
  ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap((one) =>
    fieldsOf(one, path),
  ),
  ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => fieldsOf(one, [...path, name])),
  ...(schema.items ? fieldsOf(schema.items, [...path, "*"]) : []),
];

const inputToFields = (input: unknown): Field[] => {
  if (!(input instanceof z.ZodType)) throw new Error("An input is checked by something other than zod");
  return fieldsOf(z.toJSONSchema(input, { io: "input", unrepresentable: "any" }) as Schema);
};

/** Returns whether a field holds an id, judged by its schema or its name. */
const isId = ({ path, schema: { type, format, pattern } }: Field): boolean =>
  (type === "string" || (Array.isArray(type) && type.includes("string"))) &&
  (format === "uuid" || pattern === ID_PATTERN || ID_NAME.test(path.findLast((name) => name !== "*") ?? ""));

/** Every field of an input that holds an id, those that need not be there too. */
export const idFieldsOf = (inputs: readonly unknown[]): FieldPath[] => {
  const found = inputs.flatMap(inputToFields).filter(isId);
  return [...new Map(found.map(({ path }) => [path.join("."), path])).values()];
};

/** Returns the names of an input's top-level fields. */
export const namesIn = (inputs: readonly unknown[]): ReadonlySet<string> =>
  new Set(inputs.flatMap(inputToFields).flatMap(({ path }) => path.slice(0, 1)));

/** Returns a copy of an input with another value in one field. A list gets this value as its only element. */
export const withField = (input: unknown, [name, ...rest]: FieldPath, value: unknown): unknown => {
  if (name === undefined) return value;
  if (name === "*") return [withField(undefined, rest, value)];
  const copy = { ...(input as Readonly<Record<string, unknown>> | undefined) };
  return { ...copy, [name]: withField(copy[name], rest, value) };
};
