import { describe, expect, test } from "vitest";
import { describeStorage } from "./contract.ts";
import { createMemoryStorage } from "./memory.ts";

describeStorage("memory", {
  describe,
  test,
  expect,
  without: ["fill"],
  createFixture: async () => {
    const storage = createMemoryStorage();
    return { connect: storage.connect };
  },
});
