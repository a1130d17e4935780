import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A small disk of its own that a test can fill. */
export interface SmallDisk {
  readonly folder: string;
  unmount(): void;
}

/** Mounts a disk of this size. Returns `undefined` where the user is not allowed to. */
export const mountSmallDisk = (sizeBytes: number): SmallDisk | undefined => {
  const folder = mkdtempSync(join(tmpdir(), "edvoyage-disk-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    remove();
    return undefined;
  }
  return {
    folder,
    unmount: () => {
      execFileSync("umount", ["-l", folder]);
      remove();
    },
  };
};
