import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient, type Client } from "@edvoyage/client-sdk";
import { createSqliteStorage } from "@edvoyage/client-sdk/node";
import { createRpcClient } from "@edvoyage/client-sdk/rpc";
import { roomDocumentName, type RoomId } from "@edvoyage/protocol";
import { v7 } from "uuid";
import { WebSocket } from "ws";
import type { ColdStart } from "./cold-start.ts";
import { benchOutbox } from "./outbox.ts";
import { openReader } from "./socket-reader.ts";
import { createRoom, fillRoom, protocolsOf, stepOne, type Account } from "./sync.ts";
import { codeFor, createBenchWorld, createUser, print, ROUNDS, type Started } from "./world.ts";

const ROOMS = 50;
const MESSAGES_A_ROOM = 200;
const UNCHANGED_ROOMS = 200;
const SENDS = 400;
/** A bit longer than the overlap of two inbox requests. */
const OVERLAP_MS = 11_000;

/** A phone: a folder and the client that uses it. */
interface Phone {
  readonly folder: string;
  readonly client: Client;
}

/** Measures the client: cold start to first read, one device to another, and the bytes of a reconnection. */
export const benchSdk = async (): Promise<void> => {
  const world = await createBenchWorld();
  const folder = await mkdtemp(join(tmpdir(), "edvoyage-bench-sdk-"));
  const openPhone = async (url: string, name: string, phone?: string): Promise<Phone> => {
    const phoneFolder = join(folder, name);
    const client = createClient({ url, storage: createSqliteStorage({ folder: phoneFolder }), WebSocket });
    await client.ready();
    if (phone) await signIn(client, phone);
    return { folder: phoneFolder, client };
  };
  try {
    const server = await world.start("edvoyage-chat");
    const url = `http://127.0.0.1:${server.port}`;
    const { phone } = createUser(500_000);
    const first = await openPhone(url, "first", phone);
    const account = await accountOf(server, phone);
    await benchOutbox({ url, account, folder, signIn: (client) => signIn(client, phone) });
    await benchColdStart({ url, account, phone: first });
    const second = await openPhone(url, "second", phone);
    await benchSendToVisible({ account, first, second });
    await second.client.close();
    await benchReconnection({ server, openPhone });
  } finally {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  }
};

const signIn = async ({ auth }: Client, phone: string): Promise<void> => {
  await auth.requestCode(phone);
  await auth.verifyCode(await codeFor(phone));
};

/** Signs the same student in without the SDK, to fill rooms and to measure the floor. */
const accountOf = async (server: Started, phone: string): Promise<Account> => {
  const rpc = createRpcClient({ url: `http://127.0.0.1:${server.port}` });
  const deviceId = "bench-device-0123456789";
  const { challengeId } = await rpc.auth.requestCode.mutate({ phone, deviceId });
  const code = await codeFor(phone);
  const { token, user } = await rpc.auth.verifyCode.mutate({ challengeId, code, deviceId });
  return { port: server.port, token, userId: user.id };
};

