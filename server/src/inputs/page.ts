import type { Page } from "@edvoyage/protocol";
import { z } from "zod";
import { AppError } from "../platform/errors.ts";

export type { Page } from "@edvoyage/protocol";

const MAX_CURSOR_CHARACTERS = 512;

/** The input of every list. `limit` is at most 100. Default: 20. `cursor` is the `nextCursor` of the previous page. */
export const pageInput = {
  cursor: z.string().max(MAX_CURSOR_CHARACTERS).nullish(),
  limit: z.number().int().min(1).max(100).default(20),
};

/** A position in a sorted list: the values of the sort columns in the last row seen. */
export type Position = readonly (string | number)[];

/**
 * Reads the position from a cursor of the named list. `undefined` is the beginning of the list. Throws `input/invalid` for a
 * cursor that did not come from this list.
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
  throw new AppError("input/invalid", "This cursor did not come from this list.", {
    issues: [{ path: "cursor", message: "Not a cursor of this list" }],
  });
};

/** Makes a page of rows. The query must ask for one row more than `limit`, which shows whether there is a next page. */
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
    nextCursor: hasMore ? toCursor({ list, position: positionOf(last) }) : null,
  };
};

// PostgreSQL refuses NUL in a text.
const cursorShape = z.object({
  list: z.string(),
  position: z.array(z.union([z.number(), z.string().regex(/^[^\0]*$/)])),
});

/** Builds a cursor of the named list. */
export const toCursor = (cursor: { readonly list: string; readonly position: Position }): string =>
  Buffer.from(JSON.stringify(cursor)).toString("base64url");

const decode = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
};
