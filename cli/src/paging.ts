/** The maximum page size of the server. */
const MAX_PAGE = 100;

/** Reads pages until there are `limit` items. `hasMore` tells whether the list continues. */
export const readUpTo = async <Item>(
  limit: number,
  readPage: (page: {
    readonly cursor: string | null;
    readonly limit: number;
  }) => Promise<{ readonly items: readonly Item[]; readonly nextCursor: string | null }>,
): Promise<{ readonly items: readonly Item[]; readonly hasMore: boolean }> => {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page = await readPage({ cursor, limit: Math.min(MAX_PAGE, limit - items.length) });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < limit);
  return { items, hasMore: cursor !== null };
};

/** Returns the note for a list that continues. */
export const moreNotes = (hasMore: boolean): string[] =>
  hasMore ? ["There are more: --limit shows them."] : [];
