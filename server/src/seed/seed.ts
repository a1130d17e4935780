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

/** The progress of a world. */
export interface WorldProgress {
  /** `built` when there is nothing left to do. */
  readonly state: "building" | "built";
  readonly seed: number;
  readonly students: number;
  /** How many of `acts` are done. */
  readonly done: number;
  readonly acts: number;
  /** The number of things that this call added, by kind. */
  readonly added: WorldCounts;
  /**
   * The first student, with a number to sign in with. `null` until the world is built, and when that student was
   * erased.
   */
  readonly signInAs: { readonly name: string | null; readonly phone: string } | null;
}

/** The world to build. The same seed makes the same world, whenever and wherever it is built. */
export interface WorldRequest {
  readonly seed: number;
  readonly students: number;
  /** Whether a production server, which has real students, may get invented ones. */
  readonly evenInProduction: boolean;
}

/** Builds worlds of invented students for development and demos: real rows, written by the features themselves. */
export interface Seed {
  /**
   * Starts a world, or continues it, with a bounded number of acts; call it until the state is `built`. Keeps existing
   * rows and adds nothing twice, wherever it was interrupted. Touches only its own students. Throws `forbidden` in
   * production without `evenInProduction`. Throws `conflict` for a known seed with another number of students, for a
   * world that another version started, and when phone numbers run out.
   */
  world(request: WorldRequest): Promise<WorldProgress>;
}

export interface SeedDeps {
  readonly database: Database;
  readonly audit: Pick<Audit, "record">;
  readonly catalogue: Pick<Catalogue, "samples" | "seed">;
  readonly clock: Clock;
  readonly isProduction: boolean;
  /** Creates the features for one unit of work, with another clock. */
  readonly servicesIn: (
    tx: UnitOfWork,
    environment: { readonly clock: Clock; readonly newId: NewId },
  ) => SeedServices;
}

/** Acts of one unit of work. Other writes wait for it, about 40 ms. */
const ACTS_PER_UNIT = 100;
const UNITS_PER_CALL = 4;

export const createSeed = (deps: SeedDeps): Seed => {
  const { database, audit, catalogue, clock, isProduction, servicesIn } = deps;
  /** The plan that was used last. It is kept because planning takes longer than the acts of one unit. */
  let lastPlan: { readonly key: string; readonly plan: WorldPlan } | undefined;

  const planOf = async ({
    seed,
    students,
    beganAt,
  }: Pick<WorldFacts, "seed" | "students" | "beganAt">): Promise<WorldPlan> => {
    const key = `${seed}/${students}/${beganAt}`;
    if (lastPlan?.key === key) return lastPlan.plan;
    const universities = await catalogue.samples();
    const plan = planWorld({ seed, students, beganAt, idOf: createSeedId(seed), universities });
    lastPlan = { key, plan };
    return plan;
  };

  /** Adds the sample catalogue, or its missing entries: a world depends on it. */
  const completeCatalogue = (): Promise<Pick<WorldCounts, "universities" | "courses">> =>
    database.write(async (tx) => {
      const { universities, courses } = await catalogue.seed(tx);
      if (universities + courses > 0) {
        const reason = `${universities} universities and ${courses} courses added`;
        await audit.record(tx, { at: clock.now(), action: "catalogue.seeded", actor: "admin", reason });
      }
      return { universities, courses };
    });

  /** Starts a world now, unless another call has started it in the meantime. */
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

  /** Runs the next acts after those that are done already; returns the range of acts that it ran. */
  const buildUnit = (facts: WorldFacts, { acts }: WorldPlan): Promise<{ from: number; to: number }> =>
    database.write(async (tx) => {
      const { seed } = facts;
      await tx.lock(lockOf(seed));
      const from = (await tx.first(queries.world, { seed }))?.done ?? 0;
      const idOf = createSeedId(seed);
      let now = facts.beganAt;
      let made = 0;
      let place = from;
      const services = servicesIn(tx, {
        clock: { now: () => now, monotonicNow: () => now, every: () => () => {} },
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
          "This server is in production: invented students do not belong among real ones.",
        );
      }
      const found = await database.read.first(queries.world, { seed });
      const added = { ...countActions([]), ...(found ? {} : await completeCatalogue()) };
      const facts = found ? rowToFacts(found) : await begin(request);
      if (facts.students !== students) {
        throw new AppError(
          "conflict",
          `Seed ${seed} already has a world of ${facts.students} students: choose another seed.`,
        );
      }
      let { done } = facts;
      for (let unit = 0; unit < UNITS_PER_CALL && done < facts.acts; unit += 1) {
        const plan = await planOf(facts);
        if (plan.acts.length !== facts.acts) {
          throw new AppError(
            "conflict",
            `Another version started seed ${seed} and did not finish it: choose another seed.`,
          );
        }
        const { from, to } = await buildUnit(facts, plan);
        for (const { adds } of plan.acts.slice(from, to)) if (adds) added[adds] += 1;
        done = to;
      }
      const isBuilt = done === facts.acts;
      const signInAs = isBuilt ? await firstStudent(facts) : null;
      if (isBuilt) lastPlan = undefined;
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

/** The stored row of a world. */
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
