import {
  createHttpCaller,
  createChat,
  createMemoryStorage,
  createNewId,
  createOutbox,
  createRecords,
  createSend,
  systemRandomBytes,
  type StudentContext,
  type ChatService,
  type MemoryStorage,
  type Problem,
  type RoomView,
} from "@edvoyage/client-sdk/testing";
import { onTestFinished } from "vitest";
import { createCountedSockets, type CountedSockets } from "./counted-sockets.ts";
import { createSdkClock, type SdkClock } from "./sdk-clock.ts";
import type { Student } from "./student.ts";
import { until } from "./sync-client.ts";
import { urlOf } from "./url.ts";
import type { World } from "./world.ts";

/** A student's chat on one device, which can lose its network, be restarted, and end at any write. */
export interface ChatDevice {
  readonly chat: ChatService;
  readonly account: StudentContext;
  readonly clock: SdkClock;
  readonly sockets: CountedSockets;
  readonly problems: Problem[];
  /** What was asked of the server, in order. */
  readonly requests: string[];
  /** The keys of each write, in order. */
  readonly writes: (readonly string[])[];
  /** What the device said of a room, as of now. */
  texts(roomId: string): string[];
  /** Watches a room; returns how to stop. */
  watch(roomId: string, listener?: (view: RoomView) => void): () => void;
  setOnline(isOnline: boolean): void;
  /** The next so many answers do not come back. */
  loseReplies(count: number): void;
  /** Waits until a condition holds, while the device's time passes. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  /** All bytes on its disk, as text. */
  disk(): Promise<string>;
  /** Ends the program and starts it again, or another one on another server or for a new session. */
  restart(change?: ChatDeviceOptions): Promise<ChatDevice>;
  /** Ends the program as the system does: nothing more is written. */
  kill(): void;
}

export interface ChatDeviceOptions {
  readonly world?: Pick<World, "url">;
  readonly token?: string;
  readonly isOnline?: boolean;
  /** Without it sockets alone reach the server. */
  readonly hasHttp?: boolean;
  readonly storage?: MemoryStorage;
  /** Called before each write; the program ends there when it says so. */
  readonly endsAt?: (keys: readonly string[]) => boolean;
}

export const createChatDevice = async (
  world: Pick<World, "url">,
  student: Pick<Student, "id" | "token">,
  options: ChatDeviceOptions = {},
): Promise<ChatDevice> => {
  const { storage = createMemoryStorage(), endsAt = () => false } = options;
  const { url } = options.world ?? world;
  const token = options.token ?? student.token;
  const clock = createSdkClock();
  const store = await storage.open("student");
  const problems: Problem[] = [];
  const requests: string[] = [];
  const writes: (readonly string[])[] = [];
  let isOnline = options.isOnline ?? true;
  let isDead = false;
  let repliesToLose = 0;
  const kill = (): void => {
    isDead = true;
    outbox.close();
    sockets.setOnline(false);
    sockets.close();
  };
  const records = createRecords(
    {
      ...store,
      write: async (changes) => {
        const keys = changes.map(({ key }) => key);
        if (!isDead && endsAt(keys)) kill();
        if (isDead) return new Promise(() => {});
        writes.push(keys);
        return store.write(changes);
      },
    },
    { onDamaged: (key) => void problems.push({ kind: "record-damaged", message: key }) },
  );
  const rpc = createHttpCaller({
    url,
    clock,
    token: () => token,
    fetch: async (input, init) => {
      if (!isOnline || isDead || options.hasHttp === false) throw new TypeError("fetch failed");
      requests.push(urlOf(input));
      const response = await fetch(input, init);
      if (repliesToLose === 0) return response;
      repliesToLose -= 1;
      throw new TypeError("fetch failed");
    },
  });
  const newId = createNewId({ clock, randomBytes: systemRandomBytes });
  const sockets = createCountedSockets({ url, token, clock, isOnline });
  const outbox = await createOutbox({
    records,
    clock,
    randomBytes: systemRandomBytes,
    newId,
    canSend: () => isOnline && !isDead,
    send: createSend(rpc, () => Promise.reject(new Error("No documents here"))),
    onFault: (cause) => void problems.push({ kind: "fault", message: "outbox", cause }),
  });
  const account: StudentContext = {
    userId: student.id,
    records,
    outbox,
    rpc,
    clock,
    randomBytes: systemRandomBytes,
    newId,
    report: (problem) => void problems.push(problem),
  };
  const chat = await createChat({ account, sockets, areas: { take: async () => {} } });
  // In a client the document's socket says so, over which hints come.
  sockets.state.subscribe(() => {
    if (sockets.state.value === "online") void chat.refresh();
  });
  const close = async (): Promise<void> => {
    if (isDead) return;
    outbox.close();
    await chat.close();
    sockets.close();
    isDead = true;
  };
  onTestFinished(close);

  return {
    chat,
    account,
    clock,
    sockets,
    problems,
    requests,
    writes,
    texts: (roomId) => chat.room(roomId).messages.map(({ text }) => text),
    watch: (roomId, listener = () => {}) => chat.room(roomId).watch(listener),
    setOnline: (next) => {
      isOnline = next;
      sockets.setOnline(next);
      if (!next) return;
      outbox.wake();
      void chat.refresh();
    },
    loseReplies: (count) => {
      repliesToLose = count;
    },
    until: (condition) =>
      until(() => {
        clock.advance({ ms: 10 });
        return condition();
      }),
    disk: async () => {
      const decoder = new TextDecoder("latin1");
      return (await store.list("")).map(({ key, value }) => `${key} ${decoder.decode(value)}`).join("\n");
    },
    restart: async (change = {}) => {
      await close();
      return createChatDevice(world, student, {
        ...options,
        isOnline: true,
        hasHttp: true,
        endsAt: () => false,
        ...change,
        storage,
      });
    },
    kill,
  };
};
