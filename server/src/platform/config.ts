import { defaultLimits, type LimitName, type Limits } from "@edvoyage/protocol";
import { createPrivateKey } from "node:crypto";
import { join, resolve } from "node:path";
import { z } from "zod";
import { isAddressOrRange } from "../http/client-address.ts";
import { isPhoneCountry } from "../numbers/phone.ts";
import type { ExpoConfig } from "../push/expo.ts";
import type { FcmConfig } from "../push/fcm.ts";
import { codeToText, MAX_SMS_BYTES } from "../sms/sms.ts";
import type { TwilioConfig } from "../sms/twilio.ts";

/** The server's configuration, read from environment variables and checked. */
export interface Config {
  readonly env: "development" | "production";
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** `undefined` only in development: the server then reads the secret from the data folder, or creates it there. */
  readonly secret: string | undefined;
  readonly adminToken: string | undefined;
  readonly sms: SmsConfig;
  readonly push: PushConfig;
  /** Exact origins. `localhost` allows every port of this machine. Default: none in production, `localhost` otherwise. */
  readonly allowedOrigins: readonly string[] | "localhost";
  /** Addresses and CIDR ranges whose `x-forwarded-for` header is trusted. Default: none. */
  readonly trustedProxies: readonly string[];
  /** ISO 3166-1 alpha-2; `undefined` serves every country. */
  readonly countries: ReadonlySet<string> | undefined;
  readonly logLevel: LogLevel;
  readonly seed: "demo" | "none";
  readonly limits: Limits;
}

export type LogLevel = (typeof LOG_LEVELS)[number];

/** The provider that delivers sign-in codes, and what their text contains. */
export type SmsConfig = { readonly domain: string; readonly appHash: string | undefined } & (
  | { readonly provider: "console" }
  | { readonly provider: "file"; readonly path: string }
  | { readonly provider: "webhook"; readonly url: string; readonly secret: string }
  | ({ readonly provider: "twilio" } & TwilioConfig)
);

/**
 * The provider that delivers pushes. Default: `none` in production, `log` otherwise; `log` and `file` reach no device.
 */
export type PushConfig =
  | { readonly provider: "none" | "log" }
  | { readonly provider: "file"; readonly path: string }
  | ({ readonly provider: "expo" } & ExpoConfig)
  | ({ readonly provider: "fcm" } & FcmConfig);

