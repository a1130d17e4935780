import type { QueryCreator } from "kysely";
import type { Queries, UnitOfWork } from "../database.ts";
import type { Tables } from "../tables/index.ts";

/** A unit of work, and the functions that end it. */
export interface UnitHandle {
  readonly tx: UnitOfWork;
  /** Makes every later use of `tx` fail, because its connection belongs to the next unit. */
  end(): void;
  /** Runs the tasks that wait for the commit. */
  committed(): void;
}

export const createUnitOfWork = (queries: Queries, lock: UnitOfWork["lock"]): UnitHandle => {
  const tasks: (() => void)[] = [];
  let hasEnded = false;
  const endedError = (): Error => new Error("A unit of work was used after its end");
  return {
    tx: {
      get kysely(): QueryCreator<Tables> {
        if (hasEnded) throw endedError();
        return queries.kysely;
      },
      all: (query, params) => (hasEnded ? Promise.reject(endedError()) : queries.all(query, params)),
      first: (query, params) => (hasEnded ? Promise.reject(endedError()) : queries.first(query, params)),
      lock: (key) => (hasEnded ? Promise.reject(endedError()) : lock(key)),
      onCommit: (task) => {
        if (hasEnded) throw endedError();
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
