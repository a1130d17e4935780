import type { UserId } from "@edvoyage/protocol";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { Fresh, OwnChange, Projections, Query, ReadSnapshot } from "./query.ts";

/** What is read, as it is here: with what waits in the outbox. */
export type Project = (
  snapshot: ReadSnapshot<object>,
  entries: readonly OutboxEntry[],
) => ReadSnapshot<object>;

/** What lists have in common. */
interface AnyList {
  readonly items: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
}

/** The same with a procedure of any name: what it is called with is of that procedure. */
type AnyProjection = (value: object | undefined, change: OwnChange, input: unknown) => object | undefined;

export const projectionOf = (projections: Projections, procedure: string): AnyProjection | undefined =>
  (projections as Readonly<Record<string, AnyProjection | undefined>>)[procedure];

/** The part of a student's data that a procedure belongs to, such as "contacts". */
export const areaOf = (procedure: string): string => procedure.slice(0, procedure.indexOf("."));

/**
 * Makes the projection of one query. What a command that waits has changed is marked as pending: the items of a list, or the
 * value itself. It remembers its last result only to give the same object again.
 */
export const createProjection = (
  { procedure, input, count }: Query,
  { project, userId }: { readonly project: AnyProjection; readonly userId: UserId },
): Project => {
  const area = areaOf(procedure);
  let last: { readonly of: readonly unknown[]; readonly shown: ReadSnapshot<object> } | undefined;

  return (snapshot, entries) => {
    const own = entries.filter((entry) => areaOf(entry.procedure) === area);
    const of = [snapshot, ...own.flatMap(({ id, input: content, state }) => [id, content, state])];
    if (last && last.of.length === of.length && of.every((one, place) => one === last?.of[place])) {
      return last.shown;
    }
    const known = snapshot.value ?? (count === undefined ? undefined : NOTHING_LISTED);
    const value = own.reduce<object | undefined>(
      (before, entry) => project(before, { entry, answer: undefined, userId }, input),
      known,
    );
    const isShown = value !== undefined && (value !== NOTHING_LISTED || snapshot.value !== undefined);
    last = { of, shown: { ...snapshot, value: isShown ? withPending(value, known) : undefined } };
    return last.shown;
  };
};

/** Before the server has said anything. */
const NOTHING_LISTED: Fresh<AnyList> = {
  items: [],
  nextCursor: null,
  fetchedAt: 0,
  source: "device",
  isStale: true,
};

const withPending = (value: object, known: object | undefined): Fresh<object> => {
  if (!isList(value)) return { ...NEVER, ...value, isPending: value !== known } as Fresh<object>;
  const settled = new Set<object>(known && isList(known) ? known.items : []);
  const items = value.items.map((item) => ({
    ...item,
    isPending: !settled.has(item) && !("failure" in item),
  }));
  return { ...NEVER, ...value, items } as Fresh<AnyList>;
};

const NEVER = { fetchedAt: 0, source: "device", isStale: true } as const;

const isList = (value: object): value is AnyList => "items" in value;
