import type { Tables, UnitOfWork } from "@edvoyage/db";
import type { UserId } from "@edvoyage/protocol";
import type { Page } from "../inputs/page.ts";

/** What a feature hands out of what it keeps of a student. */
export interface ExportPart {
  /** Its key in the export. */
  readonly name: string;
  /** The tables whose rows of hers are in it: a contract test names every table that no part has. */
  readonly tables: readonly (keyof Tables)[];
  /** All of it, as plain JSON; read page by page, with other requests in between. */
  read(userId: UserId): Promise<unknown>;
}

/** How a feature's part of a student goes, where more has to be done than to delete her row, or too much at once. */
export interface ErasurePart {
  /** What its numbers count, in words. */
  readonly name: string;
  /** Erases it in bounded steps. Interrupted anywhere, it is called again from the beginning. */
  erase(userId: UserId, run: ErasureRun): Promise<void>;
  /** What others have added since, in the unit of work that deletes her row. */
  settle?(tx: UnitOfWork, userId: UserId, now: number): Promise<void>;
}

/** An erasure under way. */
export interface ErasureRun {
  /**
   * Runs one unit of work that takes a few milliseconds and says how much it has erased; returns that. Throws when the
   * server stops: the next one goes on.
   */
  step(unit: (tx: UnitOfWork, now: number) => Promise<number>): Promise<number>;
  /** Says that there are as many more stretches to go through, for whoever watches. */
  plan(stretches: number): void;
  /** Says that one was gone through. */
  advance(): void;
}

const PAGE_ITEMS = 100;

/** Reads a list to its end, with other requests in between. */
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

/** Less than every id. */
export const BEFORE_ALL_IDS: string = "";

/** Reads rows in the order of a key to their end, with other requests in between. */
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

/** Erases in steps until there is nothing left to erase. */
export const eraseUntilNone = async (
  run: ErasureRun,
  eraseSome: (tx: UnitOfWork, now: number) => Promise<readonly unknown[]>,
): Promise<void> => {
  while ((await run.step(async (tx, now) => (await eraseSome(tx, now)).length)) > 0);
};

/** Lets everything else have its turn: SQLite answers at once, so that awaiting it alone never would. */
export const giveWay = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
