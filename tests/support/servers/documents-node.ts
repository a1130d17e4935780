import {
  createDocuments,
  systemRandom,
  type Clock,
  type Documents,
  type UpdateOrigin,
} from "@edvoyage/server/app";
import type { Database } from "@edvoyage/db";
import { defaultLimits, userDocumentName, type LimitName, type UserId } from "@edvoyage/protocol";
import { v7 as uuidv7 } from "uuid";
import * as Y from "yjs";
import { YKeyValue } from "y-utility/y-keyvalue";

/** The arguments of one call of `onStored`. */
export interface StoredNote {
  readonly userId: UserId;
  readonly update: Uint8Array;
  readonly origin: UpdateOrigin;
}

/** The documents of one server process, on a database that other processes may share. */
export interface DocumentsNode {
  readonly documents: Documents;
  readonly stored: StoredNote[];
  /** Waits for background tasks. */
  settle(): Promise<void>;
}

export const createDocumentsNode = (
  database: Database,
  { clock, limits }: { readonly clock: Clock; readonly limits?: Partial<Record<LimitName, number>> },
): DocumentsNode => {
  const stored: StoredNote[] = [];
  const background = new Set<Promise<unknown>>();
  const documents = createDocuments({
    database,
    clock,
    limits: { ...defaultLimits, ...limits },
    random: systemRandom,
    background: (task) => {
      const tracked = task.finally(() => background.delete(tracked));
      background.add(tracked);
    },
    onStored: (userId, update, { origin }) => stored.push({ userId, update, origin }),
  });
  return {
    documents,
    stored,
    settle: async () => {
      await Promise.all(background);
    },
  };
};

/** Inserts a student who has never signed in. */
export const createStudent = async (database: Database): Promise<UserId> => {
  const id = uuidv7() as UserId;
  await database.write(async (tx) => {
    await tx.kysely
      .insertInto("users")
      .values({ id, phone: `none:${id}`, created_at: 0 })
      .execute();
  });
  return id;
};

/** A student's device with its own document, which syncs with the server only when told to. */
export interface OfflineDevice {
  readonly doc: Y.Doc;
  readonly favourites: YKeyValue<unknown>;
  readonly settings: YKeyValue<unknown>;
  /** Exchanges what each side lacks, as the two sync steps of y-protocols do. */
  sync(documents: Documents): Promise<void>;
}

export const createOfflineDevice = (userId: UserId): OfflineDevice => {
  const doc = new Y.Doc();
  return {
    doc,
    favourites: new YKeyValue(doc.getArray("favourites")),
    settings: new YKeyValue(doc.getArray("settings")),
    sync: async (documents) => {
      const { update, stateVector } = await documents.read(userId, Y.encodeStateVector(doc));
      await documents.apply(userId, Y.encodeStateAsUpdate(doc, stateVector));
      Y.applyUpdate(doc, update);
      // When two devices have added an entry under one key, the device that sees both removes one.
      const cleaned = await documents.read(userId, Y.encodeStateVector(doc));
      await documents.apply(userId, Y.encodeStateAsUpdate(doc, cleaned.stateVector));
    },
  };
};

/** Returns the rows of a student's document as they are on disk. */
export const rowsOf = async (database: Database, userId: UserId) => {
  const name = userDocumentName(userId);
  const document = await database.read.kysely
    .selectFrom("documents")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
  const updates = await database.read.kysely
    .selectFrom("document_updates")
    .select(["revision", "bytes"])
    .where("name", "=", name)
    .orderBy("revision")
    .execute();
  return { document, updates };
};

/** Loads the document from its rows alone. */
export const documentOnDisk = async (database: Database, userId: UserId): Promise<Y.Doc> => {
  const { document, updates } = await rowsOf(database, userId);
  const doc = new Y.Doc();
  if (document?.snapshot) Y.applyUpdate(doc, document.snapshot);
  for (const { bytes } of updates) Y.applyUpdate(doc, bytes);
  return doc;
};

/** Returns the entries of each array of a document by key. */
export const contentOf = (doc: Y.Doc): Record<string, Record<string, unknown>> =>
  Object.fromEntries(
    ["favourites", "settings"].map((root) => [
      root,
      Object.fromEntries(
        doc
          .getArray<{ key: string; val: unknown }>(root)
          .toArray()
          .map(({ key, val }) => [key, val]),
      ),
    ]),
  );

/** Returns the favourites table of a student: the time at which each entry was added, by key. */
export const favouritesTableOf = async (
  database: Database,
  userId: UserId,
): Promise<Record<string, { addedAt: number }>> => {
  const rows = await database.read.kysely
    .selectFrom("favourites")
    .selectAll()
    .where("user_id", "=", userId)
    .execute();
  return Object.fromEntries(
    rows.map(({ kind, target_id: id, added_at: addedAt }) => [`${kind}:${id}`, { addedAt: Number(addedAt) }]),
  );
};
