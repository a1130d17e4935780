import type { Database, UnitOfWork } from "@edvoyage/db";
import type { Audit } from "../audit/audit.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Clock } from "../platform/clock.ts";
import type { NewId } from "../platform/crypto.ts";
import { AppError } from "../platform/errors.ts";
import { countActions, type SeedServices, type WorldCounts } from "./action.ts";
import { createSeedId } from "./ids.ts";
import { planWorld, type WorldPlan } from "./plan.ts";
import { seedQueries as queries } from "./seed.store.ts";

/** How far a world has come. */
export interface WorldProgress {
  /** `built` when there is nothing left to do. */
  readonly state: "building" | "built";
  readonly seed: number;
  readonly students: number;
  /** Acts that are done, of `acts`. */
  readonly done: number;
  readonly acts: number;
  /** What this call has added. */
  readonly added: WorldCounts;
  /** Of a whole world the first student, with a number to sign in with; `null` until then, and when she was erased. */
  readonly signInAs: { readonly name: string | null; readonly phone: string } | null;
}

/** Which world. The same seed is the same world, whenever and wherever it is made. */
export interface WorldRequest {
  readonly seed: number;
  readonly students: number;
  /** Whether invented students may come among real ones. */
  readonly evenInProduction: boolean;
}

/** Worlds of invented students for developers and for shows: real rows, made by the features themselves. */
export interface Seed {
  /**
   * Begins a world, or goes on with it, by a bounded number of acts: whoever wants all of it calls until it is `built`. What is
   * there stays as it is, and nothing is added twice, whenever it was interrupted. Touches no student but its own. Throws
   * `forbidden` in production unless it is allowed, `conflict` for another number of students
   * under a known seed, for what another version has begun and when numbers run out.
   */
  world(request: WorldRequest): Promise<WorldProgress>;
}

export interface SeedDeps {
  readonly database: Database;
  readonly audit: Pick<Audit, "record">;
  readonly catalogue: Pick<Catalogue, "samples" | "seed">;
  readonly clock: Clock;
  readonly isProduction: boolean;
  /** The features as they work inside a unit of work, by another clock. */
  readonly servicesIn: (
    tx: UnitOfWork,
    surroundings: { readonly clock: Clock; readonly newId: NewId },
  ) => SeedServices;
}

/** Others wait for one unit: some 40 ms. */
const ACTS_PER_UNIT = 100;
const UNITS_PER_CALL = 4;

export const createSeed = (deps: SeedDeps): Seed => {
  const { database, audit, catalogue, clock, isProduction, servicesIn } = deps;
  /** The one that was asked for last: a plan takes longer than the acts of a unit. */
  let known: { readonly key: string; readonly plan: WorldPlan } | undefined;

  const planOf = async ({
    seed,
    students,
    beganAt,
  }: Pick<WorldFacts, "seed" | "students" | "beganAt">): Promise<WorldPlan> => {
    const key = `${seed}/${students}/${beganAt}`;
    if (known?.key === key) return known.plan;
    const universities = await catalogue.samples();
    const plan = planWorld({ seed, students, beganAt, idOf: createSeedId(seed), universities });
    known = { key, plan };
    return plan;
  };

  /** What a world leans on: the sample catalogue, or what of it is missing. */
  const completeCatalogue = (): Promise<Pick<WorldCounts, "universities" | "courses">> =>
    database.write(async (tx) => {
      const { universities, courses } = await catalogue.seed(tx);
      if (universities + courses > 0) {
        const reason = `${universities} universities and ${courses} courses added`;
        await audit.record(tx, { at: clock.now(), action: "catalogue.seeded", actor: "admin", reason });
      }
      return { universities, courses };
    });

  /** Begins a world now, unless somebody else has meanwhile. */
  const begin = async ({ seed, students }: WorldRequest): Promise<WorldFacts> => {
    const beganAt = clock.now();
    const { acts } = await planOf({ seed, students, beganAt });
    return database.write(async (tx) => {
      await tx.lock(lockOf(seed));
      const other = await tx.first(queries.world, { seed });
      if (other) return rowToFacts(other);
      await tx.all(queries.begin, { seed, students, beganAt, acts: acts.length });
      const reason = `seed ${seed} with ${students} students`;
      await audit.record(tx, { at: beganAt, action: "world.seeded", actor: "admin", reason });
      return { seed, students, beganAt, acts: acts.length, done: 0 };
    });
  };

  /** Does some acts after those that are done, whoever did them; returns where it began and ended. */
  const buildSome = (facts: WorldFacts, { acts }: WorldPlan): Promise<{ from: number; to: number }> =>
    database.write(async (tx) => {
      const { seed } = facts;
      await tx.lock(lockOf(seed));
      const from = (await tx.first(queries.world, { seed }))?.done ?? 0;
      const idOf = createSeedId(seed);
      let now = facts.beganAt;
      let made = 0;
      let place = from;
      const services = servicesIn(tx, {
        clock: { now: () => now, every: () => () => {} },
        newId: <Kind extends string>(at: number) => idOf<Kind>(at, "made", place, (made += 1)),
      });
      for (const act of acts.slice(from, from + ACTS_PER_UNIT)) {
        now = act.at;
        await act.run(services);
        place += 1;
      }
      await tx.all(queries.advance, { seed, done: place });
      return { from, to: place };
    });

  return {
    world: async (request) => {
      const { seed, students, evenInProduction } = request;
      if (isProduction && !evenInProduction) {
        throw new AppError(
          "forbidden",
          "This server is in production: invented students have no place among real ones.",
        );
      }
      const found = await database.read.first(queries.world, { seed });
      const added = { ...countActions([]), ...(found ? {} : await completeCatalogue()) };
      const facts = found ? rowToFacts(found) : await begin(request);
      if (facts.students !== students) {
        throw new AppError(
          "conflict",
          `Seed ${seed} is a world of ${facts.students} students: choose another seed.`,
        );
      }
      let { done } = facts;
      for (let unit = 0; unit < UNITS_PER_CALL && done < facts.acts; unit += 1) {
        const plan = await planOf(facts);
        if (plan.acts.length !== facts.acts) {
          throw new AppError(
            "conflict",
            `Another version began seed ${seed} and did not end it: choose another seed.`,
          );
        }
        const { from, to } = await buildSome(facts, plan);
        for (const { adds } of plan.acts.slice(from, to)) if (adds) added[adds] += 1;
        done = to;
      }
      const isBuilt = done === facts.acts;
      const signInAs = isBuilt ? await firstStudent(facts) : null;
      if (isBuilt) known = undefined;
      return {
        state: isBuilt ? "built" : "building",
        seed,
        students,
        done,
        acts: facts.acts,
        added,
        signInAs,
      };
    },
  };

  async function firstStudent(facts: WorldFacts): Promise<WorldProgress["signInAs"]> {
    const [first] = (await planOf(facts)).students;
    return (first && (await database.read.first(queries.student, { id: first.id }))) ?? null;
  }
};

/** What is kept of a world. */
interface WorldFacts {
  readonly seed: number;
  readonly students: number;
  readonly beganAt: number;
  readonly acts: number;
  readonly done: number;
}

const rowToFacts = (row: {
  seed: number;
  students: number;
  began_at: number;
  acts: number;
  done: number;
}): WorldFacts => ({
  seed: row.seed,
  students: row.students,
  beganAt: row.began_at,
  acts: row.acts,
  done: row.done,
});

const lockOf = (seed: number): string => `seed:${seed}`;
