import type { Reason, ReasonDetails } from "@edvoyage/protocol";
import type { JsonSchema } from "./json-schema.ts";

/** A reason for the pages: when the server gives it, and the fields of its details. */
export type ReasonMeaning<R extends Reason = Reason> = {
  readonly meaning: string;
} & (R extends keyof ReasonDetails
  ? { readonly details: { readonly [Field in keyof ReasonDetails[R]]-?: JsonSchema } }
  : { readonly details?: never });

const retryAfterSeconds: JsonSchema = {
  type: "integer",
  minimum: 0,
  description: "When to try again, in whole seconds, rounded up. The header `Retry-After` says the same.",
};
const attemptsRemaining: JsonSchema = {
  type: "integer",
  minimum: 0,
  description: "How many codes may still be tried before the device is blocked.",
};

/** The meaning of every reason, and its details. The compiler demands exactly the fields of `ReasonDetails`. */
export const reasonMeanings: { readonly [R in Reason]: ReasonMeaning<R> } = {
  "otp/incorrect": { meaning: "The code is wrong.", details: { attemptsRemaining } },
  "otp/blocked": {
    meaning:
      "Too many wrong codes from this device for this number. Neither a new request nor the right code helps before the block ends.",
    details: {
      blockedUntil: {
        type: "integer",
        description: "When the block ends, in epoch milliseconds of the server's clock.",
      },
      retryAfterSeconds,
      attemptsRemaining,
    },
  },
  "otp/expired": {
    meaning: "The challenge has expired, was used already, or is not known. Request a new code.",
  },
  "otp/throttled": {
    meaning: "Too many codes were sent or tried. See [sign-in](sign-in.md) for the limits.",
    details: { retryAfterSeconds },
  },
  "phone/invalid": { meaning: "The text is not a phone number that can receive an SMS." },
  "phone/country-not-served": { meaning: "This server does not serve the country of the number." },
  "sms/failed": { meaning: "The SMS provider did not accept the message.", details: { retryAfterSeconds } },
  "session/required": {
    meaning:
      "The call carries no session key, or a text that cannot be one. Sign in. A device that sent its key keeps it: the key was lost on the way.",
  },
  "session/unknown": { meaning: "The key belongs to no session of this server. Sign in." },
  "session/expired": {
    meaning:
      "The session is over: it was not used for too long, or an admin or a newer sign-in ended it. Sign in again.",
  },
  "session/revoked": { meaning: "The session was signed out, on this or another device. Sign in again." },
  "session/not-fresh": { meaning: "The call needs a sign-in that is at most five minutes old." },
  "input/invalid": {
    meaning:
      "The input does not have the shape of the procedure. The status is 405 for the wrong HTTP method, and 415 for a body that is not JSON.",
    details: {
      issues: {
        type: "array",
        description: "The faults of the input. They never repeat its values.",
        items: {
          type: "object",
          properties: {
            path: { type: "string", description: "The place of the fault, such as `entries.3.name`." },
            message: { type: "string" },
          },
          required: ["path", "message"],
        },
      },
    },
  },
  "not-found": { meaning: "There is no such thing, or the caller may not see it." },
  forbidden: {
    meaning:
      "The caller may see this, but not do it. Also: the key does not belong to the session of the `x-edvoyage-session` header, or the call needs the admin token.",
  },
  conflict: {
    meaning: "Something has changed in the meantime, or exists already.",
    details: {
      application: {
        type: "object",
        description: "For applications: the application as it is now.",
      },
      fields: {
        type: "array",
        items: { type: "string" },
        description: "For `applications.update`: the fields that were changed in the meantime.",
      },
    },
  },
  "limit/reached": {
    meaning: "A limit is reached. Waiting does not help. The status is 413 for a request that is too large.",
    details: { limit: { type: "string", description: "The name of the limit, such as `contacts`." } },
  },
  "rate/limited": { meaning: "Too many calls.", details: { retryAfterSeconds } },
  "storage/full": { meaning: "The disk of the server is full.", details: { retryAfterSeconds } },
  "server/unavailable": {
    meaning:
      "The server cannot reach its database. It may have carried out the call: repeat it with the same `commandId`.",
    details: { retryAfterSeconds },
  },
};
