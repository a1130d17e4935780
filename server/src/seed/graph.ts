import { DAY_MS, HOUR_MS } from "../platform/clock.ts";
import { sortByTime, type SeedAction } from "./action.ts";
import { createSeededRandom } from "./dice.ts";
import { ACTIVE_DAYS, type SeededStudent, type WorldFrame } from "./students.ts";

/** Who knows whom. */
export interface Graph {
  /** By index of a student, those who follow her. */
  readonly followers: readonly (readonly SeededStudent[])[];
  /** By index, those whom she has among her contacts and who have her among theirs. */
  readonly friends: readonly (readonly SeededStudent[])[];
  /** Each pair once. */
  readonly pairs: readonly (readonly [SeededStudent, SeededStudent])[];
}

const LEAST_FOLLOWED = 4;
const MOST_FOLLOWED = 24;
/** Whoever is of the same country or studies the same is this much likelier to be followed. */
const AFFINITY = 6;
const FOLLOWS_BACK = 0.35;
/** Nobody follows more than this part of all, however few they are. */
const GREATEST_PART = 0.4;
const MOST_FRIENDS = 7;
const NICKNAMES = ["From the info day", "Flat in spring?", "Visa expert", "Study buddy", "Met on the train"];

/** A few are followed by many, most by some; people of one country or subject find each other. */
export const drawGraph = ({ seed }: WorldFrame, students: readonly SeededStudent[]): Graph => {
  const followers: SeededStudent[][] = students.map(() => []);
  const follow = (follower: SeededStudent, followed: SeededStudent): void => {
    const known = followers[followed.index];
    if (known && !known.includes(follower)) known.push(follower);
  };
  for (const student of students) {
    const dice = createSeededRandom(seed, "follows", student.index);
    const others = students.filter((other) => other !== student);
    const wanted = LEAST_FOLLOWED + Math.min(dice.below(MOST_FOLLOWED), dice.below(MOST_FOLLOWED));
    const count = Math.min(wanted, Math.ceil(others.length * GREATEST_PART));
    const isAlike = (other: SeededStudent): boolean =>
      other.nation === student.nation || other.subject === student.subject;
    const followed = dice.someByWeight(
      others,
      count,
      (other) => other.fame * (isAlike(other) ? AFFINITY : 1),
    );
    for (const other of followed) {
      follow(student, other);
      if (dice.isWithin(FOLLOWS_BACK)) follow(other, student);
    }
  }

  const friends: SeededStudent[][] = students.map(() => []);
  const pairs: (readonly [SeededStudent, SeededStudent])[] = [];
  for (const student of students) {
    for (const follower of followers[student.index] ?? []) {
      const isMutual = followers[follower.index]?.includes(student) ?? false;
      const [own, theirs] = [friends[student.index], friends[follower.index]];
      if (!isMutual || !own || !theirs || own.includes(follower)) continue;
      if (own.length >= MOST_FRIENDS || theirs.length >= MOST_FRIENDS) continue;
      own.push(follower);
      theirs.push(student);
      pairs.push([student, follower]);
    }
  }
  return { followers, friends, pairs };
};

/** Students follow each other, and friends note each other down. */
export const planGraph = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): SeedAction[] => {
  const follows = students.flatMap((student) => {
    const dice = createSeededRandom(seed, "followed", student.index);
    return (graph.followers[student.index] ?? []).map((follower): SeedAction => ({
      // Most find each other in the first days.
      at: beganAt - HOUR_MS - Math.floor(ACTIVE_DAYS * DAY_MS * Math.sqrt(dice.below(10_000) / 10_000)),
      adds: "follows",
      run: ({ social }) =>
        social.students.follow({ userId: follower.id, commandId: null }, { userId: student.id }),
    }));
  });
  const contacts = graph.pairs.flatMap(([one, other]) => {
    const dice = createSeededRandom(seed, "contacts", one.index, other.index);
    const at = beganAt - (ACTIVE_DAYS - 1) * DAY_MS - dice.below(DAY_MS);
    const note = (owner: SeededStudent, contact: SeededStudent): SeedAction[] => {
      const asking = { userId: owner.id, commandId: null };
      const nickname = dice.isWithin(0.2) ? dice.pick(NICKNAMES) : null;
      const added: SeedAction = {
        at,
        adds: "contacts",
        run: ({ contacts }) => contacts.add(asking, { userId: contact.id, nickname }),
      };
      const favourite: SeedAction = {
        at: at + dice.between(1, 20) * HOUR_MS,
        adds: null,
        run: ({ contacts }) => contacts.update(asking, { userId: contact.id, favourite: true }),
      };
      return dice.isWithin(0.25) ? [added, favourite] : [added];
    };
    return [...note(one, other), ...note(other, one)];
  });
  return [...sortByTime(contacts), ...sortByTime(follows)];
};
