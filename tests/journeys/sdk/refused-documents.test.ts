import { createDoc, putBytes, putJson, StorageError, systemRandomBytes } from "@edvoyage/client-sdk/testing";
import { CLOSE_CODES, userDocumentName } from "@edvoyage/protocol";
import { once } from "node:events";
import { v7 as uuidv7 } from "uuid";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import * as Y from "yjs";
import type { DocumentDevice, DocumentDeviceOptions } from "../../support/apps/document-device.ts";
import { roundTrips } from "../../support/network/round-trips.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { connectStock, until } from "../../support/network/sync-client.ts";
import { createWorld, type World } from "../../support/servers/world.ts";
import {
  createDevice,
  OFFLINE,
  ids,
  addAll,
  idsOf,
  savedIds,
  untilSaved,
  untilWithTimers,
  problemsOf,
} from "../../support/apps/document-scene.ts";

/** An update that no server accepts, because it contains an array with an unknown name. */
const unknownArray = (): Uint8Array => {
  const doc = createDoc(systemRandomBytes);
  doc.getArray("nonsense").push([1]);
  return Y.encodeStateAsUpdate(doc);
};

/** Adds an update to a device's copy that the server refuses. */
const addRefusedUpdate = async (device: DocumentDevice): Promise<void> => {
  const copy = await device.records.getJson<string>("document/copy");
  await device.records.write([putBytes(`document/update/${copy}/${uuidv7()}`, unknownArray())]);
};

/** Adds an edit after those that the device already has. */
const plantEdit = async (device: DocumentDevice, edit: object): Promise<void> => {
  const sequence = String((await device.keys("edit/")).length + 1).padStart(12, "0");
  await device.records.write([putJson(`edit/${sequence}-${uuidv7()}`, { at: 0, copyId: null, ...edit })]);
};

describe("a copy that the server refuses", () => {
  const createRefusedCopy = async (world: World, options: Partial<DocumentDeviceOptions> = {}) => {
    const student = await createStudent(world);
    const [saved1 = "", pending1 = "", pending2 = ""] = ids(3);
    const before = await createDevice(world, student);
    await addAll(before, [saved1]);
    await untilSaved(before);
    const offline = await before.restart(OFFLINE);
    await addAll(offline, [pending1, pending2]);
    await addRefusedUpdate(offline);
    const device = await offline.restart(options);
    return { student, device, all: [saved1, pending1, pending2].sort() };
  };

  test("[SY52] makes way for a fresh one, to which the unsaved edits are applied again", async () => {
    const world = await createWorld();
    const { student, device, all } = await createRefusedCopy(world);

    device.connect();
    await untilWithTimers(device, () => device.document.pending.value === 0);

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
    const restarted = await device.restart();
    expect([idsOf(restarted), restarted.document.pending.value]).toEqual([all, 0]);
  });

  test("[SY52] stays visible and editable while its replacement is loaded", async () => {
    const world = await createWorld();
    const { device, student, all } = await createRefusedCopy(world);
    const [late = ""] = ids(1);
    const states: string[] = [];
    device.sockets.state.subscribe(() => states.push(device.sockets.state.value));
    device.connect();
    await until(() => states.join() === "connecting,online,offline");

    await addAll(device, [late]);
    const shown = idsOf(device);
    await untilWithTimers(device, () => device.document.pending.value === 0);

    expect(shown).toEqual([...all, late].sort());
    expect(idsOf(device)).toEqual(shown);
    expect(await savedIds(student)).toEqual(shown);
  });

  test("[SY52] loses nothing, whenever the app is killed during its replacement", async () => {
    const world = await createWorld();
    let writesUntilKilled = 0;
    const killable: Partial<DocumentDeviceOptions> = {
      write: (write) => async (changes) => {
        if (writesUntilKilled <= 0) throw new StorageError("closed", "Killed");
        writesUntilKilled -= 1;
        return write(changes);
      },
    };
    const { student, device, all } = await createRefusedCopy(world, killable);

    let current = device;
    let starts = 0;
    while (current.document.pending.value > 0) {
      starts += 1;
      writesUntilKilled = 1;
      current.connect();
      const alive = current;
      await untilWithTimers(alive, () => writesUntilKilled === 0 || alive.document.pending.value === 0);
      await roundTrips();
      current = await current.restart(OFFLINE);
      expect(idsOf(current)).toEqual(all);
    }

    expect(starts).toBeGreaterThan(3);
    expect(await savedIds(student)).toEqual(all);
  });
});

