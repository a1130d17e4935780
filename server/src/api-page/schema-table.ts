import { SHAPES, type JsonSchema } from "./json-schema.ts";

/** Returns a Markdown table of the fields of an object. Objects inside it have a row for each of their fields, too. */
export const schemaToTable = (schema: JsonSchema): string =>
  toTable(["field", "type", "required", "meaning"], schemaToRows(schema, ""));

/** Returns a Markdown table. */
export const toTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`)
    .join("\n");

/**
 * Describes an input, an answer or a shape: the alternatives of a union one after the other, the fields of an object as a
 * table, and any other value as one line.
 */
export const schemaToSections = (schema: JsonSchema): readonly string[] => {
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 1 && alternatives.some(({ properties }) => properties))
    return alternatives.flatMap((alternative, index) => [
      `${index === 0 ? "Either" : "Or"} ${withoutFields(alternative) ? typeOf(alternative) : "an object:"}`,
      ...(withoutFields(alternative) ? [] : schemaToSections(alternative)),
    ]);
  if (withoutFields(schema)) return [`${capitalise(typeOf(schema))}.${limitsOf(schema)}`];
  return [schemaToTable(schema)];
};

const withoutFields = ({ properties = {} }: JsonSchema): boolean => Object.keys(properties).length === 0;

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const schemaToRows = (
  { properties = {}, required = [] }: JsonSchema,
  prefix: string,
): readonly (readonly string[])[] =>
  Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const { default: fallback, description = "" } = field;
    const isRequired = required.includes(name);
    const meaning = [
      ...(description ? [description] : []),
      ...(limitsOf(field) ? [limitsOf(field).trim()] : []),
      ...(fallback === undefined ? [] : [`Default: \`${JSON.stringify(fallback)}\`.`]),
    ].join(" ");
    return [
      [`\`${path}\``, typeOf(field), isRequired ? "yes" : "no", meaning],
      ...nestedObjects(field, path).flatMap(([innerPath, inner]) => schemaToRows(inner, `${innerPath}.`)),
    ];
  });

/** Returns the objects whose fields are shown below the field. A list shows those of its items, as `field[]`. */
const nestedObjects = (field: JsonSchema, path: string): readonly (readonly [string, JsonSchema])[] => [
  ...(field.properties ? [[path, field] as const] : []),
  ...(field.items ? nestedObjects(field.items, `${path}[]`) : []),
  ...alternativesOf(field).flatMap((alternative) =>
    alternative === field ? [] : nestedObjects(alternative, path),
  ),
];

const alternativesOf = (schema: JsonSchema): readonly JsonSchema[] => {
  const { anyOf, oneOf } = schema;
  const alternatives = anyOf ?? oneOf;
  return alternatives ? alternatives.flatMap(alternativesOf) : [schema];
};

/** Returns the type of a value in words. A shared shape is a link. */
const typeOf = (schema: JsonSchema): string => {
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 1) return joinOr([...new Set(alternatives.map(typeOf))]);
  const [{ $ref, type, enum: choices, items, format, prefixItems, additionalProperties, ...rest } = schema] =
    alternatives;
  if ($ref) return shapeToLink($ref.slice(SHAPES.length));
  if ("const" in rest) return `\`${JSON.stringify(rest.const)}\``;
  if (choices) return joinOr(choices.map((choice) => `\`${JSON.stringify(choice)}\``));
  if (prefixItems) return `array of ${prefixItems.map(typeOf).join(", ")}`;
  if (items) return `array of ${typeOf(items)}`;
  if (typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0)
    return `object of ${typeOf(additionalProperties)}`;
  if (format) return FORMATS[format] ?? format;
  if (type === undefined) return "any JSON";
  return typeof type === "string" ? (TYPES[type] ?? type) : joinOr(type.map((name) => TYPES[name] ?? name));
};

const FORMATS: Readonly<Record<string, string>> = {
  uuid: "UUID",
  e164: "phone number (E.164)",
  date: "date",
  email: "email address",
  uri: "URL",
};
const TYPES: Readonly<Record<string, string>> = { null: "`null`" };

const joinOr = (choices: readonly string[]): string =>
  choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;

/** Returns a link to the section of a shared shape. */
const shapeToLink = (name: string): string => `[${name}](#the-shape-${name.toLowerCase()})`;

/** Returns the limits of a value as a sentence after a space; empty if it has none. */
const limitsOf = (schema: JsonSchema): string => {
  const limits = alternativesOf(schema).flatMap((alternative) => [
    ...rangeOf(alternative.minLength, alternative.maxLength, "characters"),
    ...rangeOf(alternative.minItems, alternative.maxItems, "items"),
    ...rangeOf(alternative.minimum, alternative.maximum, ""),
  ]);
  const all = [...new Set(limits)];
  return all.length === 0 ? "" : ` ${capitalise(all.join("; "))}.`;
};

const rangeOf = (min: number | undefined, max: number | undefined, unit: string): readonly string[] => {
  const show = (value: number): string => value.toLocaleString("en-GB");
  const suffix = unit === "" ? "" : ` ${unit}`;
  if (min === undefined && max === undefined) return [];
  if (min === max) return [`exactly ${show(min ?? 0)}${suffix}`];
  // That an integer is not negative, or a text not shorter than nothing, tells little.
  if (max === undefined) return min === 0 || min === undefined ? [] : [`at least ${show(min)}${suffix}`];
  if (min === undefined) return [`at most ${show(max)}${suffix}`];
  return [`${show(min)} to ${show(max)}${suffix}`];
};
