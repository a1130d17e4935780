import type { QueryCreator } from "kysely";
import type { Queries, UnitOfWork } from "../database.ts";
import type { Tables } from "../tables/index.ts";

/** What a unit of work runs its queries on, for as long as it lasts. */
export interface UnitHandle {
  readonly tx: UnitOfWork;
  /** Every later use of `tx` fails: its connection belongs to the next unit. */
  end(): void;
  /** Runs what waited for the commit. */
  committed(): void;
}

export const createUnitOfWork = (queries: Queries, lock: UnitOfWork["lock"]): UnitHandle => {
  const tasks: (() => void)[] = [];
  let hasEnded = false;
  const late = (): Error => new Error("A unit of work was used after its end");
  return {
    tx: {
      get kysely(): QueryCreator<Tables> {
        if (hasEnded) throw late();
        return queries.kysely;
      },
      all: (query, params) => (hasEnded ? Promise.reject(late()) : queries.all(query, params)),
      first: (query, params) => (hasEnded ? Promise.reject(late()) : queries.first(query, params)),
      lock: (key) => (hasEnded ? Promise.reject(late()) : lock(key)),
      onCommit: (task) => {
        if (hasEnded) throw late();
        tasks.push(task);
      },
    },
    end: () => {
      hasEnded = true;
    },
    committed: () => {
      for (const task of tasks) task();
    },
  };
};
