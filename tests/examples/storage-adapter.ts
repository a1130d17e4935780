import { open, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StorageError, type StorageAdapter, type Store } from "@edvoyage/client-sdk/storage/contract";

const STORE_NAME = /^[a-z0-9-]{1,100}$/;
const MAX_KEY_LENGTH = 500;

/** Keeps each store in one file of a folder. Only one program at a time may use the folder. */
export const createFolderStorage = (folder: string): StorageAdapter => {
  const openStores = new Map<string, Set<{ isClosed: boolean }>>();
  const inOrder = createQueue();
  const pathOf = (name: string): string => {
    if (STORE_NAME.test(name)) return join(folder, `${name}.json`);
    throw new StorageError("failed", "A store's name is 1 to 100 characters of a-z, 0-9 and -");
  };

  return {
    open: async (name) => {
      const path = pathOf(name);
      const handle = { isClosed: false };
      openStores.set(name, (openStores.get(name) ?? new Set()).add(handle));
      await inOrder(async () => {
        await mkdir(folder, { recursive: true });
        await writeRecords(path, await readRecords(path));
      });
      return createStore(path, { handle, inOrder });
    },
    list: () =>
      inOrder(async () => {
        await mkdir(folder, { recursive: true });
        const files = await readdir(folder);
        return files.filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -".json".length));
      }),
    delete: async (name) => {
      const path = pathOf(name);
      for (const handle of openStores.get(name) ?? []) handle.isClosed = true;
      openStores.delete(name);
      await inOrder(() => rm(path, { force: true }));
    },
  };
};

type RunInOrder = <T>(task: () => Promise<T>) => Promise<T>;
/** Values in base64, by key. */
type Records = Record<string, string>;

const createStore = (
  path: string,
  { handle, inOrder }: { readonly handle: { isClosed: boolean }; readonly inOrder: RunInOrder },
): Store => {
  const call = async <T>(keys: readonly string[], task: (records: Records) => Promise<T> | T): Promise<T> => {
    if (handle.isClosed) throw new StorageError("closed", "The store was closed");
    if (keys.some((key) => key.length > MAX_KEY_LENGTH))
      throw new StorageError("failed", `A key is at most ${MAX_KEY_LENGTH} characters long`);
    return inOrder(async () => task(await readRecords(path)));
  };
  const keysWith = (records: Records, prefix: string): string[] =>
    Object.keys(records)
      .filter((key) => key.startsWith(prefix))
      .sort();

  return {
    get: (key) => call([key], (records) => toBytes(records[key])),
    keys: (prefix) => call([prefix], (records) => keysWith(records, prefix)),
    list: (prefix) =>
      call([prefix], (records) =>
        keysWith(records, prefix).map((key) => ({ key, value: toBytes(records[key]) ?? new Uint8Array() })),
      ),
    write: async (changes) => {
      // Encoded now: the caller may change the bytes while this write waits for its turn.
      const encoded = changes.map(({ key, value }) => ({
        key,
        text: value && Buffer.from(value).toString("base64"),
      }));
      await call(
        encoded.map(({ key }) => key),
        async (records) => {
          for (const { key, text } of encoded) {
            if (text === null) delete records[key];
            else records[key] = text;
          }
          await writeRecords(path, records);
        },
      );
    },
    close: async () => {
      handle.isClosed = true;
      await inOrder(async () => {});
    },
  };
};

const toBytes = (text: string | undefined): Uint8Array | undefined =>
  text === undefined ? undefined : Uint8Array.from(Buffer.from(text, "base64"));

const readRecords = async (path: string): Promise<Records> => {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  const records: Records = JSON.parse(text);
  // Without a prototype: a key may be "__proto__".
  return Object.assign(Object.create(null), records);
};

/** Replaces the file completely or not at all, and resolves when it is on the disk. */
const writeRecords = async (path: string, records: Records): Promise<void> => {
  const draft = await open(`${path}.draft`, "w");
  try {
    await draft.writeFile(JSON.stringify(records));
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(`${path}.draft`, path);
  const folder = await open(join(path, ".."));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** Runs tasks one after the other. Throws only `StorageError`. */
const createQueue = (): RunInOrder => {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task).catch((cause: NodeJS.ErrnoException) => {
      const kind = cause.code === "ENOSPC" ? "full" : "failed";
      throw new StorageError(kind, "The file could not be read or written", { cause });
    });
    last = result.catch(() => {});
    return result;
  };
};
