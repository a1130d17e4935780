// An app in a separate process that kills itself at a chosen step: `node app-process.js <options as JSON>`.
import { writeSync } from "node:fs";
import { createClient, type StorageAdapter } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { WebSocket } from "ws";
import { urlOf } from "../support/network/url.ts";

/** The options of the process. */
export interface AppProcessOptions {
  readonly url: string;
  readonly folder: string;
  readonly roomId: string;
  /** The messages to send, in order. */
  readonly texts: readonly string[];
  /**
   * The step at which it kills itself, from 1. Each write to the disk and each request has one step before and one
   * after.
   */
  readonly killAt: number;
}

const { url, folder, roomId, texts, killAt }: AppProcessOptions = JSON.parse(process.argv[2] ?? "");
const print = (line: string): void => void writeSync(1, `${line}\n`);

let isArmed = false;
let steps = 0;
const step = (name: string): void => {
  if (!isArmed) return;
  steps += 1;
  if (steps < killAt) return;
  print(`killed ${name}`);
  process.kill(process.pid, "SIGKILL");
};

const killingStorage = (storage: StorageAdapter): StorageAdapter => ({
  ...storage,
  open: async (name) => {
    const store = await storage.open(name);
    return {
      ...store,
      write: async (changes) => {
        const keys = changes.map(({ key }) => key.split("/")[0]).join("+");
        step(`before writing ${keys}`);
        await store.write(changes);
        step(`after writing ${keys}`);
      },
    };
  },
});

const client = createClient({
  url,
  storage: killingStorage(createSqliteStorage({ folder })),
  WebSocket,
  fetch: async (input, init) => {
    const { pathname: path } = new URL(urlOf(input));
    step(`before asking ${path}`);
    const response = await fetch(input, init);
    // The server has already acted: from here on, only its reply can be lost.
    step(`after asking ${path}`);
    return response;
  },
});
await client.ready();
const room = client.chat.room(roomId);
isArmed = true;
for (const text of texts) {
  await room.send(text);
  print(`kept ${text}`);
}
await client.sync.flush();
print("flushed");
isArmed = false;
await client.close();
