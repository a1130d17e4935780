import {
  createMemoryStorage,
  StorageError,
  type MemoryStorage,
  type StorageAdapter,
} from "@edvoyage/client-sdk";
import type { Fault } from "./faults.ts";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A device's disk, which outlives the runs of its app. */
export interface Disk {
  /** Opens the disk for one run of the app. */
  open(): DiskSession;
  /** Makes writes fail for a reason, or succeed again. */
  setFailing(kind: "full" | "failed" | undefined): void;
  readonly isFailing: boolean;
  /** Deletes everything on it. An app that runs finds out at its next call. */
  deleteAll(): Promise<void>;
}

/** The disk as one run of the app sees it. */
export interface DiskSession {
  readonly storage: StorageAdapter;
  /** Ends the run during its n-th write from now, and calls `killed` at that moment. 0 cancels this. */
  killAtWrite(number: number, killed: () => void): void;
  /** Ends the run: later calls never settle and change nothing. */
  end(): void;
}

export interface DiskOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** The longest time that a read or write takes, in milliseconds. 0: no latency. */
  readonly latencyMs: number;
  readonly strike: (fault: Fault) => void;
}

export const createDisk = ({ time, random, latencyMs, strike }: DiskOptions): Disk => {
  const memory: MemoryStorage = createMemoryStorage();
  let failing: "full" | "failed" | undefined;

  const open = (): DiskSession => {
    let isEnded = false;
    let kill: { left: number; readonly killed: () => void } | undefined;
    let last: Promise<unknown> = Promise.resolve();
    // Each run is another program on the same memory. Its channel to other tabs is left out, because phones have no
    // tabs.
    const { peers: _peers, ...adapter } = memory.connect();

    /** Runs tasks one at a time, in the order in which they were requested. */
    const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
      const result = last.then(async () => {
        if (latencyMs > 0) {
          await new Promise<void>((resolve) => void time.after(random.between(1, latencyMs), resolve));
        }
        return isEnded ? never<T>() : task();
      });
      last = result.catch(() => {});
      return result;
    };

    const write = async (task: () => Promise<void>): Promise<void> => {
      if (failing) {
        strike(failing === "full" ? "disk full" : "disk broken");
        throw new StorageError(failing, "The disk cannot be written");
      }
      if (!kill || (kill.left -= 1) > 0) return task();
      const { killed } = kill;
      const isWritten = random.chance(0.5);
      strike(isWritten ? "killed after a write" : "killed before a write");
      if (isWritten) await task();
      isEnded = true;
      killed();
      return never();
    };

    return {
      storage: {
        ...adapter,
        open: (name) =>
          inTurn(async () => {
            const store = await adapter.open(name);
            return {
              get: (key) => inTurn(() => store.get(key)),
              list: (prefix) => inTurn(() => store.list(prefix)),
              keys: (prefix) => inTurn(() => store.keys(prefix)),
              write: (changes) => inTurn(() => write(() => store.write(changes))),
              close: () => inTurn(() => store.close()),
            };
          }),
        list: () => inTurn(() => adapter.list()),
        delete: (name) => inTurn(() => write(() => adapter.delete(name))),
      },
      killAtWrite: (number, killed) => {
        kill = number > 0 ? { left: number, killed } : undefined;
      },
      end: () => {
        isEnded = true;
      },
    };
  };

  return {
    open,
    setFailing: (kind) => {
      failing = kind;
    },
    get isFailing() {
      return failing !== undefined;
    },
    deleteAll: async () => {
      strike("data deleted");
      const other = memory.connect();
      for (const name of await other.list()) await other.delete(name);
    },
  };
};

/** A promise that never settles: the caller has ended. */
const never = <T>(): Promise<T> => new Promise(() => {});
