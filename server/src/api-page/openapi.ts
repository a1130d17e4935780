import {
  REASON_STATUSES,
  SERVER_HEADER,
  SERVER_HEADER_VALUE,
  SESSION_HEADER,
  type Reason,
} from "@edvoyage/protocol";
import type { ApiDescription, DescribedProcedure } from "./api-description.ts";
import { SHAPES, type JsonSchema } from "./json-schema.ts";
import { reasonMeanings } from "./reasons.ts";

/** An OpenAPI document, or a part of it. */
export type Json = { readonly [key: string]: unknown };

const reasonNames = Object.keys(REASON_STATUSES).filter((name): name is Reason => name in REASON_STATUSES);

/** Builds the OpenAPI 3.1 document of the tRPC calls over HTTP. `version` is that of the server. */
export const createOpenApi = (api: ApiDescription, { version }: { readonly version: string }): Json => ({
  openapi: "3.1.0",
  info: {
    title: "EdVoyage",
    version,
    description:
      "tRPC 11 over HTTP with plain JSON. A query is a GET with its input as JSON in the query parameter `input`; a mutation is a POST with a JSON body.",
  },
  servers: [{ url: "/" }],
  tags: [...new Set(api.procedures.map(pathToFeature))].map((name) => ({ name })),
  paths: {
    ...Object.fromEntries(
      api.procedures.map((procedure) => [
        `/trpc/${procedure.path}`,
        { [procedure.type === "query" ? "get" : "post"]: procedureToOperation(procedure) },
      ]),
    ),
    ...plainRoutes,
  },
  components: {
    schemas: uniqueNames([
      ...Object.entries(api.shapes),
      ...api.procedures.flatMap(procedureToShapes),
      ["ErrorDetails", errorDetails],
      // Not `Error`, which is a type of its own in most languages.
      ["ApiError", errorShape(reasonNames)],
    ]),
    headers: {
      [SERVER_HEADER]: {
        description: "Tells an answer of this server from one of a proxy.",
        required: true,
        schema: { type: "string", const: SERVER_HEADER_VALUE },
      },
      "Retry-After": { description: "When to try again, in seconds.", schema: { type: "integer" } },
    },
    parameters: {
      session: {
        name: SESSION_HEADER,
        in: "header",
        required: false,
        description:
          "The id of the session that the caller believes in. A key of another session is refused with `forbidden`.",
        schema: { type: "string" },
      },
    },
    securitySchemes: {
      session: {
        type: "http",
        scheme: "bearer",
        description: "The `token` of `auth.verifyCode`, as `Authorization: Bearer <token>`.",
      },
      admin: {
        type: "http",
        scheme: "bearer",
        description: "The admin token of the server, as `Authorization: Bearer <token>`.",
      },
    },
  },
});

const pathToFeature = ({ path }: DescribedProcedure): string => path.split(".", 1)[0] ?? path;

/** `auth.requestCode` becomes `AuthRequestCode`. */
const pathToName = (path: string): string =>
  path
    .split(".")
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");

/** `auth.requestCode` becomes `authRequestCode`. */
const pathToOperationId = (path: string): string => {
  const name = pathToName(path);
  return name.charAt(0).toLowerCase() + name.slice(1);
};

/** Makes an object of shapes. Throws if two have the same name, such as the shape of an answer and the input of a procedure. */
const uniqueNames = (
  shapes: readonly (readonly [string, JsonSchema])[],
): Readonly<Record<string, JsonSchema>> => {
  const names = shapes.map(([name]) => name);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0) throw new Error(`Two shapes have the name ${repeated.join(", ")}`);
  return Object.fromEntries(shapes);
};

const ref = (name: string): JsonSchema => ({ $ref: `${SHAPES}${name}` });

/** The named shapes of one procedure: generators name their types after them. */
const procedureToShapes = ({ path, input, answer, reasons }: DescribedProcedure): [string, JsonSchema][] => {
  const name = pathToName(path);
  return [
    ...(input ? [[`${name}Input`, input.schema] satisfies [string, JsonSchema]] : []),
    ...(answer.$ref ? [] : [[`${name}Answer`, answer] satisfies [string, JsonSchema]]),
    [`${name}Error`, errorShape([...reasons.own, ...reasons.common])],
  ];
};

const procedureToOperation = (procedure: DescribedProcedure): Json => {
  const { path, type, access, summary, input } = procedure;
  const schema = ref(`${pathToName(path)}Input`);
  return {
    operationId: pathToOperationId(path),
    tags: [pathToFeature(procedure)],
    summary,
    security: access === "anyone" ? [] : [{ [access]: [] }],
    parameters: [
      ...(type === "query" && input ? [inputParameter(schema, input.isOptional)] : []),
      ...(access === "session" ? [{ $ref: "#/components/parameters/session" }] : []),
    ],
    ...(type === "mutation" && input
      ? { requestBody: { required: !input.isOptional, content: { "application/json": { schema } } } }
      : {}),
    // A POST without content-type: application/json is refused, also when there is no input.
    ...(type === "mutation" && !input
      ? { requestBody: { required: true, content: { "application/json": { schema: { type: "object" } } } } }
      : {}),
    responses: procedureToResponses(procedure),
  };
};

