import { DAY_MS, HOUR_MS } from "../platform/clock.ts";
import { sortByTime, type SeedAction } from "./action.ts";
import { createSeededRandom } from "./dice.ts";
import { ACTIVE_DAYS, type SeededStudent, type WorldFrame } from "./students.ts";

/** The follows and friendships between students. */
export interface Graph {
  /** The followers of each student, by the student's index. */
  readonly followers: readonly (readonly SeededStudent[])[];
  /** The friends of each student, by the student's index. Friends have each other among their contacts. */
  readonly friends: readonly (readonly SeededStudent[])[];
  /** Pairs of friends, each pair once. */
  readonly pairs: readonly (readonly [SeededStudent, SeededStudent])[];
}

const LEAST_FOLLOWED = 4;
const MOST_FOLLOWED = 24;
/** How much likelier a student follows somebody from the same country or of the same subject. */
const AFFINITY = 6;
const FOLLOWS_BACK = 0.35;
/** The greatest part of all other students that one student follows. */
const GREATEST_PART = 0.4;
const MOST_FRIENDS = 7;
const NICKNAMES = ["From the info day", "Flat in spring?", "Visa expert", "Study buddy", "Met on the train"];

/**
 * Draws the graph. A few students have many followers, most have some. Students of the same country or subject often
 * follow each other.
 */
export const drawGraph = ({ seed }: WorldFrame, students: readonly SeededStudent[]): Graph => {
  const followers: SeededStudent[][] = students.map(() => []);
  const follow = (follower: SeededStudent, followed: SeededStudent): void => {
    const existing = followers[followed.index];
    if (existing && !existing.includes(follower)) existing.push(follower);
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

/** Plans the follows, and that friends add each other to their contacts. */
export const planGraph = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
  graph: Graph,
): SeedAction[] => {
  const follows = students.flatMap((student) => {
    const dice = createSeededRandom(seed, "followed", student.index);
    return (graph.followers[student.index] ?? []).map((follower): SeedAction => ({
      // Most follows happen in the first days.
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
      const source = { userId: owner.id, commandId: null };
      const nickname = dice.isWithin(0.2) ? dice.pick(NICKNAMES) : null;
      const added: SeedAction = {
        at,
        adds: "contacts",
        run: ({ contacts }) => contacts.add(source, { userId: contact.id, nickname }),
      };
      const favourite: SeedAction = {
        at: at + dice.between(1, 20) * HOUR_MS,
        adds: null,
        run: ({ contacts }) => contacts.update(source, { userId: contact.id, favourite: true }),
      };
      return dice.isWithin(0.25) ? [added, favourite] : [added];
    };
    return [...note(one, other), ...note(other, one)];
  });
  return [...sortByTime(contacts), ...sortByTime(follows)];
};
