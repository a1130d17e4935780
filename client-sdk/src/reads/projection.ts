import type { Page, UserId } from "@edvoyage/protocol";
import { isCreation, isRepeated } from "../outbox/command-kinds.ts";
import type { OutboxEntry } from "../outbox/outbox-entry.ts";
import type { QueuedProcedure } from "../rpc/queued-inputs.ts";
import type { ErrorReason } from "../runtime/errors.ts";
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
 * Creates the projection of one query. It marks what pending commands have changed as pending, and what failed commands are
 * about with their reason: items of a list, or the value itself. It remembers its last result only to return the same object again.
 */
export const createProjection = (
  { procedure, input, count }: Query,
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
    last = {
      sources,
      shown: { ...snapshot, value: isShown ? withState(value, { base, entries, procedure }) : undefined },
    };
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

/** Adds `isPending` and `failure` to a value, or to the items of a list. Nothing is both. */
const withState = (
  value: object,
  {
    base,
    entries,
    procedure,
  }: {
    readonly base: object | undefined;
    readonly entries: readonly OutboxEntry[];
    readonly procedure: string;
  },
): Fresh<object> => {
  const failed = entries.filter((entry) => entry.state === "failed" && !isRepeated(entry, entries));
  const stateOf = (thing: object, isChanged: boolean) => {
    const failure = "failure" in thing ? thing.failure : failureOf(thing, failed, procedure);
    return failure === undefined ? { isPending: isChanged } : { isPending: false, failure };
  };
  if (!isList(value)) return { ...NEVER, ...value, ...stateOf(value, value !== base) } as Fresh<object>;
  const settled = new Set<object>(base && isList(base) ? base.items : []);
  const items = value.items.map((item) => ({ ...item, ...stateOf(item, !settled.has(item)) }));
  return { ...NEVER, ...value, items } as Fresh<AnyPage>;
};

/** Commands about the one value of a query that has no id. */
const ONLY_CHANGES: Readonly<Record<string, QueuedProcedure>> = {
  "profile.get": "profile.update",
  "notifications.preferences": "notifications.setPreferences",
};

/** Returns why the newest failed command about a thing was refused. */
const failureOf = (
  thing: object,
  failed: readonly OutboxEntry[],
  procedure: string,
): ErrorReason | undefined => {
  const { id, userId } = thing as { readonly id?: unknown; readonly userId?: unknown };
  const ids = [id, userId].filter((one) => typeof one === "string");
  const isAbout = (entry: OutboxEntry): boolean =>
    ONLY_CHANGES[procedure] === entry.procedure ||
    ids.includes(entry.id) ||
    (!isCreation(entry) && Object.values(entry.input).some((one) => ids.includes(one as string)));
  const last = failed.filter(isAbout).at(-1);
  return last?.state === "failed" ? last.reason : undefined;
};

const NEVER = { fetchedAt: 0, source: "device", isStale: true } as const;

const isList = (value: object): value is AnyPage => "items" in value;
