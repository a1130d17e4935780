import type { MessageId, RoomEvent, UserId } from "@edvoyage/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { systemRandomBytes } from "../runtime/ids.ts";
import { bytesToDoc, docToBytes, purgeMessages, readSegment } from "./segment.ts";

const ADA = "ada" as UserId;
const message = (id: string): RoomEvent => [1, "message", id as MessageId, ADA, 1, `text of ${id}`, null];
const edit = (id: string, of: string): RoomEvent => [1, "edit", id, ADA, 2, of as MessageId, `text of ${id}`];

/** Creates a segment like the server does: a single writer that only appends. */
const toDoc = (events: readonly unknown[]): Y.Doc => {
  const doc = new Y.Doc();
  for (const event of events) doc.getArray("events").push([event]);
  return doc;
};

const rowsOf = (doc: Y.Doc) => readSegment(0, doc).rows.map(({ index, event }) => `${index} ${event[2]}`);

test("a row keeps its index, whatever was redacted before it", () => {
  const doc = toDoc([message("a"), message("b"), message("c"), [1, "next", 1]]);
  doc.getArray("events").delete(0, 2);

  expect(rowsOf(doc)).toEqual(["2 c", "3 1"]);
  expect(readSegment(0, doc)).toMatchObject({ length: 4, isSealed: true, isRogue: false });
});

test("[SY51] a copy with events of a second writer is rogue", () => {
  const doc = toDoc([message("a")]);
  const other = new Y.Doc();
  Y.applyUpdate(other, docToBytes(doc));
  other.getArray("events").push([message("forged")]);

  expect(readSegment(0, other).isRogue).toBe(true);
});

test("[SY23] skips an event of a later version, but counts its row", () => {
  const doc = toDoc([message("a"), [2, "poll", "x"], message("b")]);

  expect(rowsOf(doc)).toEqual(["0 a", "2 b"]);
  expect(readSegment(0, doc).length).toBe(3);
});

test("returns undefined for bytes that are no document", () => {
  expect(bytesToDoc(Uint8Array.of(7, 7, 7), systemRandomBytes)).toBeUndefined();
  expect(bytesToDoc(Uint8Array.of(0, 0), systemRandomBytes)).toBeDefined();
});

test("[SY25] a purge leaves the same bytes as the server's own redaction", () => {
  const ids = ["a", "b", "c", "d"];
  const event = fc.oneof(
    fc.constantFrom(...ids).map(message),
    fc.tuple(fc.constantFrom("e", "f"), fc.constantFrom(...ids)).map(([id, of]) => edit(id, of)),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), fc.subarray(ids), (events, removed) => {
      const server = toDoc(events);
      const copy = bytesToDoc(docToBytes(server), systemRandomBytes) ?? expect.fail("no document");
      const hit = events.map((one) => removed.includes(one[1] === "edit" ? one[5] : String(one[2])));

      const purged = purgeMessages(copy, new Set(removed.map((id) => id as MessageId)));
      // One by one, because the server deletes by row.
      events.forEach((_, index) => {
        const left = hit.slice(0, index).filter((isHit) => !isHit).length;
        if (hit[index]) server.getArray("events").delete(left);
      });

      expect(purged).toBe(hit.includes(true));
      expect(docToBytes(copy)).toEqual(docToBytes(server));
      const text = new TextDecoder("latin1").decode(docToBytes(copy));
      for (const id of removed) expect(text).not.toContain(`text of ${id}`);
    }),
  );
});
