// The contract suite inside a page, and two tabs' worth of handles on the storage of an app.
import { createIndexedDbStorage } from "@edvoyage/client-sdk/browser";
import { describeStorage, StorageError, type Store } from "@edvoyage/client-sdk/storage/contract";

declare global {
  /** Put there by the test: how much room the site has. */
  var setQuota: (room: "none" | "some" | "more") => Promise<void>;
  /** Resolves with what is wrong, if anything is. */
  var runTest: (name: string) => Promise<string | undefined>;
  var startTab: () => Promise<void>;
  /** Its share of what all tabs have, once it is started. */
  var tab: Awaited<ReturnType<typeof createTab>>;
}

/** Random values come in no larger pieces. */
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
        // The browser gives out what it believed was there, before it looks again.
        for (let piece = 0; (await kindOfFailure(ballast, `${piece}`)) === undefined; piece += 1);
        return async () => {
          // More than before: the browser takes its time to give back the room of what is deleted.
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

/** Why more could not be written. */
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
    /** What happened to this tab, oldest first. */
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
