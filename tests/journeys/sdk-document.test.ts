import { createDoc, putBytes, putJson, StorageError, systemRandomBytes } from "@edvoyage/client-sdk/testing";
import { CLOSE_CODES, favouriteKey, userDocumentName, type UniversityId } from "@edvoyage/protocol";
import { once } from "node:events";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { YKeyValue } from "y-utility/y-keyvalue";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases.ts";
import {
  createDocumentDevice,
  type DocumentDevice,
  type DocumentDeviceOptions,
} from "../support/document-device.ts";
import { roundTrips } from "../support/round-trips.ts";
import { createStudent, type Student } from "../support/student.ts";
import { connectStock, until } from "../support/sync-client.ts";
import { createTunnel } from "../support/tunnel.ts";
import { createWorld, type World } from "../support/world.ts";

const createDevice = (
  { url }: { readonly url: string },
  { id, token }: Student,
  options: Partial<DocumentDeviceOptions> = {},
): Promise<DocumentDevice> => createDocumentDevice({ url, userId: id, token, ...options });

const OFFLINE = { isOnline: false };

const ids = (count: number): string[] => Array.from({ length: count }, () => uuidv7());

const addAll = async ({ favourites }: DocumentDevice, universities: readonly string[]): Promise<void> => {
  for (const id of universities) await favourites.add("university", id);
};

const idsOf = ({ favourites }: DocumentDevice): string[] =>
  favourites
    .list()
    .map(({ id }) => id)
    .sort();

/** What the server has in its table. */
const savedIds = async ({ rpc }: Pick<Student, "rpc">): Promise<string[]> => {
  const { items } = await rpc.favourites.list.query({ limit: 100 });
  return items.map(({ id }) => id).sort();
};

const saved = ({ document }: DocumentDevice): Promise<void> => until(() => document.pending.value === 0);

/** Lets a device's waits pass until something holds. */
const untilInTime = (device: DocumentDevice, condition: () => boolean | Promise<boolean>): Promise<void> =>
  until(async () => {
    device.clock.advance({ seconds: 1 });
    await roundTrips(2);
    return condition();
  });

const problemsOf = ({ problems }: DocumentDevice): string[] => problems.map(({ kind }) => kind);

describe.each(DIALECTS)("a student's document, on %s", (dialect) => {
  test("what was done offline outlives the app, reaches the server, and any Yjs client reads it", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const [kept, dropped] = ids(2);
    const first = await createDevice(world, student, OFFLINE);
    await addAll(first, [kept ?? "", dropped ?? ""]);
    await first.favourites.toggle("university", dropped ?? "");
    await first.settings.set("theme", { dark: true });

    const second = await first.restart();
    const afterStart = [idsOf(second), second.settings.all(), second.document.pending.value];
    second.connect();
    await saved(second);

    expect(afterStart).toEqual([[kept], { theme: { dark: true } }, 4]);
    expect(await savedIds(student)).toEqual([kept]);
    const stock = connectStock({ url: world.url, token: student.token }, userDocumentName(student.id));
    await stock.synced();
    const favourites = new YKeyValue(stock.doc.getArray<{ key: string; val: unknown }>("favourites"));
    expect([...favourites.map.keys()]).toEqual([
      favouriteKey({ kind: "university", id: kept as UniversityId }),
    ]);
    expect(problemsOf(second)).toEqual([]);
  });

  test("two devices that were offline have all of both", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const [here, there] = [ids(5), ids(5)];
    const one = await createDevice(world, student, OFFLINE);
    const other = await createDevice(world, student, OFFLINE);
    await addAll(one, here);
    await addAll(other, there);
    await one.settings.set("sort", "name");

    one.connect();
    other.connect();
    await until(() => idsOf(one).length === 10 && idsOf(other).length === 10);
    await until(() => other.settings.get("sort") === "name");
    await one.favourites.remove("university", there[0] ?? "");
    await until(() => !other.favourites.has("university", there[0] ?? ""));

    expect(idsOf(one)).toEqual([...here, ...there.slice(1)].sort());
    const again = await other.restart({ isOnline: false });
    expect(idsOf(again)).toEqual(idsOf(one));
  });

  test("what is no longer pending is on the server's disk", async () => {
    const world = await createWorld({ dialect });
    const student = await createStudent(world);
    const device = await createDevice(world, student);
    const universities = ids(20);

    await addAll(device, universities);
    await saved(device);
    const again = await world.restart();

    expect(await savedIds({ rpc: again.rpc({ token: student.token }) })).toEqual([...universities].sort());
  });
});