test("[SY52] a refused edit is shown as failed, and the other edits are saved", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const [first = "", last = ""] = ids(2);
  // The state after a sign-out that kept the queue: a journal without a copy.
  const before = await createDevice(world, student, OFFLINE);
  const edit = (id: string) => ({ root: "favourites", key: `university:${id}`, value: { addedAt: 5 } });
  await plantEdit(before, edit(first));
  await plantEdit(before, { root: "favourites", key: "nonsense", value: 1 });
  await plantEdit(before, edit(last));

  const device = await before.restart();
  const shown = device.document.entries.favourites.value.size;
  device.connect();
  await untilWithTimers(device, () => device.document.pending.value === 0);

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

test("[SY52] an edit that is refused among others fails alone", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const device = await createDevice(world, student);
  await until(() => device.sockets.state.value === "online");
  const [id = ""] = ids(1);

  // The SDK's own methods cannot do this: `favourites.add` never writes such a key.
  await device.document.edit("favourites", "nonsense", () => 1);
  await addAll(device, [id]);
  await untilWithTimers(device, () => device.document.pending.value === 0);

  expect(device.outbox.entries.value).toMatchObject([{ input: { key: "nonsense" } }]);
  expect(await savedIds(student)).toEqual([id]);
});

test("[SY52] an edit that exceeds the document's limit is shown as failed, and delays no other edit", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const stock = connectStock({ url: world.url, token: student.token }, userDocumentName(student.id));
  await stock.synced();
  const filling = stock.doc.getArray("settings");
  // Each push fits into one frame; afterwards about 6 kB are left.
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
  await untilWithTimers(device, () => device.document.pending.value === 0);

  const failed = device.outbox.entries.value;
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(6);
  for (const entry of failed) expect(entry).toMatchObject({ state: "failed", reason: "limit/reached" });
  expect(device.settings.get("a")).toBeDefined();
  await until(() => stock.doc.getArray("settings").length === 512 + 7 - failed.length);
});

test("edits made after signing out and in again are applied after those kept from before", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const [id = "", other = ""] = ids(2);
  const before = await createDevice(world, student, OFFLINE);
  await plantEdit(before, { root: "favourites", key: `university:${id}`, value: { addedAt: 5 } });
  const device = await before.restart();

  const { isFavourite } = await device.favourites.toggle("university", id);
  await addAll(device, [other]);
  const shown = idsOf(device);
  device.connect();
  await untilWithTimers(device, () => device.document.pending.value === 0);

  expect(isFavourite).toBe(false);
  expect(shown).toEqual([other]);
  expect(await savedIds(student)).toEqual([other]);
});

test("an edit that is missing from the copy on disk is restored from the journal", async () => {
  const world = await createWorld();
  const student = await createStudent(world);
  const universities = ids(3);
  const offline = await createDevice(world, student, OFFLINE);
  await addAll(offline, universities);
  const [, lost = ""] = await offline.keys("document/update/");
  await offline.records.write([{ key: lost, value: null }]);

  const device = await offline.restart();
  device.connect();
  await untilWithTimers(device, () => device.document.pending.value === 0);

  expect(idsOf(device)).toEqual([...universities].sort());
  expect(await savedIds(student)).toEqual([...universities].sort());
});

describe("two tabs of a student whose document is refused", () => {
  /** Writes slowly, so that each tab is in the middle of its own work when the other reports its result. */
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
    const untilBothSaved = (): Promise<void> => {
      one.connect();
      other.connect();
      return untilWithTimers(one, () => {
        other.clock.advance({ seconds: 1 });
        return one.document.pending.value + other.document.pending.value === 0;
      });
    };
    return { one, other, untilBothSaved };
  };

  test("[SY52] end up with the same fresh copy and the unsaved edits", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const universities = ids(3);
    const before = await createDevice(world, student, OFFLINE);
    await addAll(before, universities);
    await addRefusedUpdate(before);
    const { one, other, untilBothSaved } = await openTabs(world, before, student);

    await untilBothSaved();

    const all = [...universities].sort();
    expect([idsOf(one), idsOf(other), await savedIds(student)]).toEqual([all, all, all]);
    expect(one.outbox.entries.value).toEqual([]);
  });

  test("[SY52] fail a refused edit only once", async () => {
    const world = await createWorld();
    const student = await createStudent(world);
    const [id = ""] = ids(1);
    const before = await createDevice(world, student);
    await before.settings.set("theme", "dark");
    await untilSaved(before);
    await plantEdit(before, { root: "favourites", key: "nonsense", value: 1 });
    await plantEdit(before, { root: "favourites", key: `university:${id}`, value: { addedAt: 5 } });
    const { one, other, untilBothSaved } = await openTabs(world, before, student);

    await untilBothSaved();

    expect([idsOf(one), idsOf(other), await savedIds(student)]).toEqual([[id], [id], [id]]);
    expect(one.outbox.entries.value).toMatchObject([{ state: "failed", input: { key: "nonsense" } }]);
  });
});

/** An answer to sync step 1 that contains no updates. */
const NOTHING_FRAME = Uint8Array.of(0, 1, 2, 0, 0);

test.each([
  ["everything", CLOSE_CODES.tooLarge, { answers: false }],
  ["even what it has sent itself", CLOSE_CODES.malformed, { answers: true }],
  ["the student", CLOSE_CODES.forbidden, { answers: false }],
])(
  "[SY44] [SY52] a device retries rarely and loses nothing when a server refuses %s",
  async (_, code, { answers }) => {
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
  },
);
