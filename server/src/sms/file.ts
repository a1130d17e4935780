import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { SmsProvider } from "./sms.ts";

/** Appends messages to a file of JSON lines `{to, text, code, at}`, for development and tests. */
export const createFileSms = (path: string): SmsProvider => ({
  name: "file",
  send: async ({ to, text, code, at }) => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await appendFile(path, `${JSON.stringify({ to, text, code, at })}\n`, { mode: 0o600 });
  },
});