test("edits are pending until the server confirms them, also over a restart of the app", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const device = await createDevice(tunnel, student);
  await addAll(device, ids(1));
  await saved(device);

  tunnel.freeze();
  await addAll(device, ids(2));
  await roundTrips();
  const pending = device.document.pending.value;
  const again = await device.restart({ isOnline: false });
  const pendingAfterStart = again.document.pending.value;
  again.connect();
  await saved(again);

  expect([pending, pendingAfterStart]).toEqual([2, 2]);
  expect(await savedIds(student)).toHaveLength(3);
});

test("what is done between connecting and the handshake is not lost to its gap", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const device = await createDevice(tunnel, student, OFFLINE);
  const universities = ids(3);
  await addAll(device, universities.slice(0, 2));

  tunnel.holdAnswers();
  device.connect();
  await until(() => device.sockets.state.value === "online");
  await addAll(device, universities.slice(2));
  await roundTrips();
  tunnel.release();
  await saved(device);

  expect(await savedIds(student)).toEqual([...universities].sort());
  expect(problemsOf(device)).toEqual([]);
});

test("an edit that changes nothing leaves no trace, and quick toggles follow each other", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const device = await createDevice(world, student, OFFLINE);
  const [id = ""] = ids(1);
  await device.favourites.add("university", id);

  await device.favourites.add("university", id);
  await device.settings.set("none", undefined);
  const pending = device.document.pending.value;
  const toggles = await Promise.all([1, 2, 3].map(() => device.favourites.toggle("university", id)));

  expect(pending).toBe(1);
  expect(toggles).toEqual([false, true, false]);
});

test("a full disk means that nothing has changed, here or on the server", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  let isFull = false;
  const device = await createDevice(world, student, {
    write: (write) => async (changes) => {
      if (isFull) throw new StorageError("full", "There is no room");
      return write(changes);
    },
  });
  const [before = "", lost = "", after = ""] = ids(3);
  await addAll(device, [before]);
  await saved(device);

  isFull = true;
  const failure = device.favourites.add("university", lost);
  await expect(failure).rejects.toMatchObject({ reason: "device/full" });
  await roundTrips();
  const pending = device.document.pending.value;
  isFull = false;
  await addAll(device, [after]);
  await saved(device);

  expect(pending).toBe(0);
  expect(idsOf(device)).toEqual([before, after].sort());
  expect(await savedIds(student)).toEqual([before, after].sort());
});

test("a write of which it is not known whether it was made makes no copies that differ", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  let isAmbiguous = false;
  const device = await createDevice(world, student, {
    write: (write) => async (changes) => {
      await write(changes);
      if (isAmbiguous) throw new StorageError("failed", "The device said nothing");
    },
  });
  const [before = "", unsure = "", after = ""] = ids(3);
  await addAll(device, [before]);

  isAmbiguous = true;
  await device.favourites.add("university", unsure).catch(() => {});
  isAmbiguous = false;
  await addAll(device, [after]);
  await until(async () => (await savedIds(student)).length === 2);
  const again = await device.restart();
  await saved(again);

  const everything = [before, unsure, after].sort();
  expect(idsOf(again)).toEqual(everything);
  expect(await savedIds(student)).toEqual(everything);
});

test("many edits become few records", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const universities = ids(130);
  const device = await createDevice(world, student, OFFLINE);

  await addAll(device, universities);
  const records = (await device.keys("document/")).length;
  const again = await device.restart();

  expect(records).toBeLessThan(60);
  expect(idsOf(again)).toEqual([...universities].sort());
});

test("a session that was ended keeps what is done, and a new one saves it", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const device = await createDevice(world, student);
  await addAll(device, ids(1));
  await saved(device);

  await student.rpc.sessions.logout.mutate();
  await until(() => device.noSessions === 1);
  await addAll(device, ids(2));
  device.clock.advance({ minutes: 5 });
  await roundTrips();
  const pending = device.document.pending.value;
  const { token, rpc } = await world.device({ phone: student.phone }).signIn();
  device.connect(token);
  await saved(device);

  expect(pending).toBe(2);
  expect(await savedIds({ rpc })).toHaveLength(3);
});

