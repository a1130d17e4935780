import type { z } from "zod";

/** A type without `readonly` and with merged intersections, so that two spellings of one shape are the same type. */
export type Plain<Type> = Type extends string | number | boolean | null | undefined
  ? Type
  : Type extends object
    ? { -readonly [Field in keyof Type]: Plain<Type[Field]> }
    : Type;

/** `true` if both types have exactly the same fields, optional ones alike, with exactly the same types. */
export type IsSame<One, Other> =
  (<Type>() => Type extends Plain<One> ? 1 : 2) extends <Type>() => Type extends Plain<Other> ? 1 : 2
    ? true
    : false;

/** The type of a schema that gives another shape than it should. No schema has this type. */
interface Mismatch<Expected> {
  readonly schemaGivesAnotherShapeThan: Expected;
}

/**
 * Ties a schema to the interface of an answer. It compiles only if the schema gives exactly that interface: no field more or
 * less, none optional instead of required, and no wider or narrower type.
 */
export const answerOf =
  <Shape>() =>
  <Schema extends z.ZodType>(
    schema: Schema & (IsSame<z.output<Schema>, Shape> extends true ? unknown : Mismatch<Shape>),
  ): Schema =>
    schema;
