import { answerSchemas } from "@edvoyage/protocol/answer-schemas";
import type { Reason } from "@edvoyage/protocol";
import { z } from "zod";
import { commonReasons, type ProcedureEntry } from "../http/procedure-access.ts";
import type { Access } from "../http/trpc.ts";
import { fieldMeanings } from "./field-meanings.ts";
import {
  answerToSchema,
  describeFields,
  inputToSchema,
  isOptionalInput,
  type JsonSchema,
} from "./json-schema.ts";
import { summaries } from "./summaries.ts";

/** The API as the page and the OpenAPI document show it. */
export interface ApiDescription {
  readonly procedures: readonly DescribedProcedure[];
  /** The shapes that several answers share, by their names, in alphabetical order. */
  readonly shapes: Readonly<Record<string, JsonSchema>>;
}

/** A procedure with everything that a caller needs to know. */
export interface DescribedProcedure {
  readonly path: string;
  readonly type: "query" | "mutation";
  readonly access: Access;
  readonly summary: string;
  /** `undefined` if it takes no input. */
  readonly input: { readonly schema: JsonSchema; readonly isOptional: boolean } | undefined;
  readonly answer: JsonSchema;
  /** The reasons of the procedure itself, and those of every procedure of its kind. */
  readonly reasons: { readonly own: readonly Reason[]; readonly common: readonly Reason[] };
}

/**
 * Describes every procedure. Throws for a procedure without a summary or an answer, a field without a meaning, and a summary
 * of no procedure.
 */
export const createApiDescription = (entries: readonly ProcedureEntry[]): ApiDescription => {
  const shapes = new Map<string, JsonSchema>();
  const procedures = entries.map((entry) => describeProcedure(entry, shapes));
  const unknown = Object.keys(summaries).filter((path) => !entries.some((entry) => entry.path === path));
  if (unknown.length > 0) throw new Error(`There is no procedure ${unknown.join(", ")}, only its summary`);
  return {
    procedures,
    shapes: Object.fromEntries([...shapes].sort(([first], [second]) => (first < second ? -1 : 1))),
  };
};

const describeProcedure = (entry: ProcedureEntry, shapes: Map<string, JsonSchema>): DescribedProcedure => {
  const { path, type, access, reasons } = entry;
  const summary = summaries[path];
  if (summary === undefined) throw new Error(`${path} needs a line in server/src/api-page/summaries.ts`);
  if (type === "subscription") throw new Error(`${path} is a subscription, which the page cannot describe`);
  const common = commonReasons(entry);
  return {
    path,
    type,
    access,
    summary,
    input: describeInput(entry),
    answer: describeAnswer(path, shapes),
    reasons: { own: reasons, common: common.filter((reason) => !reasons.includes(reason)) },
  };
};

const describeInput = ({ path, inputs }: ProcedureEntry): DescribedProcedure["input"] => {
  const [input, ...more] = inputs;
  if (input === undefined) return undefined;
  if (!(input instanceof z.ZodType) || more.length > 0)
    throw new Error(`${path} needs one zod schema as its input`);
  const meaningOf = (field: string): string => {
    const meaning = fieldMeanings[`${path}: ${field}`] ?? fieldMeanings[field];
    if (meaning !== undefined) return meaning;
    throw new Error(`The field ${field} of ${path} needs a line in server/src/api-page/field-meanings.ts`);
  };
  return { schema: describeFields(inputToSchema(input), meaningOf), isOptional: isOptionalInput(input) };
};

const answers: Readonly<Record<string, z.ZodType>> = answerSchemas;

const describeAnswer = (path: string, shapes: Map<string, JsonSchema>): JsonSchema => {
  const answer = answers[path];
  if (answer === undefined)
    throw new Error(`${path} needs the schema of its answer in protocol/src/answer-schemas`);
  const { schema, shapes: found } = answerToSchema(answer);
  for (const [name, shape] of Object.entries(found)) {
    const known = shapes.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(shape))
      throw new Error(`Two shapes have the id ${name}`);
    shapes.set(name, shape);
  }
  return schema;
};
