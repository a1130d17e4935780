import { openDatabase, type Database } from "@edvoyage/db";
import { DocumentRefusal } from "@edvoyage/server/app";
import type { LimitName, UserId } from "@edvoyage/protocol";
import { expect, onTestFinished } from "vitest";
import * as Y from "yjs";
import { serverDatabase, type TestDialect } from "../databases/databases.ts";
import {
  contentOf,
  createDocumentsNode,
  createStudent,
  documentOnDisk,
  favouritesTableOf,
  type DocumentsNode,
} from "./documents-node.ts";
import { createFakeClock, type FakeClock } from "../fakes/fake-clock.ts";

/** A node with documents, and a student. */
export interface DocumentsScene extends DocumentsNode {
  readonly database: Database;
  readonly url: string;
  readonly clock: FakeClock;
  readonly student: UserId;
  /** Starts another process on the same database. */
  join(): DocumentsNode;
}

/** Creates documents on a database of their own, with a student. */
export const createDocumentsScene = async (
  dialect: TestDialect,
  limits: Partial<Record<LimitName, number>> = {},
): Promise<DocumentsScene> => {
  const url = await serverDatabase(dialect);
  const database = await openDatabase(url);
  onTestFinished(() => database.close().catch(() => {}));
  const clock = createFakeClock();
  const join = (): DocumentsNode => createDocumentsNode(database, { clock, limits });
  return { database, url, clock, student: await createStudent(database), join, ...join() };
};

/** Returns the key of a university among the favourites. */
export const university = (n: number): string =>
  `university:01990000-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** Returns the key of a course among the favourites. */
export const course = (n: number): string => `course:01990000-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** Encodes a change of an empty document. */
export const updateOf = (change: (doc: Y.Doc) => void): Uint8Array => {
  const doc = new Y.Doc();
  change(doc);
  return Y.encodeStateAsUpdate(doc);
};

/** Returns the close code with which an update is refused. */
export const closeCodeOf = async (refused: Promise<unknown>): Promise<number> => {
  const error: unknown = await refused.then(
    () => expect.fail("was accepted"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DocumentRefusal) return error.closeCode;
  throw error;
};

/** Returns the content of the document in the server's memory, from its rows on disk, and from the table. */
export const readEverywhere = async ({ documents, database, student }: DocumentsScene) => {
  const doc = new Y.Doc();
  const { update } = await documents.read(student, Y.encodeStateVector(doc));
  Y.applyUpdate(doc, update);
  return {
    memory: contentOf(doc),
    disk: contentOf(await documentOnDisk(database, student)),
    table: await favouritesTableOf(database, student),
  };
};

/** Expects this content in the document, on disk and in the table. */
export const expectAgreement = async (
  scene: DocumentsScene,
  content: Record<string, Record<string, unknown>>,
) => {
  const { memory, disk, table } = await readEverywhere(scene);
  expect(memory).toEqual(content);
  expect(disk).toEqual(content);
  expect(table).toEqual(content["favourites"]);
};