/**
 * A text that holds JSON. OpenAPI could also say `content: application/json` instead of a schema, but generated clients then
 * send `[object Object]`.
 */
const inputParameter = (schema: JsonSchema, isOptional: boolean): Json => ({
  name: "input",
  in: "query",
  required: !isOptional,
  description: `The input as JSON: an encoded \`${schema.$ref?.slice(SHAPES.length) ?? "object"}\`.`,
  schema: { type: "string", contentMediaType: "application/json", contentSchema: schema },
});

const answerHeaders: Json = { [SERVER_HEADER]: { $ref: `#/components/headers/${SERVER_HEADER}` } };

const procedureToResponses = ({ path, answer, reasons }: DescribedProcedure): Json => {
  const name = pathToName(path);
  const data = answer.$ref ? answer : ref(`${name}Answer`);
  const all = [...reasons.own, ...reasons.common];
  const statuses = [...new Set(all.map((reason) => REASON_STATUSES[reason]))].sort(
    (one, other) => one - other,
  );
  return {
    "200": {
      description: "The answer.",
      headers: answerHeaders,
      content: {
        "application/json": {
          schema: object({ result: object({ data }) }),
        },
      },
    },
    ...Object.fromEntries(
      statuses.map((status) => {
        const named = all.filter((reason) => REASON_STATUSES[reason] === status);
        const hasWait = named.some((reason) => "retryAfterSeconds" in (reasonMeanings[reason].details ?? {}));
        return [
          String(status),
          {
            description: named.map((reason) => `\`${reason}\``).join(", "),
            headers: hasWait
              ? { ...answerHeaders, "Retry-After": { $ref: "#/components/headers/Retry-After" } }
              : answerHeaders,
            content: { "application/json": { schema: ref(`${name}Error`) } },
          },
        ];
      }),
    ),
    default: {
      description: "A bug of the server, without a reason, or a fault of the request itself.",
      headers: answerHeaders,
      content: { "application/json": { schema: ref("ApiError") } },
    },
  };
};

const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
});

const errorShape = (reasons: readonly Reason[]): JsonSchema =>
  object({
    error: object({
      message: { type: "string", description: "A sentence for developers. It may change." },
      code: { type: "integer", description: "tRPC's number for the error." },
      data: {
        type: "object",
        properties: {
          code: { type: "string", description: "tRPC's name for the error." },
          httpStatus: { type: "integer" },
          path: { type: "string", description: "The procedure." },
          reason: { type: "string", enum: reasons, description: "Why. Absent if the server has a bug." },
          details: ref("ErrorDetails"),
        },
        required: ["code", "httpStatus", "details"],
      },
    }),
  });

/** All fields of all details: each reason has its own. */
const errorDetails: JsonSchema = {
  type: "object",
  description: "The facts of the reason. The API page lists the fields of each reason.",
  properties: Object.assign({}, ...reasonNames.map((reason) => reasonMeanings[reason].details ?? {})),
};

const plainRoute = (operationId: string, summary: string, responses: Json): Json => ({
  get: { operationId, tags: ["operation"], summary, security: [], responses },
});
const statusAnswer = (description: string): Json => ({
  description,
  headers: answerHeaders,
  content: { "application/json": { schema: object({ status: { type: "string" } }) } },
});

/** The routes beside the procedures. */
const plainRoutes: Json = {
  "/healthz": plainRoute("healthz", "Says that the process runs.", { "200": statusAnswer("It runs.") }),
  "/readyz": plainRoute("readyz", "Says whether the database accepts writes.", {
    "200": statusAnswer("It does."),
    "503": {
      ...statusAnswer("It does not."),
      headers: { ...answerHeaders, "Retry-After": { $ref: "#/components/headers/Retry-After" } },
    },
  }),
  "/metrics": plainRoute("metrics", "Returns metrics for Prometheus.", {
    "200": {
      description: "Metrics in the text format of Prometheus.",
      headers: answerHeaders,
      content: { "text/plain": { schema: { type: "string" } } },
    },
  }),
  "/openapi.json": plainRoute("openapi", "Returns this document.", {
    "200": {
      description: "An OpenAPI 3.1 document.",
      headers: answerHeaders,
      content: { "application/json": { schema: { type: "object" } } },
    },
    "304": { description: "It is the one that `If-None-Match` names.", headers: answerHeaders },
  }),
};
