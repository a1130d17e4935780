import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeStorage } from "@edvoyage/client-sdk/storage/contract";
import { describe, expect, test } from "vitest";
import { createFolderStorage } from "./storage-adapter.ts";

describeStorage("files in a folder", {
  describe,
  test,
  expect,
  // The disk of this test cannot be filled, and one program uses the folder.
  without: ["fill", "programs", "peers"],
  createFixture: async () => {
    const folder = await mkdtemp(join(tmpdir(), "stores-"));
    return {
      connect: () => createFolderStorage(folder),
      close: () => rm(folder, { recursive: true }),
    };
  },
});
