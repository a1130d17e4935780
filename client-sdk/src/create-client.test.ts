import { onTestFinished, expect, test, vi } from "vitest";
import { createClient, type Client } from "./create-client.ts";
import { isEdVoyageError } from "./runtime/errors.ts";
import { createMemoryStorage } from "./storage/memory.ts";

const ID = "01990000-0000-7000-8000-000000000001";

/** A socket that never opens. */
class NoSocket {
  readonly readyState = 0;
  send(): void {}
  close(): void {}
}

/** Creates a client of a device that nobody has signed in on, and whose server cannot be reached. */
const createUnusedClient = (): Client => {
  const client = createClient({
    url: "http://127.0.0.1",
    storage: createMemoryStorage(),
    WebSocket: NoSocket,
    fetch: () => Promise.reject(new TypeError("fetch failed")),
  });
  onTestFinished(() => client.close());
  return client;
};

/** Creates a client as an app in JavaScript may do it. */
const createWith = (options: Readonly<Record<string, unknown>>): Client =>
  createClient({ url: "http://127.0.0.1", storage: createMemoryStorage(), ...options });

const invalid = (path: string) => ({
  reason: "input/invalid",
  details: { issues: [{ path, message: expect.any(String) }] },
});

test.each([
  ["missing", undefined],
  ["empty", ""],
  ["without a scheme", "api.example.org"],
  ["a path", "/api"],
  ["with the scheme of sockets", "wss://api.example.org"],
  ["with a scheme that is cut", "https:/api.example.org"],
  ["without a host", "https://"],
  ["with a space", "https://api.example.org "],
  ["with a query", "https://api.example.org?v=1"],
  ["with a port that is too high", "https://api.example.org:99999"],
  ["with a password, which fetch rejects", "https://me:secret@api.example.org"],
  ["an object", new URL("https://api.example.org")],
])("a client cannot be created with a url that is %s", (_what, url) => {
  expect(() => createWith({ url })).toThrow(expect.objectContaining(invalid("url")));
});

test.each(["http://localhost:3000", "https://api.example.org/", "https://[::1]:8443/base/path"])(
  "a client can be created with the url %s",
  (url) => {
    expect(createWith({ url }).isReady).toBe(false);
  },
);

test.each([undefined, null, {}])("a client cannot be created with the storage %s", (storage) => {
  expect(() => createWith({ storage })).toThrow(expect.objectContaining(invalid("storage")));
});

test.each([
  ["WebSocket", "WebSocket"],
  ["fetch", "fetch"],
  ["crypto", "randomBytes"],
])("ready rejects on a platform without %s, unless it is among the options", async (missing, option) => {
  vi.stubGlobal(missing, undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  const all = { WebSocket: NoSocket, fetch: async () => expect.fail("called"), randomBytes: fill };

  await expect(createWith({ ...all, [option]: undefined }).ready()).rejects.toMatchObject(invalid(option));
  const client = createWith(all);
  onTestFinished(() => client.close());
  await client.ready();

  expect(client.isReady).toBe(true);
});

const fill = (count: number): Uint8Array => new Uint8Array(count).fill(7);

/** Calls one method of each feature that needs a student, and returns the reasons of their errors. */
const reasonsOf = async (client: Client): Promise<readonly string[]> => {
  const room = client.chat.room(ID);
  const calls = [
    client.favourites.add("university", ID),
    client.favourites.add("university", "no id"),
    client.settings.set("theme", "dark"),
    client.chat.createRoom({ kind: "direct", userId: ID }),
    client.chat.declineInvitation(ID),
    room.send("Hello"),
    room.send(""),
    room.rename("Name"),
    room.loadOlder(),
    room.details(),
    client.contacts.add(ID),
    client.contacts.list(),
    client.profile.get(),
    client.social.like(ID),
    client.applications.submit(ID),
    client.notifications.markRead("all"),
    client.sessions.revokeOthers(),
    client.account.export(),
    client.outbox.retry(ID),
    client.sync.flush(),
  ];
  const settled = await Promise.allSettled(calls);
  return settled.map((call) =>
    call.status === "rejected" && isEdVoyageError(call.reason) ? call.reason.reason : call.status,
  );
};

test("every feature rejects with closed before ready, with signed-out without a student, and with closed after close", async () => {
  const client = createUnusedClient();

  const before = await reasonsOf(client);
  await client.ready();
  const signedOut = await reasonsOf(client);
  await client.close();
  const after = await reasonsOf(client);

  expect([...new Set(before)]).toEqual(["closed"]);
  expect([...new Set(signedOut)]).toEqual(["signed-out"]);
  expect([...new Set(after)]).toEqual(["closed"]);
});

test("without a student every list is empty, and watchers get the empty value", async () => {
  const client = createUnusedClient();
  await client.ready();
  const room = client.chat.room(ID);
  const heard: unknown[] = [];
  const note = (value: unknown): void => void heard.push(value);

  client.favourites.watch(note);
  client.settings.watch(note);
  client.chat.watchRooms(note);
  room.watch(note);
  client.notifications.watchUnread(note);
  room.typing(true);

  expect(heard).toEqual([
    [],
    {},
    { rooms: [], invitations: [] },
    { messages: [], isLoaded: false, hasOlder: false, typingUserIds: [] },
    0,
  ]);
  expect(client.favourites.has("university", "no id")).toBe(false);
  expect(client.favourites.list()).toBe(client.favourites.list());
  expect([client.settings.get("toString"), room.messages, client.outbox.list()]).toEqual([undefined, [], []]);
});
