import type { InputIssue } from "../answers.ts";

/** A check of an input. It returns the faults of a value, each with its path, which starts with `path`. */
export type Check = (value: unknown, path?: string) => readonly InputIssue[];

/** Creates a check of a text from a rule that returns what is wrong with it. */
export const textCheck =
  (faultOf: (text: string) => string | undefined): Check =>
  (value, path = "") => {
    const message = typeof value === "string" ? faultOf(value) : "Must be a text";
    return message === undefined ? [] : [{ path, message }];
  };

/** Creates a check that the value is one of several. */
export const oneOf =
  (values: readonly unknown[]): Check =>
  (value, path = "") =>
    values.includes(value) ? [] : [{ path, message: `Must be one of ${values.join(", ")}` }];

/** Creates a check that also accepts `null` and a missing value. */
export const optional =
  (check: Check): Check =>
  (value, path) =>
    value === undefined || value === null ? [] : check(value, path);

/** Creates a check of a list and of each item. */
export const listOf =
  (
    check: Check,
    { max, isDistinct = false }: { readonly max: number; readonly isDistinct?: boolean },
  ): Check =>
  (value, path = "") => {
    if (!Array.isArray(value)) return [{ path, message: "Must be a list" }];
    if (value.length > max) return [{ path, message: `Has more than ${max} items` }];
    if (isDistinct && new Set(value).size < value.length) return [{ path, message: "Names an item twice" }];
    return value.flatMap((item: unknown, place) => check(item, join(path, String(place))));
  };

/** Creates a check of an object, field by field. Other fields are not checked. */
export const fieldsOf =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, path = "") => {
    if (typeof value !== "object" || value === null) return [{ path, message: "Must be an object" }];
    const fields: Readonly<Record<string, unknown>> = { ...value };
    return Object.entries(checks).flatMap(([name, check]) => check(fields[name], join(path, name)));
  };

/** Creates a check that a field of an object fails if a rule about the whole object does. It runs after the check of the fields. */
export const withRule =
  <Input>(
    check: Check,
    {
      isValid,
      field,
      message,
    }: {
      readonly isValid: (input: Input) => boolean;
      readonly field: string;
      readonly message: string;
    },
  ): Check =>
  (value, path = "") => {
    const issues = check(value, path);
    // The check of the fields has just established the type.
    return issues.length > 0 || isValid(value as Input) ? issues : [{ path: join(path, field), message }];
  };

const join = (path: string, name: string): string => [path, name].filter((part) => part !== "").join(".");
