import type { SmsProvider } from "./sms.ts";

/** Shows messages on the developer's terminal. `write` gets whole lines. */
export const createConsoleSms = (write: (line: string) => void): SmsProvider => ({
  name: "console",
  send: async ({ to, code }) => write(`SMS to ${to}: ${code} is your EdVoyage code\n`),
});
