import { bytes, contentOf, on, put, refusalOf, type StorageContract } from "./fixture.ts";

/** What an adapter does with its stores. */
export const describeStores = (contract: StorageContract): void => {
  const { expect } = contract;

  on(contract, {
    name: "keeps stores apart",
    run: async (fixture) => {
      const adapter = fixture.connect();
      const [one, other] = [await adapter.open("one"), await adapter.open("one-more")];
      await one.write([put("a", bytes(1)), put("b")]);
      await other.write([put("a", bytes(2))]);

      expect(await contentOf(other)).toEqual({ a: [2] });
      expect(await contentOf(one)).toEqual({ a: [1], b: [1] });
      await Promise.all([one.close(), other.close()]);
    },
  });

  on(contract, {
    name: "has what was written when it is opened again, by the same program and by the next",
    run: async (fixture) => {
      const adapter = fixture.connect();
      const first = await adapter.open("store");
      await first.write([put("a", bytes(1))]);
      await first.close();
      const second = await adapter.open("store");
      await second.write([put("b", bytes(2))]);
      await second.close();
      const third = await fixture.connect().open("store");

      expect(await contentOf(third)).toEqual({ a: [1], b: [2] });
      await third.close();
    },
  });

  on(contract, {
    name: "does what was asked for before it closes, and refuses everything after",
    run: async (fixture) => {
      const store = await fixture.connect().open("store");
      const written = store.write([put("a")]);
      const closed = store.close();

      for (const asked of [store.get("a"), store.list(""), store.keys(""), store.write([put("b")])]) {
        expect(await refusalOf(asked)).toEqual("closed");
      }
      await Promise.all([written, closed, store.close()]);
      const again = await fixture.connect().open("store");
      expect(await again.keys("")).toEqual(["a"]);
      await again.close();
    },
  });

  on(contract, {
    name: "lists the stores that are there",
    run: async (fixture) => {
      const adapter = fixture.connect();
      const names = ["a", "student-1", "0".repeat(100)].sort();

      expect(await adapter.list()).toEqual([]);
      const stores = await Promise.all(names.map((name) => adapter.open(name)));
      expect([...(await adapter.list())].sort()).toEqual(names);
      await Promise.all(stores.map((store) => store.close()));
      expect([...(await fixture.connect().list())].sort()).toEqual(names);
      await adapter.delete("student-1");
      expect((await adapter.list()).includes("student-1")).toEqual(false);
    },
  });

  on(contract, {
    name: "refuses names that are none",
    run: async (fixture) => {
      const adapter = fixture.connect();

      for (const name of ["", "A", "a/b", "..", "a.b", "a_b", "é", "a".repeat(101)]) {
        expect(await refusalOf(adapter.open(name))).toEqual("failed");
        expect(await refusalOf(adapter.delete(name))).toEqual("failed");
      }
      expect(await adapter.list()).toEqual([]);
    },
  });

  on(contract, {
    name: "deletes a store with all that is in it, and no other",
    run: async (fixture) => {
      const adapter = fixture.connect();
      const [gone, other] = [await adapter.open("gone"), await adapter.open("gone-not")];
      await gone.write([put("a")]);
      await other.write([put("b")]);
      await gone.close();

      await adapter.delete("gone");
      await adapter.delete("gone");
      await adapter.delete("never");

      const again = await adapter.open("gone");
      expect(await again.keys("")).toEqual([]);
      expect(await other.keys("")).toEqual(["b"]);
      await Promise.all([again.close(), other.close()]);
    },
  });

  on(contract, {
    name: "closes a store that is open when it is deleted, after what was asked of it",
    run: async (fixture) => {
      const adapter = fixture.connect();
      const store = await adapter.open("store");
      const written = store.write([put("a")]);

      await adapter.delete("store");

      expect(await refusalOf(written)).toEqual(undefined);
      expect(await refusalOf(store.write([put("b")]))).toEqual("closed");
      expect(await refusalOf(store.get("a"))).toEqual("closed");
      await store.close();
      const again = await adapter.open("store");
      expect(await again.keys("")).toEqual([]);
      expect(await refusalOf(store.keys(""))).toEqual("closed");
      await again.close();
    },
  });
};
