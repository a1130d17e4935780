import { expect } from "vitest";
import { ConfigError, parseConfig } from "./config.ts";

/** A secret that production accepts. */
export const SECRET = "kZ8wq3vT1xLr6NpYb0JdFhSgUmCeAi27RoQt";

/** An admin token that production accepts. */
export const ADMIN_TOKEN = "P5dLw9cXa2VuGz7HsKn4EjBy1MfTqRi8OoWb";

/** The settings of the SMS webhook. */
export const WEBHOOK = {
  EDVOYAGE_SMS: "webhook",
  EDVOYAGE_SMS_WEBHOOK_URL: "https://sms.example.org/send",
  EDVOYAGE_SMS_WEBHOOK_SECRET: "wJ4nHc6Rk0",
};

/** The settings of Twilio. */
export const TWILIO = {
  EDVOYAGE_SMS: "twilio",
  TWILIO_ACCOUNT_SID: `AC${"0a1b2c3d".repeat(4)}`,
  TWILIO_AUTH_TOKEN: "f6e5d4c3".repeat(4),
  TWILIO_FROM: "+15005550006",
};

/** The smallest environment of a server in production. */
export const PRODUCTION = {
  ...WEBHOOK,
  EDVOYAGE_ENV: "production",
  EDVOYAGE_SECRET: SECRET,
  EDVOYAGE_ADMIN_TOKEN: ADMIN_TOKEN,
};

/** The variables of an environment. */
export type Environment = Parameters<typeof parseConfig>[0];

/** Returns the message that an admin reads when the server rejects an environment. */
export const messageFor = (environment: Environment): string => {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return expect.fail("the environment was accepted");
};
