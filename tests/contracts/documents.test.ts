import { openDatabase, StorageError, type Database } from "@edvoyage/db";
import { DocumentRefusal } from "@edvoyage/server/app";
import { CLOSE_CODES, type LimitName, type UserId } from "@edvoyage/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS, serverDatabase, type TestDialect } from "../support/databases/databases.ts";
import {
  contentOf,
  createDocumentsNode,
  createOfflineDevice,
  createStudent,
  documentOnDisk,
  favouritesTableOf,
  rowsOf,
  type DocumentsNode,
} from "../support/servers/documents-node.ts";
import { createFakeClock, type FakeClock } from "../support/fakes/fake-clock.ts";

interface Scene extends DocumentsNode {
  readonly database: Database;
  readonly url: string;
  readonly clock: FakeClock;
  readonly student: UserId;
  /** Starts another process on the same database. */
  join(): DocumentsNode;
}

const createScene = async (
  dialect: TestDialect,
  limits: Partial<Record<LimitName, number>> = {},
): Promise<Scene> => {
  const url = await serverDatabase(dialect);
  const database = await openDatabase(url);
  onTestFinished(() => database.close().catch(() => {}));
  const clock = createFakeClock();
  const join = (): DocumentsNode => createDocumentsNode(database, { clock, limits });
  return { database, url, clock, student: await createStudent(database), join, ...join() };
};

