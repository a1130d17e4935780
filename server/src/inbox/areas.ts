import { prepare, type Queries, type UnitOfWork } from "@edvoyage/db";
import type { Area, AreaChange, UserId } from "@edvoyage/protocol";
import type { Clock } from "../platform/clock.ts";
import { createLookBack } from "../platform/look-back.ts";

/** Tells a student's devices which of their areas changed, whether one of the devices or somebody else made the change. */
export interface Areas {
  /** Call it in the unit of work that changes the area's content. The student's open sockets are told after the commit. */
  touch(tx: UnitOfWork, userId: UserId, change: { readonly area: Area; readonly now: number }): Promise<void>;
  /** Returns the areas that changed at or after an instant. */
  changedSince(userId: UserId, since: number): Promise<readonly AreaChange[]>;
  /** Tells the sockets of this process about changes by other processes. */
  notice(): Promise<void>;
}

/** How far back to look for changes by other processes: a commit may become visible after its `changed_at`. */
const NOTICE_OVERLAP_MS = 20_000;

const touch = prepare<{ userId: UserId; area: Area; now: number }>()((query, param) =>
  query
    .insertInto("area_changes")
    .values({ user_id: param.userId, area: param.area, changed_at: param.now })
    .onConflict((conflict) =>
      conflict
        .columns(["user_id", "area"])
        // Always increases: also within one millisecond, when a commit is overtaken by another, and when the clock is set back.
        .doUpdateSet((eb) => ({
          changed_at: eb
            .case()
            .when("excluded.changed_at", ">", eb.ref("area_changes.changed_at"))
            .then(eb.ref("excluded.changed_at"))
            .else(eb("area_changes.changed_at", "+", 1))
            .end(),
        })),
    ),
);

const changedSince = prepare<{ userId: UserId; since: number }>()((query, param) =>
  query
    .selectFrom("area_changes")
    .select(["area", "changed_at"])
    .where("user_id", "=", param.userId)
    .where("changed_at", ">=", param.since)
    .orderBy("area"),
);

const allSince = prepare<{ since: number }>()((query, param) =>
  query
    .selectFrom("area_changes")
    .select(["user_id", "area", "changed_at"])
    .where("changed_at", ">=", param.since),
);

export const createAreas = (deps: {
  readonly read: Queries;
  readonly clock: Clock;
  readonly inboxChanged: (userId: UserId, area: Area) => void;
}): Areas => {
  const { read, clock, inboxChanged } = deps;
  const lookBack = createLookBack(clock, NOTICE_OVERLAP_MS);
  let noticed: ReadonlySet<string> = new Set();
  return {
    touch: async (tx, userId, { area, now }) => {
      await tx.all(touch, { userId, area, now });
      tx.onCommit(() => inboxChanged(userId, area));
    },

    changedSince: async (userId, since) =>
      (await read.all(changedSince, { userId, since })).map((row) => ({
        area: row.area,
        changedAt: row.changed_at,
      })),

    notice: async () => {
      const rows = await lookBack.read((since) => read.all(allSince, { since }));
      const keyOf = (row: (typeof rows)[number]): string => `${row.user_id}/${row.area}/${row.changed_at}`;
      for (const row of rows) if (!noticed.has(keyOf(row))) inboxChanged(row.user_id, row.area);
      noticed = new Set(rows.map(keyOf));
    },
  };
};
