import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DIALECTS, type TestDialect } from "../../support/databases/databases.ts";
import { createStudent, type Student } from "../../support/students/student.ts";
import { until } from "../../support/network/sync-client.ts";
import { createWorld, expectRefusal, type WorldOptions } from "../../support/servers/world.ts";
import { favouritesOf, favouritesTable, openOwn, toggle } from "../../support/students/stock-student.ts";

const createScene = async (dialect: TestDialect, limits: WorldOptions["limits"] = {}) => {
  const world = await createWorld({ dialect, limits });
  return { world, student: await createStudent(world) };
};

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const EMPTY = toBase64(Uint8Array.of(0));

/** Exchanges a document as a device without sockets does. */
const exchange = async ({ rpc }: Student, doc: Y.Doc): Promise<void> => {
  const { update } = await rpc.documents.exchange.mutate({
    update: toBase64(Y.encodeStateAsUpdate(doc)),
    stateVector: toBase64(Y.encodeStateVector(doc)),
  });
  Y.applyUpdate(doc, Buffer.from(update, "base64"));
};

const setting = (doc: Y.Doc, key: string, val: unknown): void =>
  doc.getArray("settings").push([{ key, val }]);

describe.each(DIALECTS)("the exchange of a user document by HTTP, on %s", (dialect) => {
  test("[SY55] commits changes with the table before it answers, and returns what the device lacks", async () => {
    const { world, student } = await createScene(dialect);
    const socket = openOwn(world, student);
    await socket.synced();
    const [phone, laptop] = [new Y.Doc(), new Y.Doc()];
    toggle(phone, "5f6f3b4e-0000-7000-8000-000000000001");
    setting(laptop, "theme", "dark");

    await exchange(student, phone);
    const table = await favouritesTable(student);
    await exchange(student, laptop);
    await exchange(student, phone);

    expect(table).toEqual(favouritesOf(phone));
    expect(favouritesOf(laptop)).toEqual(favouritesOf(phone));
    expect(phone.getArray("settings").toArray()).toEqual([{ key: "theme", val: "dark" }]);
    await until(() => socket.doc.getArray("settings").length === 1 && favouritesOf(socket.doc).length === 1);
  });

  test("[SY55] reads without an update, and takes a repeated update once", async () => {
    const { student } = await createScene(dialect);
    const doc = new Y.Doc();
    setting(doc, "theme", "dark");
    const update = toBase64(Y.encodeStateAsUpdate(doc));

    await student.rpc.documents.exchange.mutate({ update, stateVector: EMPTY });
    await student.rpc.documents.exchange.mutate({ update, stateVector: EMPTY });
    const answer = await student.rpc.documents.exchange.mutate({ stateVector: EMPTY });

    expect(answer).toEqual({ update });
  });

  test("[SY30] [SY55] refuses an update that a socket would refuse, and nothing has changed", async () => {
    const { student } = await createScene(dialect);
    const foreign = new Y.Doc();
    foreign.getArray("elsewhere").push([1]);
    const large = new Y.Doc();
    setting(large, "big", "x".repeat(3_000));

    for (const update of [
      Uint8Array.of(1, 1, 255, 255, 255, 255, 127),
      new Uint8Array(),
      Y.encodeStateAsUpdate(foreign),
      Y.encodeStateAsUpdate(large),
    ]) {
      const input = { update: toBase64(update), stateVector: EMPTY };
      await expectRefusal(student.rpc.documents.exchange.mutate(input), "input/invalid");
    }

    const { update } = await student.rpc.documents.exchange.mutate({ stateVector: EMPTY });
    expect([...Buffer.from(update, "base64")]).toEqual([0, 0]);
  });

  test("[SY55] refuses a malformed state vector before it commits anything", async () => {
    const { student } = await createScene(dialect);
    const doc = new Y.Doc();
    setting(doc, "theme", "dark");
    const update = toBase64(Y.encodeStateAsUpdate(doc));

    for (const stateVector of [toBase64(Uint8Array.of(5, 1)), "not base64!"]) {
      await expectRefusal(student.rpc.documents.exchange.mutate({ update, stateVector }), "input/invalid");
    }

    const answer = await student.rpc.documents.exchange.mutate({ stateVector: EMPTY });
    expect([...Buffer.from(answer.update, "base64")]).toEqual([0, 0]);
  });

  test("[SY33] [SY55] refuses a document that is too large, and a state vector with too many writers", async () => {
    const { student } = await createScene(dialect, { documentBytes: 1_000, documentStateVectorEntries: 2 });
    const doc = new Y.Doc();
    for (let index = 0; index < 4; index += 1) setting(doc, `note ${index}`, "x".repeat(300));
    const update = toBase64(Y.encodeStateAsUpdate(doc));
    const manyWriters = toBase64(Uint8Array.of(3, 1, 1, 2, 1, 3, 1));

    await expectRefusal(
      student.rpc.documents.exchange.mutate({ update, stateVector: EMPTY }),
      "limit/reached",
      { limit: "documentBytes" },
    );
    await expectRefusal(
      student.rpc.documents.exchange.mutate({ stateVector: manyWriters }),
      "limit/reached",
      { limit: "documentStateVectorEntries" },
    );
  });

  test("[SY32] [SY55] refuses an update with a gap as a conflict, and takes the whole document afterwards", async () => {
    const { student } = await createScene(dialect);
    const doc = new Y.Doc();
    setting(doc, "first", 1);
    const known = Y.encodeStateVector(doc);
    setting(doc, "second", 2);
    const gap = toBase64(Y.encodeStateAsUpdate(doc, known));

    await expectRefusal(
      student.rpc.documents.exchange.mutate({ update: gap, stateVector: EMPTY }),
      "conflict",
    );
    await exchange(student, doc);

    const copy = new Y.Doc();
    await exchange(student, copy);
    expect(copy.getArray("settings").length).toBe(2);
  });

  test("[SY55] exchanges only the document of the student whose key it is", async () => {
    const { world, student } = await createScene(dialect);
    const other = await createStudent(world);
    const doc = new Y.Doc();
    setting(doc, "secret", randomUUID());
    await exchange(student, doc);

    const copy = new Y.Doc();
    await exchange(other, copy);

    expect(copy.getArray("settings").length).toBe(0);
  });
});