const university = (n: number): string => `university:01990000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const course = (n: number): string => `course:01990000-0000-7000-8000-${String(n).padStart(12, "0")}`;

const updateOf = (change: (doc: Y.Doc) => void): Uint8Array => {
  const doc = new Y.Doc();
  change(doc);
  return Y.encodeStateAsUpdate(doc);
};

const closeCodeOf = async (refused: Promise<unknown>): Promise<number> => {
  const error: unknown = await refused.then(
    () => expect.fail("was accepted"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DocumentRefusal) return error.closeCode;
  throw error;
};

/** Returns the content of the document in the server's memory, from its rows on disk, and from the table. */
const readEverywhere = async ({ documents, database, student }: Scene) => {
  const doc = new Y.Doc();
  const { update } = await documents.read(student, Y.encodeStateVector(doc));
  Y.applyUpdate(doc, update);
  return {
    memory: contentOf(doc),
    disk: contentOf(await documentOnDisk(database, student)),
    table: await favouritesTableOf(database, student),
  };
};

const expectAgreement = async (scene: Scene, content: Record<string, Record<string, unknown>>) => {
  const { memory, disk, table } = await readEverywhere(scene);
  expect(memory).toEqual(content);
  expect(disk).toEqual(content);
  expect(table).toEqual(content["favourites"]);
};

describe.each(DIALECTS)("a user document, on %s", (dialect) => {
  test.each([
    ["the first before the second", [0, 1, 0]],
    ["the second before the first", [1, 0, 1]],
  ])("[SY34] becomes equal on two devices that toggled offline, syncing %s", async (_name, order) => {
    const scene = await createScene(dialect);
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
    const { documents, database, student } = await createScene(dialect);

    const { update, stateVector } = await documents.read(student, Uint8Array.of(0));

    expect([...update]).toEqual([0, 0]);
    expect([...stateVector]).toEqual([0]);
    expect((await rowsOf(database, student)).document).toBeUndefined();
  });

  test("[SY31] reports an update after its commit, with its origin, and only if it changed something", async () => {
    const { documents, student, stored, database } = await createScene(dialect);
    const bytes = updateOf((doc) => doc.getArray("settings").push([{ key: "a", val: 1 }]));
    const socket = { name: "socket" };

    expect(await documents.apply(student, bytes, socket)).toEqual({ state: "stored", update: bytes });
    expect(await documents.apply(student, bytes, socket)).toEqual({ state: "unchanged" });

    expect(stored).toEqual([{ userId: student, update: bytes, origin: socket }]);
    expect((await rowsOf(database, student)).updates).toHaveLength(1);
  });

  test("applies concurrent updates in the order in which they arrived", async () => {
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    const updates: Uint8Array[] = [];
    device.doc.on("update", (update) => updates.push(update));
    for (let i = 0; i < 40; i += 1) device.favourites.set(university(i % 7), { addedAt: i });

    const outcomes = await Promise.all(updates.map((update) => scene.documents.apply(scene.student, update)));

    expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(["stored"]));
    await expectAgreement(scene, contentOf(device.doc));
  });

  test("[SY32] drops an update with a gap, without harm, and accepts it together with what was missing", async () => {
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.favourites.set(university(1), { addedAt: 1 });
    await device.sync(scene.documents);

    expect(await closeCodeOf(scene.documents.apply(scene.student, bytes))).toBe(CLOSE_CODES.malformed);

    await expectAgreement(scene, contentOf(device.doc));
    expect(scene.stored).toHaveLength(1);
  });

  test("[SY30] refuses an item whose left neighbour comes after its right one", async () => {
    const scene = await createScene(dialect);
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
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.settings.set("a", 1);
    await device.sync(scene.documents);
    // Each of clients 1 and 2 has a deleted item whose origin is the other client's item.
    const circle = Uint8Array.of(2, 1, 2, 0, 0x81, 1, 0, 1, 1, 1, 0, 0x81, 2, 0, 1, 0);

    expect(await closeCodeOf(scene.documents.apply(scene.student, circle))).toBe(CLOSE_CODES.malformed);

    await expectAgreement(scene, contentOf(device.doc));
  });

  test("[SY33] refuses to grow past its size limit, for devices and for the server", async () => {
    const scene = await createScene(dialect, { documentBytes: 4_000 });
    const device = createOfflineDevice(scene.student);
    device.settings.set("a", "x".repeat(2_000));
    await device.sync(scene.documents);
    const agreed = contentOf(device.doc);
    device.settings.set("b", "x".repeat(2_000));

    expect(await closeCodeOf(device.sync(scene.documents))).toBe(CLOSE_CODES.tooLarge);
    await expect(
      scene.documents.edit(scene.student, "settings", async (_tx, entries) => {
        entries.set("c", "x".repeat(2_000));
      }),
    ).rejects.toMatchObject({ reason: "limit/reached", details: { limit: "documentBytes" } });

    await expectAgreement(scene, agreed);
  });

  test("[SY33] refuses more writers than a state vector may have, and a state vector with too many", async () => {
    const scene = await createScene(dialect, { documentStateVectorEntries: 3 });
    const write = (n: number) =>
      scene.documents.apply(
        scene.student,
        updateOf((doc) => doc.getArray("settings").push([{ key: `k${n}`, val: n }])),
      );
    for (let n = 0; n < 3; n += 1) await write(n);

    expect(await closeCodeOf(write(3))).toBe(CLOSE_CODES.tooLarge);
    const vector = Uint8Array.of(4, 1, 1, 2, 1, 3, 1, 4, 1);
    expect(await closeCodeOf(scene.documents.read(scene.student, vector))).toBe(CLOSE_CODES.tooLarge);
    expect(await closeCodeOf(scene.documents.read(scene.student, Uint8Array.of(1)))).toBe(
      CLOSE_CODES.malformed,
    );
  });

  test("[SY35] commits an edit of the server together with the rest of its unit of work", async () => {
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.favourites.set(university(1), { addedAt: 1 });
    await device.sync(scene.documents);
    const edit = (isRefused: boolean) =>
      scene.documents.edit(scene.student, "favourites", async (tx, entries) => {
        await tx.kysely
          .updateTable("users")
          .set({ created_at: 99 })
          .where("id", "=", scene.student)
          .execute();
        entries.delete(university(1));
        entries.set(university(2), { addedAt: 2 });
        if (isRefused) throw new Error("changed its mind");
        return [entries.size, entries.has(university(1)), entries.get(university(2))];
      });
    const createdAt = async () =>
      (await scene.database.read.kysely.selectFrom("users").select("created_at").executeTakeFirst())
        ?.created_at;

    await expect(edit(true)).rejects.toThrow("changed its mind");
    expect(await createdAt()).toBe(0);
    await expectAgreement(scene, contentOf(device.doc));

    expect(await edit(false)).toEqual([1, false, { addedAt: 2 }]);
    expect(await createdAt()).toBe(99);
    await device.sync(scene.documents);
    expect(contentOf(device.doc)["favourites"]).toEqual({ [university(2)]: { addedAt: 2 } });
    await expectAgreement(scene, contentOf(device.doc));
  });

  test("uses one writer id for all edits of the server in an epoch, and another one in the next epoch", async () => {
    const scene = await createScene(dialect);
    const edit = (value: number, { documents }: DocumentsNode = scene) =>
      documents.edit(scene.student, "settings", async (_tx, entries) => entries.set("theme", value));
    const writers = async () => {
      const { stateVector } = await scene.documents.read(scene.student, Uint8Array.of(0));
      return [...Y.decodeStateVector(stateVector).keys()];
    };

    await edit(1);
    await edit(2, scene.join());
    const [writer] = await writers();
    expect(await writers()).toHaveLength(1);
    expect((await rowsOf(scene.database, scene.student)).document).toMatchObject({
      writer_id: writer,
      epoch: 1,
    });

    await scene.database.write((tx) => tx.kysely.updateTable("database_epoch").set({ epoch: 2 }).execute());
    await edit(3);
    await edit(4);
    expect(await writers()).toHaveLength(2);
    const { document } = await rowsOf(scene.database, scene.student);
    expect(document).toMatchObject({ epoch: 2 });
    expect(document?.writer_id).not.toBe(writer);
    expect((await readEverywhere(scene)).memory["settings"]).toEqual({ theme: 4 });
  });

  test("[SY36] no longer contains deleted data once it is compacted", async () => {
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.settings.set("secret", "canary-in-a-document");
    await device.sync(scene.documents);
    device.settings.delete("secret");
    await device.sync(scene.documents);
    const bytesOnDisk = async (): Promise<Buffer> => {
      const { document, updates } = await rowsOf(scene.database, scene.student);
      return Buffer.concat([
        ...(document?.snapshot ? [document.snapshot] : []),
        ...updates.map(({ bytes }) => bytes),
      ]);
    };
    expect((await bytesOnDisk()).includes("canary")).toBe(true);

    for (let i = 0; i < 70; i += 1) {
      device.settings.set("theme", i);
      await device.sync(scene.documents);
    }
    await scene.settle();

    expect((await bytesOnDisk()).includes("canary")).toBe(false);
    const { document, updates } = await rowsOf(scene.database, scene.student);
    expect(document?.snapshot_revision).toBeGreaterThanOrEqual(64);
    expect(updates.length).toBeLessThan(10);
    expect(updates[0]?.revision).toBe((document?.snapshot_revision ?? 0) + 1);
    await expectAgreement(scene, contentOf(device.doc));
  });

  test("[SY36] compacts by size too, while devices keep writing", async () => {
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    const writing: Promise<unknown>[] = [];
    device.doc.on("update", (update) => writing.push(scene.documents.apply(scene.student, update)));

    for (let i = 0; i < 120; i += 1) device.settings.set(`k${i % 50}`, "x".repeat(1_500));
    await Promise.all(writing);
    await scene.settle();

    const { document, updates } = await rowsOf(scene.database, scene.student);
    expect(document?.snapshot_revision).toBeGreaterThan(40);
    expect(updates.map(({ revision }) => revision)).toEqual(
      updates.map((_, index) => (document?.snapshot_revision ?? 0) + 1 + index),
    );
    await expectAgreement(scene, contentOf(device.doc));
  });

  test("can be loaded again after it was unloaded, and after a restart", async () => {
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.favourites.set(university(1), { addedAt: 1 });
    await device.sync(scene.documents);

    scene.clock.advance({ minutes: 6 });
    await scene.documents.noticeStored();
    await expectAgreement(scene, contentOf(device.doc));
    const restarted = scene.join();
    device.favourites.delete(university(1));
    await device.sync(restarted.documents);

    await expectAgreement({ ...scene, ...restarted }, contentOf(device.doc));
  });

  test("[SY30] [SY31] has the same state in memory as on disk when a commit fails, and when a unit of work runs twice", async () => {
    const scene = await createScene(dialect);
    let fails: "never" | "for good" | "once" = "never";
    const flaky = createDocumentsNode(
      {
        ...scene.database,
        write: async (unit) => {
          const failing = () =>
            scene.database.write(async (tx) => {
              await unit(tx);
              throw new Error("commit failed");
            });
          if (fails === "for good") return failing();
          if (fails === "once") await failing().catch(() => {});
          return scene.database.write(unit);
        },
      },
      { clock: scene.clock },
    );
    const device = createOfflineDevice(scene.student);
    device.settings.set("a", 1);
    await device.sync(flaky.documents);
    const agreed = contentOf(device.doc);
    device.settings.set("b", 2);
    const editTheme = () =>
      flaky.documents.edit(scene.student, "settings", async (_tx, entries) => entries.set("theme", "dark"));

    fails = "for good";
    await expect(device.sync(flaky.documents)).rejects.toThrow("commit failed");
    await expect(editTheme()).rejects.toThrow("commit failed");
    await expectAgreement({ ...scene, ...flaky }, agreed);
    expect(flaky.stored).toHaveLength(1);

    fails = "once";
    await editTheme();
    await device.sync(flaky.documents);
    await expectAgreement(
      { ...scene, ...flaky },
      { favourites: {}, settings: { a: 1, b: 2, theme: "dark" } },
    );
    expect(flaky.stored).toHaveLength(3);
  });

  test("disappears together with its student", async () => {
    const scene = await createScene(dialect);
    const device = createOfflineDevice(scene.student);
    device.favourites.set(university(1), { addedAt: 1 });
    await device.sync(scene.documents);

    await scene.database.write((tx) =>
      tx.kysely.deleteFrom("users").where("id", "=", scene.student).execute(),
    );

    expect(await rowsOf(scene.database, scene.student)).toEqual({ document: undefined, updates: [] });
    await expectAgreement(scene, { favourites: {}, settings: {} });
  });
});

// Without PostgreSQL, the setup prints what was not run (postgres.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("a user document in two processes on one PostgreSQL", () => {
  test("has the same state in both, whichever writes", async () => {
    const one = await createScene("postgres");
    const two = one.join();
    const device = createOfflineDevice(one.student);
    await device.sync(two.documents);

    for (let i = 0; i < 10; i += 1) {
      device.favourites.set(university(i % 3), { addedAt: i });
      await device.sync((i % 2 === 0 ? one : two).documents);
      await (i % 3 === 0 ? one : two).documents.edit(one.student, "settings", async (_tx, entries) =>
        entries.set(`k${i}`, i),
      );
    }
    await device.sync(one.documents);

    await expectAgreement(one, contentOf(device.doc));
    await expectAgreement({ ...one, ...two }, contentOf(device.doc));
  });

  test("applies concurrent writes of both, one after the other", async () => {
    const one = await createScene("postgres");
    const nodes: readonly DocumentsNode[] = [one, one.join(), one.join()];
    const devices = nodes.map(() => createOfflineDevice(one.student));
    for (const [n, device] of devices.entries()) {
      for (let i = 0; i < 8; i += 1) device.favourites.set(university(n * 10 + i), { addedAt: i });
    }

    await Promise.all([
      ...devices.map((device, n) => device.sync(nodes[n]?.documents ?? one.documents)),
      ...nodes.map(({ documents }, n) =>
        documents.edit(one.student, "settings", async (_tx, entries) => entries.set(`node${n}`, n)),
      ),
    ]);
    for (const device of devices) await device.sync(one.documents);

    const contents = devices.map(({ doc }) => contentOf(doc));
    expect(Object.keys(contents[0]?.["favourites"] ?? {})).toHaveLength(24);
    for (const content of contents) expect(content).toEqual(contents[0]);
    for (const node of nodes) await expectAgreement({ ...one, ...node }, contents[0] ?? {});
  });

  test("[SY27] reports a change once to each process that has read the document, and to no other", async () => {
    const one = await createScene("postgres");
    const [two, three] = [one.join(), one.join()];
    const device = createOfflineDevice(one.student);
    device.settings.set("a", 0);
    await device.sync(one.documents);
    await two.documents.read(one.student, Uint8Array.of(0));

    device.settings.set("a", 1);
    await device.sync(one.documents);
    await Promise.all([two, two, three].map(({ documents }) => documents.noticeStored()));
    await two.documents.noticeStored();

    expect(one.stored).toHaveLength(2);
    expect(two.stored.map(({ update }) => Buffer.from(update))).toEqual([
      Buffer.from(one.stored[1]?.update ?? []),
    ]);
    expect(three.stored).toEqual([]);
  });

  test.each([1, 2, 3])(
    "reports a change at the next check to a process whose read number %i failed",
    async (failing) => {
      const one = await createScene("postgres");
      let reads = Number.NEGATIVE_INFINITY;
      const all: Database["read"]["all"] = async (query, params) => {
        reads += 1;
        if (reads === failing) throw new StorageError("unavailable", "The database cannot be reached");
        return one.database.read.all(query, params);
      };
      const database = { ...one.database, read: { ...one.database.read, all } };
      const two = createDocumentsNode(database, { clock: one.clock });
      const device = createOfflineDevice(one.student);
      device.settings.set("a", 0);
      await device.sync(one.documents);
      await two.documents.read(one.student, Uint8Array.of(0));
      device.settings.set("a", 1);
      await device.sync(one.documents);

      reads = 0;
      await expect(two.documents.noticeStored()).rejects.toThrow("cannot be reached");
      await two.documents.noticeStored();

      expect(two.stored.map(({ update }) => Buffer.from(update))).toEqual([
        Buffer.from(one.stored[1]?.update ?? []),
      ]);
    },
  );

  test("sends its whole state to a process that had unloaded it, when the updates in between were compacted", async () => {
    const one = await createScene("postgres");
    const two = one.join();
    await two.documents.edit(one.student, "settings", async (_tx, entries) => entries.set("first", 0));
    one.clock.advance({ minutes: 6 });
    await two.documents.noticeStored();
    for (let i = 0; i < 70; i += 1) {
      await one.documents.edit(one.student, "settings", async (_tx, entries) => entries.set("theme", i));
    }
    await one.settle();

    await two.documents.noticeStored();

    const reader = new Y.Doc();
    for (const { update } of two.stored) Y.applyUpdate(reader, update);
    expect(contentOf(reader)["settings"]).toEqual({ first: 0, theme: 69 });
  });
});
