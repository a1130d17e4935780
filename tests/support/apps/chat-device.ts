import {
  createHttpCaller,
  createChat,
  createCurrent,
  createMemoryStorage,
  createNewId,
  createOutbox,
  createRecords,
  createSend,
  createSubject,
  openChat,
  systemRandomBytes,
  type Chat,
  type MemoryStorage,
  type OpenChat,
  type Problem,
  type RoomView,
  type StudentContext,
} from "@edvoyage/client-sdk/testing";
import { onTestFinished } from "vitest";
import { createCountedSockets, type CountedSockets } from "../fakes/counted-sockets.ts";
import { createSdkClock, type SdkClock } from "../fakes/sdk-clock.ts";
import type { Student } from "../students/student.ts";
import type { Span } from "../fakes/fake-clock.ts";
import { untilWithin } from "../network/sync-client.ts";
import { urlOf } from "../network/url.ts";
import type { World } from "../servers/world.ts";

/** A student's chat on one device. It can lose its network, be restarted, and be killed at any write. */
export interface ChatDevice {
  readonly chat: Chat & Pick<OpenChat, "refresh">;
  readonly account: StudentContext;
  readonly clock: SdkClock;
  readonly sockets: CountedSockets;
  readonly problems: Problem[];
  /** URLs of the requests to the server, in order. */
  readonly requests: string[];
  /** The keys of each write, in order. */
  readonly writes: (readonly string[])[];
  /** Returns the texts of a room as the device shows them now. */
  texts(roomId: string): string[];
  /** Watches a room. Returns a function that stops it. */
  watch(roomId: string, listener?: (view: RoomView) => void): () => void;
  setOnline(isOnline: boolean): void;
  /** Loses the next `count` answers of the server. */
  loseReplies(count: number): void;
  /** Waits until a condition holds, while the device's clock advances by 30 seconds at most, in steps of 10 ms by default. */
  until(condition: () => boolean | Promise<boolean>, step?: Span): Promise<void>;
  /** Returns all bytes on the device's disk as text. */
  disk(): Promise<string>;
  /** Ends the program and starts it again, also on another server or with a new session. */
  restart(change?: ChatDeviceOptions): Promise<ChatDevice>;
  /** Kills the program as the operating system does: nothing more is written. */
  kill(): void;
}

export interface ChatDeviceOptions {
  readonly world?: Pick<World, "url">;
  readonly token?: string;
  readonly isOnline?: boolean;
  /** Without HTTP, only sockets reach the server. Default: true. */
  readonly hasHttp?: boolean;
  readonly storage?: MemoryStorage;
  /** Called before each write. The program is killed there when it returns `true`. */
  readonly endsAt?: (keys: readonly string[]) => boolean;
}

/** The only tab. */
const ALONE = {
  isLeader: createSubject(true),
  status: createSubject({ connection: "online" as const, transport: "socket" as const }),
  broadcast: () => {},
  subscribe: () => () => {},
};

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
  let isEnded = false;
  let repliesToLose = 0;
  const kill = (): void => {
    isEnded = true;
    outbox.close();
    sockets.setOnline(false);
    sockets.close();
  };
  const records = createRecords(
    {
      ...store,
      write: async (changes) => {
        const keys = changes.map(({ key }) => key);
        if (!isEnded && endsAt(keys)) kill();
        if (isEnded) return new Promise(() => {});
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
      if (!isOnline || isEnded || options.hasHttp === false) throw new TypeError("fetch failed");
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
    canSend: () => isOnline && !isEnded,
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
  const opened = await openChat({
    account,
    sockets,
    areas: { take: async () => {}, reload: async () => {} },
    tabs: ALONE,
  });
  // In a client, the socket of the user's document reports this, because hints arrive over it.
  sockets.state.subscribe(() => {
    if (sockets.state.value === "online") void opened.refresh();
  });
  const chat = { ...createChat(createCurrent(createSubject({ chat: opened }))), refresh: opened.refresh };
  const close = async (): Promise<void> => {
    if (isEnded) return;
    outbox.close();
    await opened.close();
    sockets.close();
    isEnded = true;
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
      void opened.refresh();
    },
    loseReplies: (count) => {
      repliesToLose = count;
    },
    until: (condition, step = { ms: 10 }) => untilWithin({ clock, within: { seconds: 30 }, step }, condition),
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
