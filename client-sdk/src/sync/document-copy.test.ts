import { expect, test } from "vitest";
import * as Y from "yjs";
import { createNewId, systemRandomBytes } from "../runtime/ids.ts";
import { createMemoryStorage } from "../storage/memory.ts";
import { createRecords, type Records } from "../storage/records.ts";
import { createDoc, drawClientId } from "./create-doc.ts";
import { STORED_ORIGIN, loadCopy, replaceCopy, type DocumentCopy } from "./document-copy.ts";
import { encodeEdit, hasHole, readEntries } from "./entries.ts";

const createDisk = async () => {
  const storage = createMemoryStorage();
  const records = createRecords(await storage.open("student"), { onDamaged: () => {} });
  const clock = { now: () => 1_000, after: () => () => {} };
  const depsOf = (wrapped: Records) => ({
    records: wrapped,
    randomBytes: systemRandomBytes,
    newId: createNewId({ clock, randomBytes: systemRandomBytes }),
  });
  return { records, depsOf };
};

/** Sets a key in a copy and on its disk, each time like another run of the program. */
const set = async (records: Records, copy: DocumentCopy, key: string): Promise<void> => {
  const writerId = drawClientId(systemRandomBytes);
  const update = encodeEdit(copy.doc, { root: "settings", key, value: 1 }, { writerId });
  const changes = copy.append(update);
  await records.write(changes);
  copy.markStored(changes);
  Y.applyUpdate(copy.doc, update, STORED_ORIGIN);
};

const keysOf = (copy: DocumentCopy): string[] => Array.from(readEntries(copy.doc, "settings").keys()).sort();

test("keeps an update that one program adds while another folds, even if both fold", async () => {
  const { records, depsOf } = await createDisk();
  const first = await loadCopy(depsOf(records));
  await set(records, first, "a");
  let onListed = async (): Promise<void> => {};
  const slow: Records = {
    ...records,
    listBytes: async (prefix) => {
      const listed = await records.listBytes(prefix);
      await onListed();
      return listed;
    },
  };
  const other = await loadCopy(depsOf(slow));
  onListed = async () => {
    onListed = async () => {};
    await set(records, first, "b");
    await first.fold();
  };

  await other.fold();
  const loaded = await loadCopy(depsOf(records));
  await loaded.fold();

  expect(keysOf(await loadCopy(depsOf(records)))).toEqual(["a", "b"]);
  expect(await records.keys("document/update/")).toHaveLength(1);
});

test("a copy reads what another program added, and notices that it was replaced", async () => {
  const { records, depsOf } = await createDisk();
  const first = await loadCopy(depsOf(records));
  await set(records, first, "a");
  const other = await loadCopy(depsOf(records));
  await set(records, first, "b");

  const isCurrent = await other.readUpdates();
  const keysRead = keysOf(other);
  await replaceCopy(depsOf(records), first, { doc: createDoc(systemRandomBytes), setAside: false });

  expect([isCurrent, keysRead]).toEqual([true, ["a", "b"]]);
  expect(await other.readUpdates()).toBe(false);
});

test("an update that is added to a replaced copy does not become part of the new one", async () => {
  const { records, depsOf } = await createDisk();
  const first = await loadCopy(depsOf(records));
  await set(records, first, "a");
  const other = await loadCopy(depsOf(records));
  await replaceCopy(depsOf(records), first, { doc: createDoc(systemRandomBytes), setAside: false });

  await set(records, other, "b");

  const loaded = await loadCopy(depsOf(records));
  expect([keysOf(loaded), hasHole(loaded.doc)]).toEqual([[], false]);
  expect(
    await replaceCopy(depsOf(records), other, { doc: createDoc(systemRandomBytes), setAside: false }),
  ).toBe(undefined);
});
