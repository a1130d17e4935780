import { PUSH_PROVIDERS } from "@edvoyage/protocol";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { PushProvider } from "./provider.ts";

/** Appends pushes to a file of JSON lines, for development and tests. */
export const createFilePush = (path: string): PushProvider => ({
  name: "file",
  batchSize: 100,
  serves: PUSH_PROVIDERS,
  send: async (messages) => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const lines = messages.map((message) => `${JSON.stringify(message)}\n`);
    await appendFile(path, lines.join(""), { mode: 0o600 });
    return messages.map(() => ({ state: "taken" }));
  },
});
