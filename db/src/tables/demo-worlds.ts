import type { Generated } from "kysely";

/** Worlds of invented students, and the progress of building each. Read by `seed`. */
export interface DemoWorldsTable {
  seed: number;
  /** The number of students. */
  students: number;
  /** The end of its history: everything in the world happened before. */
  began_at: number;
  /** The number of actions that build the world; `done` of them are finished. */
  acts: number;
  done: Generated<number>;
}
