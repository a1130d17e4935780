import { createClient } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import type { RoomId } from "@edvoyage/protocol";
import { join } from "node:path";
import { WebSocket } from "ws";
import { createRoom, type Account } from "./sync.ts";
import { print } from "./world.ts";

const LANES = 60;
const MESSAGES = 10_000;
/** The messages at the start and at the end of the queue whose times are compared. */
const SAMPLE = 1_000;
const LONGEST_DRAIN_MS = 15 * 60_000;

/**
 * Measures a long queue: what one more message costs an app without a network when the outbox is short and when it is long, and
 * what each costs once there is a network. Every room is open, as on a screen with a list.
 */
export const benchOutbox = async ({
  url,
  account,
  folder,
  signIn,
}: {
  readonly url: string;
  readonly account: Account;
  readonly folder: string;
  readonly signIn: (client: ReturnType<typeof createClient>) => Promise<void>;
}): Promise<void> => {
  let isOnline = true;
  const client = createClient({
    url,
    storage: createSqliteStorage({ folder: join(folder, "outbox") }),
    WebSocket: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(isOnline ? address : "ws://127.0.0.1:1", protocols);
      }
    },
    fetch: async (input, init) => {
      if (!isOnline) throw new TypeError("no network");
      return fetch(input, init);
    },
  });
  await client.ready();
  await signIn(client);
  const rooms: RoomId[] = [];
  for (let count = 0; count < LANES; count += 1) rooms.push(await createRoom(account));
  const views = rooms.map((id) => client.chat.room(id));
  isOnline = false;
  const added: number[] = [];
  for (let count = 0; count < MESSAGES; count += 1) {
    const startedAt = performance.now();
    await views[count % LANES]?.send(`Message ${count}`);
    added.push(performance.now() - startedAt);
  }
  const list = client.outbox.list();
  const fates = list.map(({ id }) => client.outbox.settled(id));
  isOnline = true;
  const drainStartedAt = performance.now();
  const firstAt = fates[SAMPLE - 1]?.then(() => performance.now());
  await client.sync.flush({ timeoutMs: LONGEST_DRAIN_MS });
  const drainedAt = performance.now();
  await Promise.all(fates);
  await client.close();

  print(`An outbox of ${MESSAGES} messages in ${LANES} open rooms, on the disk`);
  const line = (name: string, ms: number, target: number) =>
    print(`  ${name.padEnd(56)}${ms.toFixed(2).padStart(9)} ms (target: at most ${target})`);
  line(`one more message, the first ${SAMPLE}`, mean(added.slice(0, SAMPLE)), 2);
  line(`one more message, the last ${SAMPLE}`, mean(added.slice(-SAMPLE)), 2);
  line(`a sent message, the first ${SAMPLE}`, (((await firstAt) ?? 0) - drainStartedAt) / SAMPLE, 10);
  line("a sent message, all", (drainedAt - drainStartedAt) / MESSAGES, 10);
  print("");
};

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
