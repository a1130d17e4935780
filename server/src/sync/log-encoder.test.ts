import { EVENTS_ROOT } from "@edvoyage/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { encodeEntry, encodeLogUpdate, splitStretch, type EntryValue } from "./log-encoder.ts";

/** Uses Yjs itself as the server of one segment: the reference for the encoder. */
const createReference = (writerId: number) => {
  const doc = new Y.Doc();
  doc.clientID = writerId;
  const events = doc.getArray<unknown>(EVENTS_ROOT);
  const redacted = new Set<number>();
  return {
    append: (event: readonly EntryValue[]) => events.push([[...event]]),
    redact: (position: number) => {
      // An index of an array counts only visible entries; a position counts all.
      const visible = [...redacted].filter((other) => other < position).length;
      if (redacted.has(position)) return;
      events.delete(position - visible, 1);
      redacted.add(position);
    },
    doc,
  };
};

/** Rows as the database keeps them. */
interface Rows {
  readonly writerId: number;
  readonly entries: (Uint8Array | null)[];
}

const fullUpdate = (rows: Rows, from = 0): Uint8Array =>
  encodeLogUpdate({
    writerId: rows.writerId,
    from,
    entries: rows.entries.slice(from),
    redacted: rows.entries.flatMap((bytes, position) => (bytes === null ? [position] : [])),
  });

/** Compares bytes without Vitest, whose own comparison is too slow for this many. */
const expectSameBytes = (actual: Uint8Array, expected: Uint8Array): void => {
  if (!Buffer.from(actual).equals(expected)) expect(actual).toEqual(expected);
};

const eventsOf = (doc: Y.Doc): unknown[] => doc.getArray(EVENTS_ROOT).toArray();

const text = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .filter((value) => value.isWellFormed() && !value.includes("\0"));
const event = fc.tuple(
  fc.constant(1),
  fc.constantFrom("message", "edit", "reaction"),
  fc.uuid({ version: 7 }),
  fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.maxSafeNat()),
  text,
  fc.option(text, { nil: null }),
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant("append" as const), event }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("redact" as const), at: fc.nat() }) },
  // A new reader connects, or an earlier one reconnects with its copy.
  { weight: 2, arbitrary: fc.record({ does: fc.constant("sync" as const), reader: fc.nat({ max: 2 }) }) },
);
const history = fc.record({
  writerId: fc.integer({ min: 1, max: 0xffff_ffff }),
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
});

