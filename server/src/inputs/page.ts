import { z } from "zod";
import { AppError } from "../platform/errors.ts";

const MAX_CURSOR_CHARACTERS = 512;

/** What every list takes: `limit` is 20 unless told, 100 at the most; `cursor` is what the last page gave. */
export const pageInput = {
  cursor: z.string().max(MAX_CURSOR_CHARACTERS).nullish(),
  limit: z.number().int().min(1).max(100).default(20),
};

/** What every list gives. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** `null` on the last page. */
  readonly nextCursor: string | null;
}

/** A position in an order: the values of its columns in the last row seen. */
export type Position = readonly (string | number)[];

/**
 * Reads a cursor of the list of that name back; `undefined` is the beginning. Throws `input/invalid` for what
 * no page of that list gave.
 */
export const parseCursor = <P extends Position>(
  cursor: string | null | undefined,
  list: string,
  shape: z.ZodType<P>,
): P | undefined => {
  if (cursor === null || cursor === undefined) return undefined;
  const decoded = cursorShape.safeParse(decode(cursor));
  const position = shape.safeParse(decoded.data?.position);
  if (decoded.data?.list === list && position.success) return position.data;
  throw new AppError("input/invalid", "This cursor is not one that this list gave.", {
    issues: [{ path: "cursor", message: "Not a cursor of this list" }],
  });
};

/** Makes a page of rows that were asked for with one more than `limit`, to know whether there are more. */
export const toPage = <Row, Item>(
  rows: readonly Row[],
  limit: number,
  {
    list,
    itemOf,
    positionOf,
  }: { readonly list: string; itemOf: (row: Row) => Item; positionOf: (row: Row) => Position },
): Page<Item> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    items: shown.map(itemOf),
    nextCursor: hasMore ? encode({ list, position: positionOf(last) }) : null,
  };
};

// PostgreSQL refuses NUL in a text.
const cursorShape = z.object({
  list: z.string(),
  position: z.array(z.union([z.number(), z.string().regex(/^[^\0]*$/)])),
});

const encode = (cursor: { readonly list: string; readonly position: Position }): string =>
  Buffer.from(JSON.stringify(cursor)).toString("base64url");

const decode = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
};
