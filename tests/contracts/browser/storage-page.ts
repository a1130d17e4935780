// Runs the contract suite inside a page, and offers two tabs a handle each on the storage of an app.
import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { describeStorage, StorageError, type Store } from "@edvoyage/client-sdk/storage/contract";

declare global {
  /** Provided by the test: sets how much room the site has. */
  var setQuota: (room: "none" | "some" | "more") => Promise<void>;
  /** Runs a test. Resolves with a description of the failure, if there is one. */
  var runTest: (name: string) => Promise<string | undefined>;
  var startTab: () => Promise<void>;
  /** The tab's handle, once it is started. */
  var tab: Awaited<ReturnType<typeof createTab>>;
}

/** The maximum that `getRandomValues` returns in one call. */
const PIECE_BYTES = 65_536;

const tests = new Map<string, () => Promise<void>>();
let fixtures = 0;

describeStorage("IndexedDB", {
  describe: (_name, body) => body(),
  test: (name, body) => void tests.set(name, body),
  expect: (actual) => ({
    toEqual: (expected) => {
      const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
      if (one !== other) throw new Error(`${one} is not ${other}`);
    },
  }),
  createFixture: async () => {
    const prefix = `fixture-${(fixtures += 1)}`;
    const connect = () => createIndexedDbStorage({ prefix });
    return {
      connect,
      fill: async () => {
        await setQuota("none");
        const ballast = await connect().open("ballast");
        // The browser grants what it believed was free, before it checks again.
        for (let piece = 0; (await kindOfFailure(ballast, `${piece}`)) === undefined; piece += 1);
        return async () => {
          // More room than before: the browser is slow to release the room of deleted data.
          await setQuota("more");
          await ballast.close();
          await connect().delete("ballast");
        };
      },
      close: async () => {
        for (const name of await connect().list()) await connect().delete(name);
      },
    };
  },
});

/** Writes one piece. Returns the kind of the failure, if it failed. */
const kindOfFailure = async (store: Store, key: string): Promise<string | undefined> => {
  try {
    await store.write([{ key, value: crypto.getRandomValues(new Uint8Array(PIECE_BYTES)) }]);
    return undefined;
  } catch (error) {
    return error instanceof StorageError ? error.kind : String(error);
  }
};

globalThis.runTest = async (name) => {
  const body = tests.get(name);
  if (!body) return `The page has no test named "${name}"`;
  try {
    await body();
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
  }
};

const createTab = async () => {
  const storage = createIndexedDbStorage();
  const store = await storage.open("shared");
  const log: string[] = [];
  storage.peers?.subscribe((topic) => log.push(`heard ${topic}`));
  return {
    /** The events of this tab, oldest first. */
    log,
    storage,
    store,
    take: () =>
      void storage.peers?.acquire("sender", (lost) => {
        log.push("taken");
        lost?.addEventListener("abort", () => log.push("lost"));
      }),
    write: async (key: string): Promise<string> => (await kindOfFailure(store, key)) ?? "written",
  };
};

globalThis.startTab = async () => {
  globalThis.tab = await createTab();
};
