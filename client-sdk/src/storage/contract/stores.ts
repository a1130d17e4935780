import { bytes, contentOf, testOnDevice, put, errorKindOf, type StorageContract } from "./fixture.ts";

/** Defines the tests of an adapter's stores. */
export const describeStores = (contract: StorageContract): void => {
  const { expect } = contract;

  testOnDevice(contract, {
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

  testOnDevice(contract, {
    name: "keeps what was written when the store is opened again, by the same program or by the next",
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

  testOnDevice(contract, {
    name: "completes the calls made before closing, and rejects all calls after it",
    run: async (fixture) => {
      const store = await fixture.connect().open("store");
      const written = store.write([put("a")]);
      const closed = store.close();

      for (const call of [store.get("a"), store.list(""), store.keys(""), store.write([put("b")])]) {
        expect(await errorKindOf(call)).toEqual("closed");
      }
      await Promise.all([written, closed, store.close()]);
      const again = await fixture.connect().open("store");
      expect(await again.keys("")).toEqual(["a"]);
      await again.close();
    },
  });

  testOnDevice(contract, {
    name: "lists the existing stores",
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

  testOnDevice(contract, {
    name: "rejects invalid store names",
    run: async (fixture) => {
      const adapter = fixture.connect();

      for (const name of ["", "A", "a/b", "..", "a.b", "a_b", "é", "a".repeat(101)]) {
        expect(await errorKindOf(adapter.open(name))).toEqual("failed");
        expect(await errorKindOf(adapter.delete(name))).toEqual("failed");
      }
      expect(await adapter.list()).toEqual([]);
    },
  });

  testOnDevice(contract, {
    name: "deletes a store with everything in it, and no other store",
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

  testOnDevice(contract, {
    name: "closes an open store when it is deleted, after completing the calls made before",
    run: async (fixture) => {
      const adapter = fixture.connect();
      const store = await adapter.open("store");
      const written = store.write([put("a")]);

      await adapter.delete("store");

      expect(await errorKindOf(written)).toEqual(undefined);
      expect(await errorKindOf(store.write([put("b")]))).toEqual("closed");
      expect(await errorKindOf(store.get("a"))).toEqual("closed");
      await store.close();
      const again = await adapter.open("store");
      expect(await again.keys("")).toEqual([]);
      expect(await errorKindOf(store.keys(""))).toEqual("closed");
      await again.close();
    },
  });
};
