import { inspect } from "node:util";
import { pino, stdSerializers, type DestinationStream } from "pino";
import type { LogLevel } from "./config.ts";

/**
 * The fields that a line may hold; any other field is dropped. This is an allow-list: a deny-list would
 * miss a field that is added later.
 */
export interface LogFields {
  readonly procedure?: string;
  readonly reason?: string;
  readonly httpStatus?: number;
  readonly durationMs?: number;
  readonly requestId?: string;
  readonly url?: string;
  readonly provider?: string;
  readonly outcome?: string;
  readonly count?: number;
  readonly signal?: string;
  readonly error?: unknown;
}

/** Writes structured lines. Never pass it a phone number, a code, a key or a text that a student wrote. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

const ALLOWED: ReadonlySet<string> = new Set<keyof LogFields>([
  "procedure",
  "reason",
  "httpStatus",
  "durationMs",
  "requestId",
  "url",
  "provider",
  "outcome",
  "count",
  "signal",
  "error",
]);

/**
 * Creates a logger that writes JSON lines. Default destination: standard error, because the SMS console uses standard
 * output.
 */
export const createLogger = (level: LogLevel, destination: DestinationStream = pino.destination(2)): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: keepAllowed },
    },
    destination,
  );

const keepAllowed = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => ALLOWED.has(name))
      .map(([name, value]) => [name, name === "error" ? errorToFields(value, 0) : value]),
  );

const MAX_CAUSES = 4;

/**
 * Converts an error, with its stack and its causes, to fields. Removes everything that may be a secret from its texts.
 */
const errorToFields = (error: unknown, depth: number): unknown => {
  if (!(error instanceof Error)) return scrub(typeof error === "string" ? error : inspect(error));
  const { type, message, stack } = stdSerializers.errWithCause(error);
  const code = "code" in error ? scrub(String(error.code)) : undefined;
  const cause =
    error.cause !== undefined && depth < MAX_CAUSES ? errorToFields(error.cause, depth + 1) : undefined;
  return {
    type,
    message: scrub(message),
    stack: scrub(stack),
    ...(code ? { code } : {}),
    ...(cause ? { cause } : {}),
  };
};

/** Replaces digits that look like a phone number or a code, and keys: a second line of defence for texts of libraries. */
const scrub = (value: unknown): unknown =>
  typeof value === "string"
    ? value.replaceAll(/[A-Za-z0-9_-]{40,}/g, "[key]").replaceAll(/\+?\d[\d\s().-]{4,}\d/g, "[number]")
    : value;
