/** The levels of the catalogue's courses. */
export const COURSE_LEVELS = ["bachelor", "master", "doctorate"] as const;
/** What a course leads to. */
export type CourseLevel = (typeof COURSE_LEVELS)[number];