test("a phone that wakes up on a dead connection saves what was done on it", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const tunnel = await createTunnel(world.url);
  const device = await createDevice(tunnel, student);
  await addAll(device, ids(1));
  await saved(device);
  tunnel.freeze();
  await addAll(device, ids(1));

  device.sockets.wake();
  await roundTrips();
  device.clock.advance({ seconds: 5 });
  await saved(device);

  expect(await savedIds(student)).toHaveLength(2);
});

describe("two tabs", () => {
  test("show what either does, and save it once", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const one = await createDevice(world, student, { ...OFFLINE, isTab: true });
    const other = await createDevice(world, student, {
      ...OFFLINE,
      isTab: true,
      storage: one.storage.connect(),
    });
    const universities = ids(4);

    await Promise.all([addAll(one, universities.slice(0, 2)), addAll(other, universities.slice(2))]);
    await until(() => idsOf(one).length === 4 && idsOf(other).length === 4);
    await until(() => one.document.pending.value === 4 && other.document.pending.value === 4);
    one.connect();
    await saved(one);
    await saved(other);

    expect(idsOf(other)).toEqual([...universities].sort());
    expect(await savedIds(student)).toEqual([...universities].sort());
    expect(await one.keys("edit/")).toEqual([]);
  });

  test("fold their records without losing the other's", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const one = await createDevice(world, student, { ...OFFLINE, isTab: true });
    const other = await createDevice(world, student, {
      ...OFFLINE,
      isTab: true,
      storage: one.storage.connect(),
    });
    const universities = ids(160);

    await Promise.all([addAll(one, universities.slice(0, 80)), addAll(other, universities.slice(80))]);
    await Promise.all([one.stop(), other.stop()]);
    const again = await one.restart({ isTab: false });

    expect(idsOf(again)).toEqual([...universities].sort());
  });
});

/** An update that no server takes: it has an array of another name. */
const unknownArray = (): Uint8Array => {
  const doc = createDoc(systemRandomBytes);
  doc.getArray("nonsense").push([1]);
  return Y.encodeStateAsUpdate(doc);
};

/** Adds something to a device's copy that the server refuses. */
const spoil = async (device: DocumentDevice): Promise<void> => {
  const copy = await device.records.getJson<string>("document/copy");
  await device.records.write([putBytes(`document/update/${copy}/${uuidv7()}`, unknownArray())]);
};

/** An edit after those that the device has. */
const plantEdit = async (device: DocumentDevice, edit: object): Promise<void> => {
  const sequence = String((await device.keys("edit/")).length + 1).padStart(12, "0");
  await device.records.write([putJson(`edit/${sequence}-${uuidv7()}`, { at: 0, copyId: null, ...edit })]);
};

describe("a copy that the server refuses", () => {
  const createSpoilt = async (world: World, options: Partial<DocumentDeviceOptions> = {}) => {
    const student = await createStudent(world);
    const [saved1 = "", pending1 = "", pending2 = ""] = ids(3);
    const before = await createDevice(world, student);
    await addAll(before, [saved1]);
    await saved(before);
    const offline = await before.restart(OFFLINE);
    await addAll(offline, [pending1, pending2]);
    await spoil(offline);
    const device = await offline.restart(options);
    return { student, device, all: [saved1, pending1, pending2].sort() };
  };

  test("is set aside, fetched afresh, and the edits that were not saved are made again", async () => {
    const world = await createWorld();
    const { student, device, all } = await createSpoilt(world);

    device.connect();
    await untilInTime(device, () => device.document.pending.value === 0);

    expect(await savedIds(student)).toEqual(all);
    expect(idsOf(device)).toEqual(all);
    expect(problemsOf(device)).toEqual(["document-rebuilt"]);
    const aside = createDoc(systemRandomBytes);
    Y.applyUpdate(
      aside,
      (await device.records.getBytes("aside/document")) ?? expect.fail("nothing was set aside"),
    );
    expect(aside.getArray("nonsense").length).toBe(1);
    const copy = await device.records.getJson<string>("document/copy");
    for (const key of await device.keys("document/update/")) expect(key).toContain(copy);
    const again = await device.restart();
    expect([idsOf(again), again.document.pending.value]).toEqual([all, 0]);
  });

  test("is still shown, and edited, while another is fetched", async () => {
    const world = await createWorld();
    const { device, student, all } = await createSpoilt(world);
    const [late = ""] = ids(1);
    const states: string[] = [];
    device.sockets.state.subscribe(() => states.push(device.sockets.state.value));
    device.connect();
    await until(() => states.join() === "connecting,online,offline");

    await addAll(device, [late]);
    const shown = idsOf(device);
    await untilInTime(device, () => device.document.pending.value === 0);

    expect(shown).toEqual([...all, late].sort());
    expect(idsOf(device)).toEqual(shown);
    expect(await savedIds(student)).toEqual(shown);
  });

  test("loses nothing wherever the app is killed on the way", async () => {
    const world = await createWorld();
    let writesUntilKilled = 0;
    const killable: Partial<DocumentDeviceOptions> = {
      write: (write) => async (changes) => {
        if (writesUntilKilled <= 0) throw new StorageError("closed", "Killed");
        writesUntilKilled -= 1;
        return write(changes);
      },
    };
    const { student, device, all } = await createSpoilt(world, killable);

    let current = device;
    let lives = 0;
    while (current.document.pending.value > 0) {
      lives += 1;
      writesUntilKilled = 1;
      current.connect();
      const alive = current;
      await untilInTime(alive, () => writesUntilKilled === 0 || alive.document.pending.value === 0);
      await roundTrips();
      current = await current.restart(OFFLINE);
      expect(idsOf(current)).toEqual(all);
    }

    expect(lives).toBeGreaterThan(3);
    expect(await savedIds(student)).toEqual(all);
  });
});