/** Thrown for an environment variable that the server cannot run with. The message is one line for an admin. */
export class ConfigError extends Error {
  constructor(message: string) {
    // The message may repeat a value with line breaks.
    super(message.replaceAll(/[\s\p{Cc}]+/gu, " "));
    this.name = "ConfigError";
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
const MIN_SECRET_CHARACTERS = 32;
const PLACEHOLDER =
  /change.?me|default|example|placeholder|insecure|development|your.?secret|^(secret|password|edvoyage|test)+$/i;
/** The 11 characters at the end of a message by which Android's SMS Retriever finds the app. */
const APP_HASH = /^[A-Za-z0-9+/]{11}$/;
const TWILIO_ACCOUNT_SID = /^AC[0-9a-fA-F]{32}$/;
const TWILIO_AUTH_TOKEN = /^[0-9a-f]{32}$/i;
/**
 * E.164, a messaging service, or an alphanumeric sender
 * (https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id).
 */
const TWILIO_FROM = /^(\+[1-9]\d{6,14}|MG[0-9a-fA-F]{32}|(?=.*[A-Za-z])[A-Za-z\d +\-_&]{1,11})$/;
const HOSTNAME = /^(?=.{1,100}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** Reads the configuration from environment variables. Throws `ConfigError` for the first invalid one. */
export const parseConfig = (environment: Environment): Config => {
  const env = oneOf(environment, "EDVOYAGE_ENV", ["development", "production"], "development");
  const isProduction = env === "production";
  const dataDir = resolve(textOf(environment, "EDVOYAGE_DATA_DIR") ?? "./data");
  return {
    env,
    host: textOf(environment, "EDVOYAGE_HOST") ?? "127.0.0.1",
    port: parsePort(environment),
    dataDir,
    databaseUrl: parseDatabaseUrl(environment, dataDir),
    secret: parseSecret(environment, "EDVOYAGE_SECRET", isProduction),
    adminToken: parseSecret(environment, "EDVOYAGE_ADMIN_TOKEN", isProduction),
    sms: parseSms(environment, { isProduction, dataDir }),
    push: parsePush(environment, { isProduction, dataDir }),
    allowedOrigins: parseOrigins(environment) ?? (isProduction ? [] : "localhost"),
    trustedProxies: listOf(
      environment,
      "EDVOYAGE_TRUSTED_PROXIES",
      isAddressOrRange,
      "IP addresses or CIDR ranges",
    ),
    countries: parseCountries(environment),
    logLevel: oneOf(environment, "EDVOYAGE_LOG_LEVEL", LOG_LEVELS, "info"),
    seed: oneOf(environment, "EDVOYAGE_SEED", ["demo", "none"], isProduction ? "none" : "demo"),
    limits: parseLimits(environment),
  };
};

const textOf = (environment: Environment, name: string): string | undefined =>
  environment[name]?.trim() || undefined;

const oneOf = <const Choice extends string>(
  environment: Environment,
  name: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice => {
  const text = textOf(environment, name) ?? fallback;
  const choice = choices.find((candidate) => candidate === text);
  if (!choice) throw new ConfigError(`${name} is "${text}" and must be one of ${choices.join(", ")}`);
  return choice;
};

const listOf = (
  environment: Environment,
  name: string,
  isGood: (entry: string) => boolean,
  expected: string,
): string[] => {
  const entries = (textOf(environment, name) ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
  const bad = entries.find((entry) => !isGood(entry));
  if (bad) throw new ConfigError(`${name} has "${bad}" and must be ${expected}, separated by commas`);
  return entries;
};

const parsePort = (environment: Environment): number => {
  const text = textOf(environment, "EDVOYAGE_PORT") ?? "4000";
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new ConfigError(`EDVOYAGE_PORT is "${text}" and must be a number from 0 (any free port) to 65535`);
};

const parseDatabaseUrl = (environment: Environment, dataDir: string): string => {
  const url = textOf(environment, "EDVOYAGE_DATABASE_URL");
  if (!url) return `sqlite:${join(dataDir, "edvoyage.sqlite")}`;
  if (/^postgres(ql)?:\/\/./.test(url)) return url;
  // Never repeat the URL: it may hold a password.
  if (!/^sqlite:./.test(url))
    throw new ConfigError("EDVOYAGE_DATABASE_URL must start with sqlite: or postgres://");
  return `sqlite:${resolve(url.slice("sqlite:".length))}`;
};

const parseSecret = (environment: Environment, name: string, isProduction: boolean): string | undefined => {
  const secret = textOf(environment, name);
  if (!isProduction) return secret;
  if (!secret)
    throw new ConfigError(
      `${name} is missing: production needs one, for example from "openssl rand -base64 32"`,
    );
  if (PLACEHOLDER.test(secret))
    throw new ConfigError(
      `${name} looks like a default value: generate your own with "openssl rand -base64 32"`,
    );
  if (secret.length < MIN_SECRET_CHARACTERS) {
    throw new ConfigError(
      `${name} is too short: it needs ${MIN_SECRET_CHARACTERS} characters, for example from "openssl rand -base64 32"`,
    );
  }
  return secret;
};

const parseSms = (
  environment: Environment,
  { isProduction, dataDir }: { isProduction: boolean; dataDir: string },
): SmsConfig => {
  const provider = oneOf(environment, "EDVOYAGE_SMS", ["console", "file", "webhook", "twilio"], "console");
  if (isProduction && (provider === "console" || provider === "file")) {
    throw new ConfigError(
      `EDVOYAGE_SMS is "${provider}", which shows codes to anyone who can read its output: production needs twilio or webhook`,
    );
  }
  const wording = parseWording(environment);
  switch (provider) {
    case "console":
      return { ...wording, provider };
    case "file":
      return {
        ...wording,
        provider,
        path: resolve(textOf(environment, "EDVOYAGE_SMS_FILE") ?? join(dataDir, "sms.jsonl")),
      };
    case "webhook": {
      const url = textOf(environment, "EDVOYAGE_SMS_WEBHOOK_URL");
      if (!url || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
        throw new ConfigError("EDVOYAGE_SMS_WEBHOOK_URL must be an http(s) URL when EDVOYAGE_SMS is webhook");
      }
      const secret = textOf(environment, "EDVOYAGE_SMS_WEBHOOK_SECRET");
      if (!secret)
        throw new ConfigError("EDVOYAGE_SMS_WEBHOOK_SECRET is missing: the server signs messages with it");
      return { ...wording, provider, url, secret };
    }
    case "twilio":
      return { ...wording, provider, ...parseTwilio(environment) };
  }
};

/**
 * Never repeats an invalid value: an admin may have pasted a key in place of an id, and a sender may be a phone number.
 */
const parseTwilio = (environment: Environment): TwilioConfig => {
  const required = (name: string, shape: RegExp, expected: string): string => {
    const text = textOf(environment, name);
    if (text && shape.test(text)) return text;
    const fault = text ? "must be" : "is missing when EDVOYAGE_SMS is twilio:";
    throw new ConfigError(`${name} ${fault} ${expected}`);
  };
  return {
    accountSid: required("TWILIO_ACCOUNT_SID", TWILIO_ACCOUNT_SID, "AC and 32 hexadecimal digits"),
    authToken: required(
      "TWILIO_AUTH_TOKEN",
      TWILIO_AUTH_TOKEN,
      "the account's token of 32 hexadecimal digits",
    ),
    from: required(
      "TWILIO_FROM",
      TWILIO_FROM,
      "a number such as +447400123456, a sender of at most 11 letters and digits, or the MG… SID of a messaging service",
    ),
  };
};

const parseWording = (environment: Environment): { domain: string; appHash: string | undefined } => {
  const domain = textOf(environment, "EDVOYAGE_SMS_DOMAIN") ?? "edvoyage.app";
  if (!HOSTNAME.test(domain))
    throw new ConfigError(`EDVOYAGE_SMS_DOMAIN is "${domain}" and must be a host name`);
  const appHash = textOf(environment, "EDVOYAGE_SMS_APP_HASH");
  if (appHash && !APP_HASH.test(appHash)) {
    throw new ConfigError(
      "EDVOYAGE_SMS_APP_HASH must be the app's hash of 11 characters for Android's SMS Retriever",
    );
  }
  const sizeBytes = Buffer.byteLength(codeToText("88888888", { domain, appHash }));
  if (sizeBytes > MAX_SMS_BYTES) {
    throw new ConfigError(
      `EDVOYAGE_SMS_DOMAIN is too long: a message would take ${sizeBytes} of ${MAX_SMS_BYTES} bytes`,
    );
  }
  return { domain, appHash };
};

const parsePush = (
  environment: Environment,
  { isProduction, dataDir }: { readonly isProduction: boolean; readonly dataDir: string },
): PushConfig => {
  const choices = ["none", "log", "file", "expo", "fcm"] as const;
  const provider = oneOf(environment, "EDVOYAGE_PUSH", choices, isProduction ? "none" : "log");
  if (isProduction && (provider === "log" || provider === "file")) {
    throw new ConfigError(
      `EDVOYAGE_PUSH is "${provider}", which shows pushes to anyone who can read its output: production needs expo, fcm or none`,
    );
  }
  switch (provider) {
    case "none":
    case "log":
      return { provider };
    case "file":
      return {
        provider,
        path: resolve(textOf(environment, "EDVOYAGE_PUSH_FILE") ?? join(dataDir, "push.jsonl")),
      };
    case "expo":
      return {
        provider,
        url: parseServiceUrl(environment, "EDVOYAGE_EXPO_URL", "https://exp.host"),
        accessToken: textOf(environment, "EXPO_ACCESS_TOKEN"),
      };
    case "fcm":
      return {
        provider,
        url: parseServiceUrl(environment, "EDVOYAGE_FCM_URL", "https://fcm.googleapis.com"),
        ...parseServiceAccount(environment),
      };
  }
};

/** Parses a service account key in Google's format: JSON with `project_id`, `client_email` and `private_key`. */
const parseServiceAccount = (environment: Environment): Omit<FcmConfig, "url"> => {
  const name = "FCM_SERVICE_ACCOUNT";
  const text = textOf(environment, name);
  if (!text)
    throw new ConfigError(`${name} is missing: it must be the JSON key of a service account of the project`);
  try {
    const {
      project_id: projectId,
      client_email: clientEmail,
      private_key: privateKey,
      token_uri,
    } = serviceAccount.parse(JSON.parse(text));
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType !== "rsa") throw new ConfigError("Not an RSA key");
    const tokenUrl = parseServiceUrl({ token_uri }, "token_uri", "https://oauth2.googleapis.com/token");
    return { projectId, clientEmail, privateKey: key, tokenUrl };
  } catch {
    // Never repeat any of it: it is a key.
    throw new ConfigError(
      `${name} must be the JSON key of a service account: project_id, client_email and an RSA private_key`,
    );
  }
};

const serviceAccount = z.object({
  project_id: z.string().regex(/^[a-z0-9:.-]+$/),
  client_email: z.string().min(3),
  private_key: z.string(),
  token_uri: z.string().optional(),
});

/** Requires HTTPS, because keys are sent to the URL. Only a service on this machine may use HTTP. */
const parseServiceUrl = (environment: Environment, name: string, fallback: string): string => {
  const text = textOf(environment, name) ?? fallback;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url?.hostname === "127.0.0.1" || url?.hostname === "localhost";
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback))
    return text.replace(/\/+$/, "");
  throw new ConfigError(`${name} must be an https URL (http only on this machine)`);
};

const parseOrigins = (environment: Environment): string[] | undefined => {
  if (textOf(environment, "EDVOYAGE_ALLOWED_ORIGINS") === undefined) return undefined;
  const isOrigin = (entry: string): boolean => URL.canParse(entry) && new URL(entry).origin === entry;
  return listOf(environment, "EDVOYAGE_ALLOWED_ORIGINS", isOrigin, "origins such as https://app.example.org");
};

const parseCountries = (environment: Environment): ReadonlySet<string> | undefined => {
  const countries = listOf(
    environment,
    "EDVOYAGE_COUNTRIES",
    isPhoneCountry,
    "ISO 3166-1 codes such as IN,GB",
  );
  return countries.length > 0 ? new Set(countries) : undefined;
};

const parseLimits = (environment: Environment): Limits => {
  const text = textOf(environment, "EDVOYAGE_LIMITS") ?? "{}";
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new ConfigError("EDVOYAGE_LIMITS is not valid JSON");
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ConfigError('EDVOYAGE_LIMITS must be a JSON object such as {"sessionsPerUser": 5}');
  }
  for (const [name, value] of Object.entries(given)) {
    if (!isLimitName(name)) throw new ConfigError(`EDVOYAGE_LIMITS has "${name}", which is not a limit`);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new ConfigError(
        `EDVOYAGE_LIMITS has ${name} = ${JSON.stringify(value)}, which must be a whole number of at least 1`,
      );
    }
  }
  const cap = textOf(environment, "EDVOYAGE_SMS_HOURLY_CAP");
  if (cap !== undefined && !/^[1-9]\d{0,8}$/.test(cap)) {
    throw new ConfigError(`EDVOYAGE_SMS_HOURLY_CAP is "${cap}" and must be a whole number of at least 1`);
  }
  return { ...defaultLimits, ...given, ...(cap === undefined ? {} : { sendsPerHour: Number(cap) }) };
};

const isLimitName = (name: string): name is LimitName => Object.hasOwn(defaultLimits, name);
