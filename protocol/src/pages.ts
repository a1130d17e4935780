/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** The `cursor` of the next page; `null` on the last page. */
  readonly nextCursor: string | null;
}

/** Selects a page of a list. */
export interface PageFilter {
  /** The `nextCursor` of the previous page. */
  readonly cursor?: string | null | undefined;
  /** 1 to 100. Default: 20. */
  readonly limit?: number | undefined;
}
