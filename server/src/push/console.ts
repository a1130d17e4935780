import { PUSH_PROVIDERS } from "@edvoyage/protocol";
import type { PushProvider } from "./provider.ts";

/** Shows pushes on the developer's terminal. `write` gets whole lines. */
export const createConsolePush = (write: (line: string) => void): PushProvider => ({
  name: "log",
  batchSize: 100,
  serves: PUSH_PROVIDERS,
  send: async (messages) =>
    messages.map(({ platform, title, body }) => {
      write(`Push to ${platform}: ${JSON.stringify(title)} ${JSON.stringify(body)}\n`);
      return { state: "taken" };
    }),
});
