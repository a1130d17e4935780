import {
  bytes,
  contentOf,
  MEBIBYTE,
  noise,
  testOnDevice,
  put,
  errorKindOf,
  remove,
  type StorageContract,
} from "./fixture.ts";

/** Defines the tests of a store on a full disk. */
export const describeFullDisk = (contract: StorageContract): void => {
  const { expect } = contract;

  testOnDevice(contract, {
    name: "reports at once that the disk is full, stores nothing of that write, and still works",
    run: async (fixture) => {
      if (!fixture.fill) throw new Error('The fixture cannot fill the disk: say `without: ["fill"]`');
      const adapter = fixture.connect();
      const store = await adapter.open("store");
      await store.write([put("a", bytes(1)), put("b", bytes(2))]);

      const free = await fixture.fill();
      const tooMuch = [put("a", bytes(9)), remove("b"), put("c"), put("large", noise(MEBIBYTE)), put("d")];
      expect(await errorKindOf(store.write(tooMuch))).toEqual("full");
      expect(await errorKindOf(store.write(tooMuch))).toEqual("full");
      expect(await contentOf(store)).toEqual({ a: [1], b: [2] });

      await free();
      await store.write([put("e", bytes(5))]);
      expect(await contentOf(store)).toEqual({ a: [1], b: [2], e: [5] });
      await store.close();
      const again = await fixture.connect().open("store");
      expect(await contentOf(again)).toEqual({ a: [1], b: [2], e: [5] });
      await again.close();
    },
  });
};
