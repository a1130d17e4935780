import { bytes, contentOf, testOnDevice, put, errorKindOf, type StorageContract } from "./fixture.ts";

/** Defines the tests of several programs on the same stores. */
export const describePrograms = (contract: StorageContract): void => {
  const { expect } = contract;

  testOnDevice(contract, {
    name: "shows one program what another one wrote",
    run: async (fixture) => {
      const [one, other] = [await fixture.connect().open("store"), await fixture.connect().open("store")];

      await one.write([put("a", bytes(1))]);
      await other.write([put("b", bytes(2))]);

      expect(await contentOf(one)).toEqual({ a: [1], b: [2] });
      expect(await contentOf(other)).toEqual({ a: [1], b: [2] });
      await Promise.all([one.close(), other.close()]);
    },
  });

  testOnDevice(contract, {
    name: "permanently closes a store that another program deletes",
    run: async (fixture) => {
      const [here, there] = [fixture.connect(), fixture.connect()];
      const store = await here.open("store");
      await store.write([put("a")]);

      await there.delete("store");

      const again = await there.open("store");
      expect(await errorKindOf(store.write([put("b")]))).toEqual("closed");
      expect(await errorKindOf(store.get("a"))).toEqual("closed");
      await store.close();
      expect(await again.keys("")).toEqual([]);
      await again.close();
    },
  });
};