/** Watches a room until it shows this many messages. */
const untilLoaded = ({ client }: Phone, roomId: string, messages: number): Promise<void> =>
  new Promise((resolve) => {
    const stop = client.chat.room(roomId).watch((view) => {
      if (view.messages.length < messages) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });

const benchColdStart = async ({
  url,
  account,
  phone,
}: {
  readonly url: string;
  readonly account: Account;
  readonly phone: Phone;
}): Promise<void> => {
  const rooms: RoomId[] = [];
  for (let index = 0; index < ROOMS; index += 1) {
    const roomId = await createRoom(account);
    await fillRoom(account, roomId, MESSAGES_A_ROOM);
    await untilLoaded(phone, roomId, MESSAGES_A_ROOM);
    rooms.push(roomId);
  }
  await phone.client.close();

  const script = fileURLToPath(new URL("./cold-start.js", import.meta.url));
  const start = (kind: string): ColdStart =>
    JSON.parse(
      execFileSync(process.execPath, [script, kind, url, phone.folder, rooms[0] ?? ""], { encoding: "utf8" }),
    );
  const floors: ColdStart[] = [];
  const starts: ColdStart[] = [];
  for (let round = 0; round < ROUNDS * 3; round += 1) {
    floors.push(start("floor"));
    starts.push(start("sdk"));
  }
  const [one] = starts;
  print(
    `Cold start from ${one?.rooms} rooms and ${ROOMS * MESSAGES_A_ROOM} messages, each in a process of its own`,
  );
  const line = (name: string, ms: (run: ColdStart) => number, runs: readonly ColdStart[]) =>
    print(`  ${name.padEnd(56)}${spread(runs.map(ms), 1)} ms`);
  line("the database alone: opened, all records read", (run) => run.readyMs - run.importedMs, floors);
  line("createClient() to the list of rooms", (run) => run.readyMs - run.importedMs, starts);
  line(`and to the ${one?.messages} newest messages of a room`, (run) => run.roomMs - run.importedMs, starts);
  line("(loading the code, before that)", (run) => run.importedMs, starts);
  print("");
};

const benchSendToVisible = async ({
  account,
  first,
  second,
}: {
  readonly account: Account;
  readonly first: Phone;
  readonly second: Phone;
}): Promise<void> => {
  const sender = createClient({
    url: `http://127.0.0.1:${account.port}`,
    storage: createSqliteStorage({ folder: first.folder }),
    WebSocket,
  });
  await sender.ready();
  const roomId = await createRoom(account);
  const durations: number[] = [];
  let seen = (_text: string): void => {};
  const stop = second.client.chat.room(roomId).watch(({ messages }) => seen(messages.at(-1)?.text ?? ""));
  for (let index = 0; index < SENDS; index += 1) {
    const text = `Message ${index}`;
    const startedAt = performance.now();
    const isVisible = new Promise<void>((resolve) => {
      seen = (last) => {
        if (last === text) resolve();
      };
    });
    await sender.chat.room(roomId).send(text);
    await isVisible;
    durations.push(performance.now() - startedAt);
  }
  stop();
  await sender.close();
  const floor = await measureFloor(account);
  print(`From room.send() to the screen of a second device, ${SENDS} messages one after the other`);
  print(`  ${"".padEnd(56)}${"p50 ms".padStart(9)}${"p99 ms".padStart(9)}`);
  for (const [name, values] of [
    ["chat.send and a bare socket: no device keeps anything", floor],
    ["the SDK on both: kept on the disk, sent, shown, kept", durations],
  ] as const) {
    print(
      `  ${name.padEnd(56)}${at(values, 0.5).toFixed(2).padStart(9)}${at(values, 0.99).toFixed(2).padStart(9)}`,
    );
  }
  print("");
};

/** Measures the same path without the SDK: a command, and a socket that receives the message. */
const measureFloor = async (account: Account): Promise<number[]> => {
  const rpc = createRpcClient({ url: `http://127.0.0.1:${account.port}`, token: () => account.token });
  const roomId = await createRoom(account);
  let onMessage = (): void => {};
  const reader = await openReader({
    port: account.port,
    path: `/sync/${roomDocumentName(roomId, 0)}`,
    protocols: protocolsOf(account),
    onMessage: () => onMessage(),
  });
  await new Promise<void>((resolve) => {
    onMessage = resolve;
    reader.send(stepOne());
  });
  const durations: number[] = [];
  for (let index = 0; index < Math.min(SENDS, 200); index += 1) {
    const startedAt = performance.now();
    const received = new Promise<void>((resolve) => {
      onMessage = resolve;
    });
    await rpc.chat.send.mutate({ roomId, text: `Message ${index}`, commandId: v7() });
    await received;
    durations.push(performance.now() - startedAt);
  }
  reader.close();
  return durations;
};

const benchReconnection = async ({
  server,
  openPhone,
}: {
  readonly server: Started;
  readonly openPhone: (url: string, name: string, phone?: string) => Promise<Phone>;
}): Promise<void> => {
  print(`Bytes of a reconnection (both directions, HTTP and WebSocket, TCP not counted)`);
  for (const [index, rooms] of [0, UNCHANGED_ROOMS].entries()) {
    const { phone } = createUser(600_000 + index);
    const url = `http://127.0.0.1:${server.port}`;
    const opened = await openPhone(url, `reconnect-${rooms}`, phone);
    const account = await accountOf(server, phone);
    for (let count = 0; count < rooms; count += 1) {
      const roomId = await createRoom(account);
      await fillRoom(account, roomId, 1);
      await untilLoaded(opened, roomId, 1);
    }
    // Changes of the last ten seconds are requested twice, so wait until there are none.
    await new Promise((resolve) => setTimeout(resolve, OVERLAP_MS));
    await opened.client.sync.flush();
    await opened.client.close();
    await syncOnce(openPhone, { url, name: `reconnect-${rooms}` });
    const counted = await countBytes(server.port);
    const again = await openPhone(counted.url, `reconnect-${rooms}`);
    const untilQuiet = () =>
      untilHolds(() => again.client.sync.status.connection === "online" && counted.isQuiet());
    const printBytes = (what: string): void =>
      print(
        `  ${`${what}, ${rooms} unchanged rooms`.padEnd(56)}${counted.bytes()} bytes, ${counted.connections()} connections`,
      );
    await untilQuiet();
    printBytes("the app is started");
    // The changes received at the start are still too recent, so wait again.
    await new Promise((resolve) => setTimeout(resolve, OVERLAP_MS));
    counted.cut();
    await untilHolds(() => again.client.sync.status.connection !== "online");
    await untilQuiet();
    printBytes("the connection was lost");
    await again.client.close();
    counted.close();
  }
  print("");
};

/** Opens the app once and closes it, so that it has synced after everything was quiet. */
const syncOnce = async (
  openPhone: (url: string, name: string) => Promise<Phone>,
  { url, name }: { readonly url: string; readonly name: string },
): Promise<void> => {
  const { client } = await openPhone(url, name);
  await untilHolds(() => client.sync.status.connection === "online");
  await new Promise((resolve) => setTimeout(resolve, 500));
  await client.close();
};

const untilHolds = (condition: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = () => (condition() ? resolve() : setTimeout(check, 5));
    check();
  });

/** Starts a proxy in front of a server that counts all bytes. */
const countBytes = async (port: number) => {
  let bytes = 0;
  let connections = 0;
  let lastAt = performance.now();
  const count = (chunk: Buffer): void => {
    bytes += chunk.byteLength;
    lastAt = performance.now();
  };
  const open = new Set<Socket>();
  const proxy = createServer((from) => {
    connections += 1;
    open.add(from.on("close", () => open.delete(from)));
    const to = connect(port, "127.0.0.1");
    from.on("data", count).pipe(to);
    to.on("data", count).pipe(from);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    bytes: () => bytes,
    connections: () => connections,
    isQuiet: () => performance.now() - lastAt > 1_500,
    /** Ends all connections and resets the counters. */
    cut: () => {
      for (const socket of open) socket.destroy();
      [bytes, connections, lastAt] = [0, 0, performance.now()];
    },
    close: () => void proxy.close(),
  };
};

const at = (values: readonly number[], share: number): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * share)] ?? Number.NaN;

const spread = (values: readonly number[], digits: number): string =>
  `${at(values, 0.5).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
