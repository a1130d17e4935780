/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** What the next page takes as `cursor`; `null` on the last. */
  readonly nextCursor: string | null;
}

/** Which page of a list. */
export interface PageFilter {
  /** What the page before gave as `nextCursor`. */
  readonly cursor?: string | null | undefined;
  /** 1 to 100; 20 unless told. */
  readonly limit?: number | undefined;
}
