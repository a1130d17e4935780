import {
  createMemoryStorage,
  StorageError,
  type MemoryStorage,
  type StorageAdapter,
} from "@edvoyage/client-sdk";
import type { Fault } from "./faults.ts";
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a device keeps while its apps come and go. */
export interface Disk {
  /** What one run of the app sees of it, until that run ends. */
  open(): DiskSession;
  /** From now on, or no longer, there is room for nothing more. */
  setFull(isFull: boolean): void;
  readonly isFull: boolean;
}

/** A disk in the hands of one run of the app. */
export interface DiskSession {
  readonly storage: StorageAdapter;
  /** Ends the run within the write of this number from now, and calls `killed` in that moment; 0 calls it off. */
  killAtWrite(number: number, killed: () => void): void;
  /** The run has ended: what it asks for from now on is never answered, and changes nothing. */
  end(): void;
}

export interface DiskOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** How long reading and writing may take, in milliseconds; 0 for a disk that is done at once. */
  readonly latencyMs: number;
  readonly strike: (fault: Fault) => void;
}

export const createDisk = ({ time, random, latencyMs, strike }: DiskOptions): Disk => {
  const memory: MemoryStorage = createMemoryStorage();
  let isFull = false;

  const open = (): DiskSession => {
    let isOver = false;
    let kill: { left: number; readonly killed: () => void } | undefined;
    let last: Promise<unknown> = Promise.resolve();
    // Another program over the same memory each time; what it says to others ends with it, for phones have no tabs.
    const { peers: _peers, ...adapter } = memory.connect();

    /** Does one thing after the other, in the order in which they were asked for. */
    const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
      const result = last.then(async () => {
        if (latencyMs > 0) {
          await new Promise<void>((resolve) => void time.after(random.between(1, latencyMs), resolve));
        }
        return isOver ? never<T>() : task();
      });
      last = result.catch(() => {});
      return result;
    };

    const write = async (task: () => Promise<void>): Promise<void> => {
      if (isFull) {
        strike("disk full");
        throw new StorageError("full", "There is no room on this device");
      }
      if (!kill || (kill.left -= 1) > 0) return task();
      const { killed } = kill;
      const isMade = random.chance(0.5);
      strike(isMade ? "killed after a write" : "killed before a write");
      if (isMade) await task();
      isOver = true;
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
        isOver = true;
      },
    };
  };

  return {
    open,
    setFull: (next) => {
      isFull = next;
    },
    get isFull() {
      return isFull;
    },
  };
};

/** Nobody is there any more who could be answered. */
const never = <T>(): Promise<T> => new Promise(() => {});
