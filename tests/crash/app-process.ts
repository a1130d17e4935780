// An app in a process of its own, which kills itself at a chosen step: `node app-process.js <options as JSON>`.
import { writeSync } from "node:fs";
import { createClient, type StorageAdapter } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { WebSocket } from "ws";
import { urlOf } from "../support/url.ts";

/** What the process is told. */
export interface AppProcessOptions {
  readonly url: string;
  readonly folder: string;
  readonly roomId: string;
  /** What it sends, one after the other. */
  readonly texts: readonly string[];
  /** The step at which it dies, counted from 1: each write to the disk and each request has one before and one after. */
  readonly killAt: number;
}

const { url, folder, roomId, texts, killAt }: AppProcessOptions = JSON.parse(process.argv[2] ?? "");
const say = (line: string): void => void writeSync(1, `${line}\n`);

let isArmed = false;
let steps = 0;
const step = (name: string): void => {
  if (!isArmed) return;
  steps += 1;
  if (steps < killAt) return;
  say(`killed ${name}`);
  process.kill(process.pid, "SIGKILL");
};

const dying = (storage: StorageAdapter): StorageAdapter => ({
  ...storage,
  open: async (name) => {
    const store = await storage.open(name);
    return {
      ...store,
      write: async (changes) => {
        const what = changes.map(({ key }) => key.split("/")[0]).join("+");
        step(`before writing ${what}`);
        await store.write(changes);
        step(`after writing ${what}`);
      },
    };
  },
});

const client = createClient({
  url,
  storage: dying(createSqliteStorage({ folder })),
  WebSocket,
  fetch: async (input, init) => {
    const { pathname: path } = new URL(urlOf(input));
    step(`before asking ${path}`);
    const response = await fetch(input, init);
    // The server has done it: what is lost from here on is its reply.
    step(`after asking ${path}`);
    return response;
  },
});
await client.ready();
const room = client.chat.room(roomId);
isArmed = true;
for (const text of texts) {
  await room.send(text);
  say(`kept ${text}`);
}
await client.sync.flush();
say("flushed");
isArmed = false;
await client.close();
