import { CLOSE_CODES } from "@edvoyage/protocol";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS } from "../support/databases/databases.ts";
import {
  contentOf,
  createDocumentsNode,
  createOfflineDevice,
  rowsOf,
  type DocumentsNode,
} from "../support/servers/documents-node.ts";
import {
  createDocumentsScene,
  university,
  updateOf,
  closeCodeOf,
  readEverywhere,
  expectAgreement,
} from "../support/servers/documents-scene.ts";

describe.each(DIALECTS)("a user document, on %s", (dialect) => {
  test("[SY33] refuses to grow past its size limit, for devices and for the server", async () => {
    const scene = await createDocumentsScene(dialect, { documentBytes: 4_000 });
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
    const scene = await createDocumentsScene(dialect, { documentStateVectorEntries: 3 });
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
    const scene = await createDocumentsScene(dialect);
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
    const scene = await createDocumentsScene(dialect);
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
    const scene = await createDocumentsScene(dialect);
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
    const scene = await createDocumentsScene(dialect);
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
    const scene = await createDocumentsScene(dialect);
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
    const scene = await createDocumentsScene(dialect);
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
    const scene = await createDocumentsScene(dialect);
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
