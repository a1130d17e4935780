import { randomUUID } from "node:crypto";
import { openDatabase, type Database } from "@edvoyage/db";
import { createRoomLogs, systemRandom, createNewId, type RoomLogs } from "@edvoyage/server/app";
import { defaultLimits, type LogId, type Position } from "@edvoyage/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { DIALECTS, serverDatabase, type TestDialect } from "../support/databases/databases.ts";

const NOW = Date.UTC(2026, 8, 1);

interface Scene {
  readonly database: Database;
  readonly logs: RoomLogs;
  readonly id: LogId;
  append(text: string, id?: string): Promise<Position>;
}

const createScene = async (dialect: TestDialect, limits = {}): Promise<Scene> => {
  const database = await openDatabase(await serverDatabase(dialect));
  onTestFinished(() => database.close());
  const logs = createRoomLogs({
    read: database.read,
    limits: { ...defaultLimits, ...limits },
    newId: createNewId(systemRandom),
    random: systemRandom,
  });
  const id = randomUUID() as LogId;
  await database.write((tx) => logs.create(tx, id, NOW));
  return {
    database,
    logs,
    id,
    append: (text, entryId = randomUUID()) =>
      database.write((tx) =>
        logs.append(tx, id, {
          id: entryId,
          kind: "message",
          event: [1, "message", text],
          authorId: null,
          subjectId: null,
          at: NOW,
        }),
      ),
  };
};

const NEW_READER = { length: 0, redactionRevision: undefined };

const textsOf = async ({ logs, id }: Scene, segment: number): Promise<unknown[]> => {
  const { stretch } = await logs.read(id, segment, NEW_READER);
  return stretch.entries.map((bytes) => (bytes ? logs.decode(bytes)[2] : null));
};

describe.each(DIALECTS)("logs on %s", (dialect) => {
  test("[SY21] entries appended concurrently get positions without a gap, in the order of their answers", async () => {
    const scene = await createScene(dialect);

    const places = await Promise.all(Array.from({ length: 100 }, (_, index) => scene.append(`m${index}`)));

    const sorted = places.map(({ index }) => index).sort((one, other) => one - other);
    expect(sorted).toEqual(Array.from({ length: 100 }, (_, index) => index));
    const texts = await textsOf(scene, 0);
    for (const [index, place] of places.entries()) expect(texts[place.index]).toBe(`m${index}`);
  });

  test("[SY22] a full segment ends with `next`, and the next segment has another writer", async () => {
    const scene = await createScene(dialect, { segmentEvents: 4 });

    for (const text of ["a", "b", "c", "d"]) await scene.append(text);

    expect(await textsOf(scene, 0)).toEqual(["a", "b", "c", 1]);
    expect(await textsOf(scene, 1)).toEqual(["d"]);
    const [first, second] = [await scene.logs.segment(scene.id, 0), await scene.logs.segment(scene.id, 1)];
    expect(first?.writerId).not.toBe(second?.writerId);
    expect(await scene.logs.end(scene.database.read, scene.id)).toEqual({ segment: 1, index: 1 });
  });

  test("[SY22] the first entry past the size limit of a segment seals it", async () => {
    const scene = await createScene(dialect, { segmentBytes: 100 });

    await scene.append("x".repeat(50));
    await scene.append("y".repeat(60));
    const third = await scene.append("z");

    expect(third).toEqual({ segment: 1, index: 0 });
  });

  test("rolling seals a segment with entries, and leaves an empty one alone", async () => {
    const scene = await createScene(dialect);
    const roll = () => scene.database.write((tx) => scene.logs.roll(tx, scene.id, NOW));

    expect(await roll()).toBe(0);
    await scene.append("a");
    expect(await roll()).toBe(1);
    expect(await roll()).toBe(1);
    expect(await textsOf(scene, 0)).toEqual(["a", 1]);
  });

  test("[SY20] a reader receives what it lacks: new entries, and redactions that it does not have", async () => {
    const scene = await createScene(dialect);
    const { logs, id, database } = scene;
    for (const text of ["a", "b", "c"]) await scene.append(text);
    const { state } = await logs.read(id, 0, NEW_READER);

    const nothing = await logs.read(id, 0, state);
    await database.write((tx) => logs.redact(tx, id, { places: [{ segment: 0, index: 1 }], now: NOW }));
    await scene.append("d");
    const rest = await logs.read(id, 0, state);

    expect(nothing.stretch).toMatchObject({ entries: [], redacted: [] });
    expect(rest.stretch).toMatchObject({ from: 3, redacted: [1] });
    expect(rest.stretch.entries).toHaveLength(1);
    expect((await logs.read(id, 0, rest.state)).stretch).toMatchObject({ entries: [], redacted: [] });
  });

  test("[SY25] the bytes of a redacted entry are removed from its row", async () => {
    const scene = await createScene(dialect);
    const { logs, id, database } = scene;
    await scene.append("secret");
    const redact = () =>
      database.write((tx) => logs.redact(tx, id, { places: [{ segment: 0, index: 0 }], now: NOW }));

    await redact();
    const once = await logs.segment(id, 0);
    await redact();

    expect(await textsOf(scene, 0)).toEqual([null]);
    expect(once?.redactionRevision).toBe(1);
    expect(await logs.segment(id, 0)).toEqual(once);
  });

  test("[SY21] a gap in the positions is an error, never an answer", async () => {
    const scene = await createScene(dialect);
    for (const text of ["a", "b", "c"]) await scene.append(text);
    await scene.database.write((tx) =>
      tx.kysely.deleteFrom("log_entries").where("position", "=", 1).execute(),
    );

    await expect(scene.logs.read(scene.id, 0, NEW_READER)).rejects.toThrow("hole");
  });

  test("an entry id is unique across all logs", async () => {
    const scene = await createScene(dialect);
    const entryId = randomUUID();
    await scene.append("a", entryId);

    await expect(scene.append("b", entryId)).rejects.toThrow(/unique/i);
    expect(await textsOf(scene, 0)).toEqual(["a"]);
  });
});
