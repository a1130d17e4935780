import type { Generated } from "kysely";

/** Worlds of invented students, and how far each has come. Read by `seed`. */
export interface DemoWorldsTable {
  seed: number;
  /** How many it has. */
  students: number;
  /** The end of its history: everything in it happened before. */
  began_at: number;
  /** Acts that it takes, and how many of them are done; equal when it is whole. */
  acts: number;
  done: Generated<number>;
}
