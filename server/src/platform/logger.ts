import { inspect } from "node:util";
import { pino, stdSerializers, type DestinationStream } from "pino";
import type { LogLevel } from "./config.ts";

/**
 * What a log line may hold; any other field is dropped. An allow-list, because a list of what to hide
 * misses the field that is added next year.
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

/** Writes structured lines. Never given a phone number, a code, a key or a text of a student. */
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

/** JSON lines on `destination` (standard error unless told: standard output belongs to the SMS console). */
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

/** A bug is logged whole: what it is, where, and why; but for what might be a secret in its words. */
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

/** Second line of defence, for words that a library put together: digits like a number or a code, and keys. */
const scrub = (value: unknown): unknown =>
  typeof value === "string"
    ? value.replaceAll(/[A-Za-z0-9_-]{40,}/g, "[key]").replaceAll(/\+?\d[\d\s().-]{4,}\d/g, "[number]")
    : value;
