import { DAY_MS, HOUR_MS, MINUTE_MS } from "../platform/clock.ts";
import { sortByTime, type SeedAction } from "./action.ts";
import { createSeededRandom } from "./dice.ts";
import { ACTIVE_DAYS, type SeededStudent, type WorldFrame } from "./students.ts";

const MOST_UNIVERSITIES = 4;
const MOST_COURSES = 6;
const READS_NOTIFICATIONS = 0.6;

/** Plans favourites: universities where a student would like to study, and courses there. */
export const planFavourites = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
): SeedAction[] =>
  students.flatMap(({ index, id, goals }) => {
    const dice = createSeededRandom(seed, "favourites", index);
    const universities = dice.some(goals, dice.between(1, MOST_UNIVERSITIES));
    const courses = dice.some(
      goals.flatMap((university) => university.courses),
      dice.below(MOST_COURSES + 1),
    );
    const targets = [
      ...universities.map((university) => ({ kind: "university", id: university.id }) as const),
      ...courses.map((course) => ({ kind: "course", id: course.id }) as const),
    ];
    // One student after the other, so that each student's document is read once.
    return sortByTime(
      targets.map((target): SeedAction => ({
        at: beganAt - HOUR_MS - dice.below((ACTIVE_DAYS - 1) * DAY_MS),
        adds: "favourites",
        run: ({ favourites }) => favourites.add(id, { target, commandId: undefined }),
      })),
    );
  });

/**
 * Plans that most students have read their notifications. The first student has not, because developers sign in as that
 * student.
 */
export const planNotificationReads = (
  { seed, beganAt }: WorldFrame,
  students: readonly SeededStudent[],
): SeedAction[] =>
  students.flatMap(({ index, id }): SeedAction[] => {
    const dice = createSeededRandom(seed, "news", index);
    if (index === 0 || !dice.isWithin(READS_NOTIFICATIONS)) return [];
    return [
      {
        at: beganAt - dice.between(5, 55) * MINUTE_MS,
        adds: null,
        run: ({ notifications }) => notifications.markRead({ userId: id, commandId: null }, { all: true }),
      },
    ];
  });
