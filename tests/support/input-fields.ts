import { z } from "zod";

/** Where in an input a field is; `*` is each of a list. */
export type FieldPath = readonly string[];

const ID_NAME = /(?:^id|^ids|Ids?|^replyTo|^mentions)$/;
/** As the server's `idInput` has it. */
const ID_PATTERN = "^\\P{Cc}{0,64}$";

/** What of a JSON Schema says where ids are. */
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

/** A field and what it takes. */
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

/** Whether it holds an id: by what it takes, or by its name. */
const isId = ({ path, schema: { type, format, pattern } }: Field): boolean =>
  (type === "string" || (Array.isArray(type) && type.includes("string"))) &&
  (format === "uuid" || pattern === ID_PATTERN || ID_NAME.test(path.findLast((name) => name !== "*") ?? ""));

/** Every field of an input that holds an id, those that need not be there too. */
export const idFieldsOf = (inputs: readonly unknown[]): FieldPath[] => {
  const found = inputs.flatMap(inputToFields).filter(isId);
  return [...new Map(found.map(({ path }) => [path.join("."), path])).values()];
};

/** The names that an input knows. */
export const namesIn = (inputs: readonly unknown[]): ReadonlySet<string> =>
  new Set(inputs.flatMap(inputToFields).flatMap(({ path }) => path.slice(0, 1)));

/** An input with something else in one field: a list gets that alone. */
export const withField = (input: unknown, [name, ...rest]: FieldPath, value: unknown): unknown => {
  if (name === undefined) return value;
  if (name === "*") return [withField(undefined, rest, value)];
  const known = { ...(input as Readonly<Record<string, unknown>> | undefined) };
  return { ...known, [name]: withField(known[name], rest, value) };
};
