import { StorageError, type Database } from "@edvoyage/db";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases/databases.ts";
import {
  contentOf,
  createDocumentsNode,
  createOfflineDevice,
  type DocumentsNode,
} from "../support/servers/documents-node.ts";
import { createDocumentsScene, university, expectAgreement } from "../support/servers/documents-scene.ts";

// Without PostgreSQL, the setup prints what was not run (databases.setup.ts).
describe.skipIf(!DIALECTS.includes("postgres"))("a user document in two processes on one PostgreSQL", () => {
  test("has the same state in both, whichever writes", async () => {
    const one = await createDocumentsScene("postgres");
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
    const one = await createDocumentsScene("postgres");
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
    const one = await createDocumentsScene("postgres");
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
      const one = await createDocumentsScene("postgres");
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
    const one = await createDocumentsScene("postgres");
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
