import type { Tables, UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import type { Page } from "../inputs/page.ts";

/** A feature's part of the export of a student's data. */
export interface ExportPart {
  /** The part's key in the export. */
  readonly name: string;
  /** The tables whose rows it exports. A contract test lists every table that is in no part. */
  readonly tables: readonly (keyof Tables)[];
  /** Reads the whole part as plain JSON, page by page, so that other requests run in between. */
  read(userId: UserId): Promise<unknown>;
}

/** A feature's part of an erasure: data that deleting the user's row would not remove, or too much to delete in one step. */
export interface ErasurePart {
  /** The name of the counted items, in words, for the progress and the audit log. */
  readonly name: string;
  /** Erases the data in bounded steps. After an interruption it is called again from the beginning. */
  erase(userId: UserId, run: ErasureRun): Promise<void>;
  /** Erases what others added since `erase`, in the unit of work that deletes the user's row. */
  settle?(tx: UnitOfWork, userId: UserId, now: number): Promise<void>;
}

/** A running erasure, as its parts use it. */
export interface ErasureRun {
  /**
   * Runs one unit of work of a few milliseconds and returns the number of items that it erased. Throws when the server
   * shuts down; the next start continues.
   */
  step(unit: (tx: UnitOfWork, now: number) => Promise<number>): Promise<number>;
  /** Adds to the number of segments to go through, which the progress shows. */
  plan(segments: number): void;
  /** Counts one segment as done. */
  advance(): void;
}

const PAGE_ITEMS = 100;

/** Reads all pages of a list; other requests run in between. */
export const collectPages = async <Item>(
  list: (page: { readonly cursor: string | null; readonly limit: number }) => Promise<Page<Item>>,
): Promise<Item[]> => {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await list({ cursor, limit: PAGE_ITEMS });
    items.push(...page.items);
    cursor = page.nextCursor;
    await giveWay();
  } while (cursor !== null);
  return items;
};

/** A position before every id. */
export const BEFORE_ALL_IDS: string = "";

/** Reads all rows in the order of a key, page by page; other requests run in between. */
export const collectAfter = async <Row, Key extends string | number>(
  page: (after: Key, limit: number) => Promise<readonly Row[]>,
  { before, keyOf }: { readonly before: Key; readonly keyOf: (row: Row) => Key },
): Promise<Row[]> => {
  const collected: Row[] = [];
  let rows = await page(before, PAGE_ITEMS);
  for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
    collected.push(...rows);
    await giveWay();
    rows = await page(keyOf(last), PAGE_ITEMS);
  }
  return collected;
};

/** Repeats an erasing step until it finds nothing more to erase. */
export const eraseUntilNone = async (
  run: ErasureRun,
  eraseSome: (tx: UnitOfWork, now: number) => Promise<readonly unknown[]>,
): Promise<void> => {
  while ((await run.step(async (tx, now) => (await eraseSome(tx, now)).length)) > 0);
};

/** Yields to the event loop. SQLite answers synchronously, so awaiting its queries alone never lets other requests run. */
export const giveWay = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
