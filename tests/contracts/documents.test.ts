import { CLOSE_CODES } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases/databases.ts";
import { contentOf, createOfflineDevice, rowsOf } from "../support/servers/documents-node.ts";
import {
  createDocumentsScene,
  university,
  course,
  updateOf,
  closeCodeOf,
  expectAgreement,
} from "../support/servers/documents-scene.ts";

describe.each(DIALECTS)("a user document, on %s", (dialect) => {
  test.each([
    ["the first before the second", [0, 1, 0]],
    ["the second before the first", [1, 0, 1]],
  ])("[SY34] becomes equal on two devices that toggled offline, syncing %s", async (_name, order) => {
    const scene = await createDocumentsScene(dialect);
    const devices = [createOfflineDevice(scene.student), createOfflineDevice(scene.student)] as const;
    const [phone, laptop] = devices;
    phone.favourites.set(university(1), { addedAt: 1 });
    phone.favourites.set(university(2), { addedAt: 2 });
    await phone.sync(scene.documents);
    await laptop.sync(scene.documents);

    phone.favourites.delete(university(1));
    phone.favourites.set(course(3), { addedAt: 30 });
    phone.settings.set("theme", "dark");
    laptop.favourites.set(university(2), { addedAt: 20 });
    laptop.favourites.set(course(3), { addedAt: 31 });
    laptop.favourites.delete(course(3));
    laptop.favourites.set(course(4), { addedAt: 4 });
    for (const turn of order) await devices[turn]?.sync(scene.documents);

    expect(contentOf(phone.doc)).toEqual(contentOf(laptop.doc));
    expect(contentOf(phone.doc)).toEqual({
      favourites: {
        [university(2)]: { addedAt: 20 },
        [course(3)]: { addedAt: 30 },
        [course(4)]: { addedAt: 4 },
      },
      settings: { theme: "dark" },
    });
    await expectAgreement(scene, contentOf(phone.doc));
  });

  test("stays empty and has no row before the first write", async () => {
    const { documents, database, student } = await createDocumentsScene(dialect);

    const { update, stateVector } = await documents.read(student, Uint8Array.of(0));

    expect([...update]).toEqual([0, 0]);
    expect([...stateVector]).toEqual([0]);
    expect((await rowsOf(database, student)).document).toBeUndefined();
  });

  test("[SY31] reports an update after its commit, with its origin, and only if it changed something", async () => {
    const { documents, student, stored, database } = await createDocumentsScene(dialect);
    const bytes = updateOf((doc) => doc.getArray("settings").push([{ key: "a", val: 1 }]));
    const socket = { name: "socket" };

    expect(await documents.apply(student, bytes, socket)).toEqual({ state: "stored", update: bytes });
    expect(await documents.apply(student, bytes, socket)).toEqual({ state: "unchanged" });

    expect(stored).toEqual([{ userId: student, update: bytes, origin: socket }]);
    expect((await rowsOf(database, student)).updates).toHaveLength(1);
  });

  test("applies concurrent updates in the order in which they arrived", async () => {
    const scene = await createDocumentsScene(dialect);
    const device = createOfflineDevice(scene.student);
    const updates: Uint8Array[] = [];
    device.doc.on("update", (update) => updates.push(update));
    for (let i = 0; i < 40; i += 1) device.favourites.set(university(i % 7), { addedAt: i });

    const outcomes = await Promise.all(updates.map((update) => scene.documents.apply(scene.student, update)));

    expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(["stored"]));
    await expectAgreement(scene, contentOf(device.doc));
  });

  test("[SY32] drops an update with a gap, without harm, and accepts it together with what was missing", async () => {
    const scene = await createDocumentsScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.favourites.set(university(1), { addedAt: 1 });
    const before = Y.encodeStateVector(device.doc);
    device.favourites.set(university(2), { addedAt: 2 });
    const later = Y.encodeStateAsUpdate(device.doc, before);
    const deletion = new Y.Doc();
    Y.applyUpdate(deletion, Y.encodeStateAsUpdate(device.doc));
    const stateVector = Y.encodeStateVector(deletion);
    deletion.getArray("favourites").delete(0);

    expect(await scene.documents.apply(scene.student, later)).toEqual({ state: "gap" });
    expect(await scene.documents.apply(scene.student, Y.encodeStateAsUpdate(deletion, stateVector))).toEqual({
      state: "gap",
    });
    expect((await rowsOf(scene.database, scene.student)).document).toBeUndefined();
    await device.sync(scene.documents);

    await expectAgreement(scene, contentOf(device.doc));
  });

  test("[SY32] drops an update whose sender itself waits for a missing update", async () => {
    const scene = await createDocumentsScene(dialect);
    const [other, device] = [new Y.Doc(), new Y.Doc()];
    other.getArray("settings").push([{ key: "a", val: 1 }]);
    const before = Y.encodeStateVector(other);
    other.getArray("settings").push([{ key: "b", val: 1 }]);
    Y.applyUpdate(device, Y.encodeStateAsUpdate(other, before));

    expect(await scene.documents.apply(scene.student, Y.encodeStateAsUpdate(device))).toEqual({
      state: "gap",
    });
  });

  test.each([
    ["another root", updateOf((doc) => doc.getArray("events").push([{ key: "k", val: 1 }]))],
    ["text", updateOf((doc) => doc.getText("settings").insert(0, "text"))],
    [
      "a favourite of nothing",
      updateOf((doc) => doc.getArray("favourites").push([{ key: "k", val: { addedAt: 1 } }])),
    ],
    [
      "a favourite without a time",
      updateOf((doc) => doc.getArray("favourites").push([{ key: university(1), val: {} }])),
    ],
    [
      "a favourite with more",
      updateOf((doc) =>
        doc.getArray("favourites").push([{ key: university(1), val: { addedAt: 1, by: "x" } }]),
      ),
    ],
  ])("[SY29] [SY30] refuses %s and stays unchanged", async (_name, bytes) => {
    const scene = await createDocumentsScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.favourites.set(university(1), { addedAt: 1 });
    await device.sync(scene.documents);

    expect(await closeCodeOf(scene.documents.apply(scene.student, bytes))).toBe(CLOSE_CODES.malformed);

    await expectAgreement(scene, contentOf(device.doc));
    expect(scene.stored).toHaveLength(1);
  });

  test("[SY30] refuses an item whose left neighbour comes after its right one", async () => {
    const scene = await createDocumentsScene(dialect);
    const doc = new Y.Doc();
    doc.clientID = 5;
    doc.getArray("settings").push([0, 1, 2].map((val) => ({ key: `k${val}`, val })));
    const stateVector = Y.encodeStateVector(doc);
    await scene.documents.apply(scene.student, Y.encodeStateAsUpdate(doc));
    doc.getArray("settings").insert(2, [{ key: "k3", val: 3 }]);
    // One client, one struct, client 5, clock 3, an item between (5, 1) and (5, 2).
    const honest = Y.encodeStateAsUpdate(doc, stateVector);
    expect([...honest.subarray(0, 9)]).toEqual([1, 1, 5, 3, 0xc8, 5, 1, 5, 2]);
    const swapped = honest.slice();
    swapped.set([5, 2, 5, 1], 5);

    expect(await closeCodeOf(scene.documents.apply(scene.student, swapped))).toBe(CLOSE_CODES.malformed);
    expect(await scene.documents.apply(scene.student, honest)).toMatchObject({ state: "stored" });
  });

  test("[SY30] refuses items that wait for each other in a cycle, and forgets them", async () => {
    const scene = await createDocumentsScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.settings.set("a", 1);
    await device.sync(scene.documents);
    // Each of clients 1 and 2 has a deleted item whose origin is the other client's item.
    const circle = Uint8Array.of(2, 1, 2, 0, 0x81, 1, 0, 1, 1, 1, 0, 0x81, 2, 0, 1, 0);

    expect(await closeCodeOf(scene.documents.apply(scene.student, circle))).toBe(CLOSE_CODES.malformed);

    await expectAgreement(scene, contentOf(device.doc));
  });
});