test("an edit that the server does not take is shown as failed, and the others are saved", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const [first = "", last = ""] = ids(2);
  // As after signing out with what is queued kept: a journal, and no copy.
  const before = await createDevice(world, student, OFFLINE);
  const edit = (id: string) => ({ root: "favourites", key: `university:${id}`, value: { addedAt: 5 } });
  await plantEdit(before, edit(first));
  await plantEdit(before, { root: "favourites", key: "nonsense", value: 1 });
  await plantEdit(before, edit(last));

  const device = await before.restart();
  const shown = device.document.entries.favourites.value.size;
  device.connect();
  await untilInTime(device, () => device.document.pending.value === 0);

  expect(shown).toBe(3);
  expect(device.outbox.entries.value).toMatchObject([
    {
      procedure: "document.edit",
      state: "failed",
      reason: "document/refused",
      input: { root: "favourites", key: "nonsense", value: 1 },
    },
  ]);
  expect(idsOf(device)).toEqual([first, last].sort());
  expect(await savedIds(student)).toEqual([first, last].sort());
  expect(Array.from(device.document.entries.favourites.value.keys())).not.toContain("nonsense");
});

test("an edit that is refused while others are made is given up alone", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const device = await createDevice(world, student);
  await until(() => device.sockets.state.value === "online");
  const [id = ""] = ids(1);

  // An honest app cannot do this: `favourites.add` makes no such key.
  await device.document.edit("favourites", "nonsense", () => 1);
  await addAll(device, [id]);
  await untilInTime(device, () => device.document.pending.value === 0);

  expect(device.outbox.entries.value).toMatchObject([{ input: { key: "nonsense" } }]);
  expect(await savedIds(student)).toEqual([id]);
});

test("an edit for which there is no room any more is shown as failed, and keeps no other waiting", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const stock = connectStock({ url: world.url, token: student.token }, userDocumentName(student.id));
  await stock.synced();
  const filling = stock.doc.getArray("settings");
  // In frames that the server takes: some 6 kB are left.
  for (let part = 0; part < 8; part += 1) {
    filling.push(
      Array.from({ length: 64 }, (_, index) => ({ key: `${part}/${index}`, val: "x".repeat(2_013) })),
    );
  }
  const before = await createDevice(world, student, OFFLINE);
  for (const key of ["a", "b", "c", "d", "e", "f"]) {
    await plantEdit(before, { root: "settings", key, value: "y".repeat(2_000) });
  }
  await plantEdit(before, { root: "settings", key: "small", value: 1 });

  const device = await before.restart();
  device.connect();
  await untilInTime(device, () => device.document.pending.value === 0);

  const failed = device.outbox.entries.value;
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(6);
  for (const entry of failed) expect(entry).toMatchObject({ state: "failed", reason: "limit/reached" });
  expect(device.settings.get("a")).toBeDefined();
  await until(() => stock.doc.getArray("settings").length === 512 + 7 - failed.length);
});

