import { expect, test } from "vitest";
import * as Y from "yjs";
import { arraysOf, encodeEdit, hasHole, readEntries, type Edit } from "./entries.ts";

const WRITER = { writerId: 7 };
const setting = (key: string, value: Edit["value"]): Edit => ({ root: "settings", key, value });

/** Returns a document with these edits, each encoded and then applied. */
const documentOf = (...edits: readonly Edit[]): Y.Doc => {
  const doc = new Y.Doc();
  for (const edit of edits) Y.applyUpdate(doc, encodeEdit(doc, edit, WRITER));
  return doc;
};

test("an edit changes nothing until it is applied", () => {
  const doc = documentOf(setting("a", 1));

  const update = encodeEdit(doc, setting("a", 2), WRITER);
  const before = readEntries(doc, "settings");
  Y.applyUpdate(doc, update);

  expect(before).toEqual(new Map([["a", 1]]));
  expect(readEntries(doc, "settings")).toEqual(new Map([["a", 2]]));
});

test("all edits of one run use a single writer id, each continuing after the last", () => {
  const doc = documentOf(setting("a", 1), setting("b", 2), setting("a", null), setting("a", 3));

  expect(Array.from(doc.store.clients.keys())).toEqual([WRITER.writerId]);
  expect(arraysOf(doc).settings.toArray()).toEqual([
    { key: "b", val: 2 },
    { key: "a", val: 3 },
  ]);
});

test("the last of several entries with one key wins, and an edit removes them all", () => {
  const doc = new Y.Doc();
  arraysOf(doc).settings.push([
    { key: "a", val: 1 },
    { key: "a", val: 2 },
  ]);

  const seen = readEntries(doc, "settings").get("a");
  Y.applyUpdate(doc, encodeEdit(doc, setting("a", null), WRITER));

  expect(seen).toBe(2);
  expect(arraysOf(doc).settings.toArray()).toEqual([]);
});

test("[SY33] rejects an edit on the device if the document would become too large", () => {
  const doc = new Y.Doc();
  arraysOf(doc).settings.push([{ key: "large", val: "x".repeat(1024 * 1024) }]);

  expect(() => encodeEdit(doc, setting("a", 1), WRITER)).toThrow(
    expect.objectContaining({ reason: "limit/reached", details: { limit: "documentBytes" } }),
  );
  Y.applyUpdate(doc, encodeEdit(doc, setting("large", null), WRITER));
  expect(readEntries(doc, "settings").size).toBe(0);
});

test("a document that lacks an edit on which a later one depends has a hole", () => {
  const doc = documentOf(setting("a", 1));
  const lost = encodeEdit(doc, setting("b", 2), WRITER);
  Y.applyUpdate(doc, lost);
  const later = encodeEdit(doc, setting("c", 3), WRITER);
  const other = documentOf(setting("a", 1));

  Y.applyUpdate(other, later);
  const before = hasHole(other);
  Y.applyUpdate(other, lost);

  expect(before).toBe(true);
  expect(hasHole(other)).toBe(false);
});
