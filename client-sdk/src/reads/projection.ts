import type { Page, UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Fresh, OwnChange, Projections, Query, ReadSnapshot } from "./query.ts";

/** Adds the pending commands of the same area to what was read. */
export type Project = (
  snapshot: ReadSnapshot<object>,
  entries: readonly OutboxEntry[],
) => ReadSnapshot<object>;

/** An answer of any procedure that lists something. */
export type AnyPage = Page<{ readonly id: string }>;

/** A projection of any procedure. `input` is the input of that procedure. */
type AnyProjection = (value: object | undefined, change: OwnChange, input: unknown) => object | undefined;

export const projectionOf = (projections: Projections, procedure: string): AnyProjection | undefined =>
  (projections as Readonly<Record<string, AnyProjection | undefined>>)[procedure];

/**
 * Creates the projection of one query. It marks what pending commands have changed as pending: items of a list, or the value
 * itself. It remembers its last result only to return the same object again.
 */
export const createProjection = (
  { input, count }: Query,
  { project, userId }: { readonly project: AnyProjection; readonly userId: UserId },
): Project => {
  let last: { readonly sources: readonly unknown[]; readonly shown: ReadSnapshot<object> } | undefined;

  return (snapshot, entries) => {
    const sources = [snapshot, ...entries.flatMap(({ id, input: content, state }) => [id, content, state])];
    if (
      last &&
      last.sources.length === sources.length &&
      sources.every((one, place) => one === last?.sources[place])
    ) {
      return last.shown;
    }
    const base = snapshot.value ?? (count === undefined ? undefined : NOTHING_LISTED);
    const value = entries.reduce<object | undefined>(
      (before, entry) => project(before, { entry, answer: undefined, userId }, input),
      base,
    );
    const isShown = value !== undefined && (value !== NOTHING_LISTED || snapshot.value !== undefined);
    last = { sources, shown: { ...snapshot, value: isShown ? withPending(value, base) : undefined } };
    return last.shown;
  };
};

/** The list before the first answer of the server. */
const NOTHING_LISTED: Fresh<AnyPage> = {
  items: [],
  nextCursor: null,
  fetchedAt: 0,
  source: "device",
  isStale: true,
};

const withPending = (value: object, base: object | undefined): Fresh<object> => {
  if (!isList(value)) return { ...NEVER, ...value, isPending: value !== base } as Fresh<object>;
  const settled = new Set<object>(base && isList(base) ? base.items : []);
  const items = value.items.map((item) => ({
    ...item,
    isPending: !settled.has(item) && !("failure" in item),
  }));
  return { ...NEVER, ...value, items } as Fresh<AnyPage>;
};

const NEVER = { fetchedAt: 0, source: "device", isStale: true } as const;

const isList = (value: object): value is AnyPage => "items" in value;
