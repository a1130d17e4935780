import type { StorageContract } from "./contract/fixture.ts";
import { describeFullDisk } from "./contract/full-disk.ts";
import { describePeers } from "./contract/peers.ts";
import { describePrograms } from "./contract/programs.ts";
import { describeRecords } from "./contract/records.ts";
import { describeStores } from "./contract/stores.ts";

// The types that a custom adapter implements.
export {
  StorageError,
  type Change,
  type Durability,
  type Peers,
  type Store,
  type StorageAdapter,
  type StorageErrorKind,
  type StoredRecord,
} from "./storage.ts";
export type { StorageAbility, StorageContract, StorageFixture, TestApi } from "./contract/fixture.ts";

/**
 * Defines the tests that every storage adapter must pass, in a describe block with the given name.
 *
 * ```ts
 * import { describe, expect, test } from "vitest";
 * describeStorage("my storage", { describe, test, expect, createFixture: async () => ({ connect: createMine }) });
 * ```
 */
export const describeStorage = (name: string, contract: StorageContract): void => {
  const { without = [] } = contract;
  contract.describe(name, () => {
    describeRecords(contract);
    describeStores(contract);
    if (!without.includes("fill")) describeFullDisk(contract);
    if (!without.includes("programs")) describePrograms(contract);
    if (!without.includes("peers")) describePeers(contract);
  });
};