test("edits made after signing out and in again follow those that were kept", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const [id = "", other = ""] = ids(2);
  const before = await createDevice(world, student, OFFLINE);
  await plantEdit(before, { root: "favourites", key: `university:${id}`, value: { addedAt: 5 } });
  const device = await before.restart();

  const isFavourite = await device.favourites.toggle("university", id);
  await addAll(device, [other]);
  const shown = idsOf(device);
  device.connect();
  await untilInTime(device, () => device.document.pending.value === 0);

  expect(isFavourite).toBe(false);
  expect(shown).toEqual([other]);
  expect(await savedIds(student)).toEqual([other]);
});

test("a copy that has lost an edit on this disk gets it back from the journal", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const universities = ids(3);
  const offline = await createDevice(world, student, OFFLINE);
  await addAll(offline, universities);
  const [, lost = ""] = await offline.keys("document/update/");
  await offline.records.write([{ key: lost, value: null }]);

  const device = await offline.restart();
  device.connect();
  await untilInTime(device, () => device.document.pending.value === 0);

  expect(idsOf(device)).toEqual([...universities].sort());
  expect(await savedIds(student)).toEqual([...universities].sort());
});

describe("two tabs of a student whose document is refused", () => {
  /** Each is in the middle of what it does when it hears of what the other did. */
  const SLOW_TAB: Partial<DocumentDeviceOptions> = {
    ...OFFLINE,
    isTab: true,
    write: (write) => async (changes) => {
      await roundTrips(3);
      return write(changes);
    },
  };

  const openTabs = async (world: World, before: DocumentDevice, student: Student) => {
    const one = await before.restart(SLOW_TAB);
    const other = await createDevice(world, student, { ...SLOW_TAB, storage: one.storage.connect() });
    const untilSaved = (): Promise<void> => {
      one.connect();
      other.connect();
      return untilInTime(one, () => {
        other.clock.advance({ seconds: 1 });
        return one.document.pending.value + other.document.pending.value === 0;
      });
    };
    return { one, other, untilSaved };
  };

  test("come to have the same fresh copy, with what was not saved", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const universities = ids(3);
    const before = await createDevice(world, student, OFFLINE);
    await addAll(before, universities);
    await spoil(before);
    const { one, other, untilSaved } = await openTabs(world, before, student);

    await untilSaved();

    const all = [...universities].sort();
    expect([idsOf(one), idsOf(other), await savedIds(student)]).toEqual([all, all, all]);
    expect(one.outbox.entries.value).toEqual([]);
  });

  test("give an edit up once that the server does not take", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const [id = ""] = ids(1);
    const before = await createDevice(world, student);
    await before.settings.set("theme", "dark");
    await saved(before);
    await plantEdit(before, { root: "favourites", key: "nonsense", value: 1 });
    await plantEdit(before, { root: "favourites", key: `university:${id}`, value: { addedAt: 5 } });
    const { one, other, untilSaved } = await openTabs(world, before, student);

    await untilSaved();

    expect([idsOf(one), idsOf(other), await savedIds(student)]).toEqual([[id], [id], [id]]);
    expect(one.outbox.entries.value).toMatchObject([{ state: "failed", input: { key: "nonsense" } }]);
  });
});

/** An answer to step 1: there is nothing. */
const NOTHING_FRAME = Uint8Array.of(0, 1, 2, 0, 0);

test.each([
  ["everything", CLOSE_CODES.tooLarge, { answers: false }],
  ["whatever it has handed out itself", CLOSE_CODES.malformed, { answers: true }],
  ["to know the student", CLOSE_CODES.forbidden, { answers: false }],
])("a server that refuses %s is left in peace, and nothing is lost", async (_, code, { answers }) => {
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: ([first]) => first ?? false,
  });
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    socket.once("message", () => {
      if (answers) socket.send(NOTHING_FRAME);
      socket.close(code, "no");
    });
  });
  await once(server, "listening");
  onTestFinished(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no port");
  const student = await createStudent(await createWorld());
  const universities = ids(3);
  const device = await createDevice({ url: `http://127.0.0.1:${address.port}` }, student);

  await addAll(device, universities);
  for (let second = 0; second < 600; second += 1) {
    device.clock.advance({ seconds: 1 });
    await roundTrips(3);
  }

  expect(connections).toBeGreaterThan(6);
  expect(connections).toBeLessThan(80);
  expect(idsOf(device)).toEqual([...universities].sort());
  expect(device.document.pending.value).toBe(3);
  expect(device.outbox.entries.value).toEqual([]);
  expect(problemsOf(device).filter((kind) => kind === "fault")).toHaveLength(
    code === CLOSE_CODES.forbidden ? 1 : 0,
  );
});