describe("the encoder of log updates", () => {
  test("[SY19] writes the same bytes as Yjs for 10,000 random histories, from every state vector, and all readers agree", () => {
    fc.assert(
      fc.property(history, ({ writerId, steps }) => {
        const reference = createReference(writerId);
        const rows: Rows = { writerId, entries: [] };
        const readers = [0, 1, 2].map(() => new Y.Doc());

        for (const step of steps) {
          if (step.does === "append") {
            reference.append(step.event);
            rows.entries.push(encodeEntry(step.event));
          } else if (step.does === "redact" && rows.entries.length > 0) {
            const position = step.at % rows.entries.length;
            reference.redact(position);
            rows.entries[position] = null;
          } else if (step.does === "sync") {
            const reader = readers[step.reader];
            if (!reader) continue;
            const has = Y.decodeStateVector(Y.encodeStateVector(reader)).get(writerId) ?? 0;
            const update = fullUpdate(rows, has);
            expectSameBytes(update, Y.encodeStateAsUpdate(reference.doc, Y.encodeStateVector(reader)));
            Y.applyUpdate(reader, update);
            expect(eventsOf(reader)).toEqual(eventsOf(reference.doc));
          }
        }

        expectSameBytes(fullUpdate(rows), Y.encodeStateAsUpdate(reference.doc));
        for (let from = 0; from <= rows.entries.length; from += 1) {
          const vector = Y.encodeStateVector(new Map([[writerId, from]]) as never);
          expectSameBytes(fullUpdate(rows, from), Y.encodeStateAsUpdate(reference.doc, vector));
        }
        for (const reader of readers) {
          const has = Y.decodeStateVector(Y.encodeStateVector(reader)).get(writerId) ?? 0;
          Y.applyUpdate(reader, fullUpdate(rows, has));
          expect(eventsOf(reader)).toEqual(eventsOf(reference.doc));
          expect(reader.store.pendingStructs).toBeNull();
        }
      }),
      { numRuns: 10_000 },
    );
  }, 120_000);

  test("[SY19] makes a reader converge when it gets the updates in any order and twice each", () => {
    fc.assert(
      fc.property(
        fc.record({
          writerId: fc.integer({ min: 1, max: 0xffff_ffff }),
          events: fc.array(event, { minLength: 1, maxLength: 30 }),
          cuts: fc.array(fc.nat(), { maxLength: 6 }),
          redactions: fc.array(fc.nat(), { maxLength: 6 }),
        }),
        fc.infiniteStream(fc.nat()),
        ({ writerId, events, cuts, redactions }, order) => {
          const entries: (Uint8Array | null)[] = events.map((event) => encodeEntry(event));
          const bounds = [0, ...cuts.map((cut) => cut % events.length), events.length].sort((a, b) => a - b);
          const updates = bounds.slice(1).map((to, index) => {
            const from = bounds[index] ?? 0;
            return encodeLogUpdate({ writerId, from, entries: entries.slice(from, to), redacted: [] });
          });
          const redactedPositions = [...new Set(redactions.map((at) => at % events.length))].sort(
            (a, b) => a - b,
          );
          updates.push(
            encodeLogUpdate({ writerId, from: events.length, entries: [], redacted: redactedPositions }),
          );
          const shuffled = [...updates, ...updates]
            .map((update) => ({ update, key: order.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key);

          const reader = new Y.Doc();
          for (const { update } of shuffled) Y.applyUpdate(reader, update);

          const live = events.filter((_, position) => !redactedPositions.includes(position));
          expect(eventsOf(reader)).toEqual(live.map((event) => [...event]));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("[SY25] writes no bytes of a redacted entry, and a reader that has the entry drops it", () => {
    const writerId = 7;
    const entries: (Uint8Array | null)[] = ["first", "secret", "third"].map((text) =>
      encodeEntry([1, "message", text]),
    );
    const reader = new Y.Doc();
    Y.applyUpdate(reader, fullUpdate({ writerId, entries }));

    entries[1] = null;
    const redaction = encodeLogUpdate({ writerId, from: 3, entries: [], redacted: [1] });
    Y.applyUpdate(reader, redaction);

    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
    expect(text(fullUpdate({ writerId, entries }))).not.toContain("secret");
    expect(text(Y.encodeStateAsUpdate(reader))).not.toContain("secret");
    expect(eventsOf(reader)).toEqual([
      [1, "message", "first"],
      [1, "message", "third"],
    ]);
  });

  test("shows an entry that comes after only redacted entries", () => {
    const writerId = 0xffff_ffff;
    const entries = [null, null, encodeEntry([1, "message", "still here"])];
    const reader = new Y.Doc();

    Y.applyUpdate(reader, fullUpdate({ writerId, entries }));

    expect(eventsOf(reader)).toEqual([[1, "message", "still here"]]);
  });

  test.each(["NUL \0", "\ud800", "half \udc00 a pair"])("[SY24] rejects a text like %j", (bad) => {
    expect(() => encodeEntry([1, "message", bad])).toThrow("NUL or a lone surrogate");
  });
});

test("divides a stretch into parts that together are the same document, whatever their size", () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 40 }),
      fc.nat({ max: 500 }),
      fc.nat(),
      (events, maxBytes, at) => {
        const reference = createReference(7);
        for (const one of events) reference.append(one);
        const position = events.length > 0 ? at % events.length : undefined;
        if (position !== undefined) reference.redact(position);
        const entries = events.map((one, index) => (index === position ? null : encodeEntry(one)));
        const redacted = position === undefined ? [] : [position];

        const parts = splitStretch({ writerId: 7, from: 0, entries, redacted }, maxBytes);
        const doc = new Y.Doc();
        for (const part of parts) Y.applyUpdate(doc, encodeLogUpdate(part));

        expect(eventsOf(doc)).toEqual(eventsOf(reference.doc));
        expectSameBytes(Y.encodeStateVector(doc), Y.encodeStateVector(reference.doc));
        expect(parts.length).toBeLessThanOrEqual(Math.max(1, entries.length));
      },
    ),
  );
});
