import { onTestFinished, expect, test } from "vitest";
import { createClient, type Client } from "./create-client.ts";
import { isEdVoyageError } from "./runtime/errors.ts";
import { createMemoryStorage } from "./storage/memory.ts";

const ID = "01990000-0000-7000-8000-000000000001";

/** Creates a client of a device that nobody has signed in on, and whose server cannot be reached. */
const createUnusedClient = (): Client => {
  const client = createClient({
    url: "http://127.0.0.1",
    storage: createMemoryStorage(),
    fetch: () => Promise.reject(new TypeError("fetch failed")),
  });
  onTestFinished(() => client.close());
  return client;
};

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
